"""What a person does on the tab "Compare"."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from .conftest import Serving, free_port

pytestmark = pytest.mark.browser

EXAMPLES = Path(__file__).parents[2] / "service" / "page" / "examples"
PERCENT = re.compile(r"^\d{1,3}\.\d\s%$")
MILLISECONDS = re.compile(r"^\d+(\.\d)?\sms$")
COLOURS = """async (canvas) => {
    await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
    const {data} = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    return new Set(new Uint32Array(data.buffer)).size;
}"""


@pytest.fixture
def compare(page: Page, service: str) -> Page:
    open_compare(page, service)
    return page


def open_compare(page: Page, service: str) -> None:
    page.goto(f"{service}#compare")
    page.locator("#examples button").first.wait_for()
    page.locator("#choices input").first.wait_for()


def result(page: Page, name: str) -> Locator:
    return page.get_by_role("article", name=name)


def take_an_example(page: Page) -> None:
    page.get_by_role("button", name=re.compile("^Cat")).click()


def test_one_photograph_through_all_networks(compare: Page) -> None:
    take_an_example(compare)
    expect(compare.locator("#compare-status")).to_contain_text("3 networks answered. Read once in")
    for name in ("lenet5_plain", "squeezenet1_1", "resnet50"):
        shown = result(compare, name)
        expect(shown.locator(".share")).to_have_text([PERCENT] * 5)
        expect(shown.locator("dt")).to_have_text(["queue", "infer", "post", "total"])
        expect(shown.locator("dd")).to_have_text([MILLISECONDS] * 4)
        expect(shown.locator("canvas")).to_have_attribute("aria-label", re.compile("the map of"))
        assert shown.locator("canvas").evaluate(COLOURS) > 1000
        untrained = shown.get_by_text("untrained: meaningless")
        expect(untrained).to_have_count(1 if name == "resnet50" else 0)


def test_only_the_chosen_networks_run(compare: Page) -> None:
    compare.get_by_role("checkbox", name="resnet50").uncheck()
    take_an_example(compare)
    expect(compare.locator("#compare-status")).to_contain_text("2 networks answered")
    expect(compare.get_by_role("article")).to_have_count(2)

    compare.get_by_role("checkbox", name="lenet5_plain").uncheck()
    compare.get_by_role("button", name="Compare", exact=True).click()
    expect(compare.locator("#compare-status")).to_contain_text("1 network answered")
    compare.get_by_role("checkbox", name="squeezenet1_1").uncheck()
    compare.get_by_role("button", name="Compare", exact=True).click()
    expect(compare.locator("#compare-status")).to_have_text("Choose at least one network.")


def test_networks_that_are_not_loaded_load_and_say_so(page: Page, serving: Serving) -> None:
    with serving(CONVOY_PRELOAD_GIB="0") as address:
        open_compare(page, address)
        expect(page.get_by_text("loads when asked")).to_have_count(3)
        take_an_example(page)
        loaded = page.get_by_text(re.compile(r"^Loaded on demand in \d+(\.\d)?\sms\. null none"))
        expect(loaded).to_have_count(3)
        expect(page.get_by_text("loads when asked")).to_have_count(0)
        page.get_by_role("button", name="Compare", exact=True).click()
        expect(loaded).to_have_count(0)
        expect(page.locator("#compare-status")).to_contain_text("3 networks answered")


def test_a_network_that_failed_says_why_beside_the_others(compare: Page) -> None:
    def altered(route: Route) -> None:
        body = route.fetch().json()
        body["results"][0] = {"model": "lenet5_plain", "problem": "lenet5_plain takes 9 GiB"}
        route.fulfill(json=body)

    compare.route("**/compare?*", altered)
    take_an_example(compare)
    expect(compare.locator("#compare-status")).to_contain_text("2 networks answered, 1 did not")
    expect(result(compare, "lenet5_plain")).to_contain_text("lenet5_plain takes 9 GiB")
    expect(result(compare, "lenet5_plain").locator(".share").first).to_be_empty()
    expect(result(compare, "squeezenet1_1").locator(".share").first).to_have_text(PERCENT)


def test_a_failing_upload_is_told_and_the_page_goes_on(compare: Page, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.jpg"
    wrong.write_text("a text that calls itself a photograph")
    compare.get_by_label("Choose a photograph").set_input_files(wrong)
    expect(compare.get_by_role("alert")).to_contain_text("Not a readable image")
    expect(compare.get_by_role("article")).to_have_count(0)

    compare.get_by_label("Choose a photograph").set_input_files(EXAMPLES / "cat.jpg")
    expect(compare.get_by_role("alert")).to_be_hidden()
    expect(compare.locator("#compare-status")).to_contain_text("3 networks answered")


def test_try_and_compare_share_the_photograph(compare: Page) -> None:
    take_an_example(compare)
    expect(compare.locator("#compare-status")).to_contain_text("3 networks answered")
    compare.get_by_role("tab", name="Try").click()
    expect(compare.locator("#spoken")).to_contain_text("squeezenet1_1: ")
    compare.get_by_role("button", name=re.compile("^Coffee")).click()
    expect(compare.locator("#canvas")).to_have_attribute("aria-label", re.compile("espresso"))
    compare.get_by_role("tab", name="Compare").click()
    canvas = result(compare, "squeezenet1_1").locator("canvas")
    expect(canvas).to_have_attribute("aria-label", re.compile("espresso.*the map of"))


def test_the_service_goes_away_and_comes_back(page: Page, serving: Serving) -> None:
    port = free_port()
    with serving(port) as address:
        open_compare(page, address)
        take_an_example(page)
        expect(page.locator("#compare-status")).to_contain_text("3 networks answered")
    page.get_by_role("button", name="Compare", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("The service does not answer")
    expect(page.get_by_role("article")).to_have_count(0)
    with serving(port):
        page.get_by_role("button", name="Try again").click()
        expect(page.locator("#compare-status")).to_contain_text("3 networks answered")
        expect(page.get_by_role("alert")).to_be_hidden()
