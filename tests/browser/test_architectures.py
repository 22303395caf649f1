"""What a person does on the tab "Architectures"."""

import re
from itertools import pairwise

import pytest
from playwright.sync_api import Page, Route, expect

from .conftest import Serving, ask, free_port

pytestmark = pytest.mark.browser

PATIENCE = 15_000  # milliseconds; the tab asks every three seconds
FIRST = re.compile("28 . 28 . 6")  # LeNet's first maps


@pytest.fixture
def table(page: Page, service: str) -> Page:
    for name in ("lenet5_plain", "squeezenet1_1", "resnet50"):
        ask(service, name)
    page.goto(f"{service}#architectures")
    expect(page.get_by_role("row", name="squeezenet1_1")).to_contain_text("728K")
    return page


def names(page: Page) -> list[str]:
    return page.locator("#catalogue-rows th").all_inner_texts()


def test_a_row_says_what_a_network_is(table: Page) -> None:
    table.get_by_text("728K").wait_for()
    lenet = table.get_by_role("row", name="lenet5_plain").get_by_role("cell")
    expect(lenet.nth(0)).to_have_text("61.7K")  # the lecture's LeNet-5 has 60k parameters
    expect(lenet.nth(2)).to_have_text("95.3\u00a0%")
    expect(lenet.nth(3)).to_contain_text("ms")
    expect(lenet.nth(4)).to_have_text(re.compile("^32 . 32 grey$"))
    expect(lenet.nth(5)).to_have_text("10")
    expect(lenet.nth(6)).to_have_text("trained: v1")
    resnet = table.get_by_role("row", name="resnet50").get_by_role("cell")
    expect(resnet.nth(0)).to_have_text("\u2013")
    expect(resnet.nth(6)).to_have_text("untrained: meaningless")


def test_a_heading_sorts_both_ways_and_the_unknown_stays_last(table: Page) -> None:
    assert names(table) == ["lenet5_plain", "resnet50", "squeezenet1_1"]
    heading = table.get_by_role("columnheader", name="Parameters")
    for order, first, second in (
        ("ascending", "lenet5_plain", "squeezenet1_1"),
        ("descending", "squeezenet1_1", "lenet5_plain"),
    ):
        heading.get_by_role("button").press("Enter")
        expect(heading).to_have_attribute("aria-sort", order)
        assert names(table) == [first, second, "resnet50"]
    expect(table.locator("[aria-sort]")).to_have_count(1)


def test_a_network_shows_its_layers(table: Page) -> None:
    table.get_by_role("row", name="lenet5_plain").get_by_role("cell").first.click()
    layers = table.get_by_role("region", name="lenet5_plain, layer by layer").first
    expect(layers).to_be_focused()
    expect(layers).to_contain_text("5 layers with weights, 61.7K parameters, 417K multiply-adds.")
    first = layers.get_by_role("row").nth(2)
    expect(first).to_contain_text(FIRST)

    table.get_by_role("button", name="resnet50").press("Enter")
    expect(table.locator("#layers-title")).to_have_text("resnet50, layer by layer")
    expect(table.locator("#layers-table")).to_contain_text("was exported without one")


def test_bubbles_tell_on_hover_and_focus(table: Page) -> None:
    table.get_by_label("Multiply-adds", exact=True).check()  # latencies may lie on each other
    expect(table.locator(".bubble")).to_have_count(2)
    expect(table.locator("#bubbles-note")).to_contain_text("2 of 3 networks")
    tell = table.locator("#bubbles-tell")
    table.get_by_role("img", name="squeezenet1_1: ").hover()
    expect(tell).to_contain_text("squeezenet1_1: 95.3\u00a0% top-1")
    expect(tell).to_contain_text("728K parameters")
    table.get_by_role("img", name="lenet5_plain: ").focus()
    expect(tell).to_contain_text("lenet5_plain: 95.3\u00a0% top-1")


def test_who_was_never_trained_looks_different_and_has_no_accuracy(table: Page) -> None:
    expect(table.locator(".bubble")).to_have_count(3)
    expect(table.locator("#bubbles")).to_contain_text("Top-1 not measured")
    untrained = table.get_by_role("img", name="resnet50: top-1 not measured")
    expect(untrained).to_have_class("bubble untrained")
    expect(untrained).to_have_attribute("aria-label", re.compile("untrained$"))
    expect(table.locator(".untrained")).to_have_count(1)
    lowest = max(height(table, name) for name in ("lenet5_plain", "squeezenet1_1"))
    assert height(table, "resnet50") > lowest  # pixels grow downwards


def height(page: Page, name: str) -> float:
    circle = page.get_by_role("img", name=f"{name}: ").locator("circle")
    return float(circle.get_attribute("cy") or 0)


@pytest.mark.parametrize(("small", "large", "steps"), [(0.99, 0.95, 0), (0.95, 0.99, 1)])
def test_the_front_leaves_out_whom_another_beats(
    page: Page, service: str, small: float, large: float, steps: int
) -> None:
    """A larger network is on the front only if it is right more often, on the same data."""

    def measured(route: Route) -> None:
        content = route.fetch().json()
        for model in content["models"]:
            if model["weights"]["trained"]:
                model["metrics"]["top1"] = small if model["name"] == "lenet5_plain" else large
                model["weights"]["trained_on"] = "the same"
        route.fulfill(json=content)

    page.route("**/models", measured)
    page.goto(f"{service}#architectures")
    page.get_by_label("Multiply-adds", exact=True).check()
    expect(page.locator(".bubble")).to_have_count(2)
    front = page.locator(".front")
    expect(front).to_have_count(1)
    assert (front.get_attribute("d") or "").count("V") == steps


def test_data_that_differ_have_fronts_of_their_own(table: Page) -> None:
    expect(table.locator(".front")).to_have_count(2)


def test_multiply_adds_stand_in_until_a_latency_was_measured(page: Page, serving: Serving) -> None:
    with serving() as address:
        page.goto(f"{address}#architectures")
        expect(page.locator(".bubble")).to_have_count(2)
        expect(page.get_by_label("Multiply-adds", exact=True)).to_be_checked()
        ask(address, "lenet5_plain")
        expect(page.get_by_label("Latency", exact=True)).to_be_checked(timeout=PATIENCE)
        expect(page.locator(".bubble")).to_have_count(1)
        page.get_by_label("Multiply-adds", exact=True).check()
        with page.expect_response("**/latency", timeout=PATIENCE):
            pass
        expect(page.get_by_label("Multiply-adds", exact=True)).to_be_checked()


def test_the_area_of_a_bubble_is_its_parameters(table: Page) -> None:
    def radius(name: str) -> float:
        circle = table.get_by_role("img", name=f"{name}: ").locator("circle")
        return float(circle.get_attribute("r") or 0)

    ratio = (radius("lenet5_plain") / radius("squeezenet1_1")) ** 2
    assert ratio == pytest.approx(61_706 / 727_626, rel=0.01)


def test_more_multiply_adds_lie_to_the_right(table: Page) -> None:
    table.get_by_label("Multiply-adds", exact=True).check()
    expect(table.locator("#bubbles")).to_contain_text("Multiply-adds (logarithmic)")
    x = {
        name: float(
            table.get_by_role("img", name=f"{name}: ").locator("circle").get_attribute("cx") or 0
        )
        for name in ("lenet5_plain", "squeezenet1_1")
    }
    assert x["lenet5_plain"] < x["squeezenet1_1"]


@pytest.mark.parametrize("times", [(1.9, 2.3), (3, 90), (0.2, 900)])
def test_the_marks_below_the_chart_keep_apart_on_a_phone(
    page: Page, service: str, times: tuple[float, float]
) -> None:
    def measured(route: Route) -> None:
        content = route.fetch().json()
        for model, p50 in zip(content["models"], times, strict=False):
            model["phases_ms"]["total"] |= {"count": 1, "p50": p50}
        route.fulfill(json=content)

    page.route("**/latency", measured)
    page.set_viewport_size({"width": 360, "height": 900})
    page.goto(f"{service}#architectures")
    page.locator(".bubble").first.wait_for()
    marks = page.locator("#bubbles text", has_text=re.compile(r"^[\d.]+ ms$"))
    assert marks.count() >= 1

    def apart() -> bool:
        boxes: list[tuple[float, float]] = marks.evaluate_all(
            "all => all.map(mark => mark.getBoundingClientRect()).map(box => [box.left, box.right])"
        )
        return all(right < left for (_, right), (left, _) in pairwise(sorted(boxes)))

    for _ in range(50):  # it is painted again once it knows how wide it is
        if apart():
            break
        page.wait_for_timeout(100)
    assert apart()


def test_the_service_goes_away_and_comes_back(page: Page, serving: Serving) -> None:
    port = free_port()
    with serving(port) as address:
        page.goto(f"{address}#architectures")
        expect(page.get_by_role("row", name="squeezenet1_1")).to_contain_text("728K")
    notice = page.locator("#architectures-notice")
    expect(notice).to_contain_text("The service does not answer", timeout=PATIENCE)
    page.get_by_role("button", name="lenet5_plain").click()  # its layers are known already
    expect(page.locator("#layers-table")).to_contain_text(FIRST)
    page.get_by_role("button", name="resnet50").click()
    expect(page.locator("#layers-table")).to_contain_text("The service does not answer")
    with serving(port):
        expect(notice).to_be_empty(timeout=PATIENCE)
