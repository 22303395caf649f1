"""What goes wrong is said in plain words, and the page goes on."""

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

from .conftest import Serving, free_port

pytestmark = pytest.mark.browser


def take_an_example(page: Page) -> None:
    page.locator("#examples button").first.click()


def test_the_service_goes_away_and_comes_back(page: Page, serving: Serving) -> None:
    port = free_port()
    with serving(port) as address:
        page.goto(address)
        take_an_example(page)
        expect(page.locator(".share").first).not_to_be_empty()
    page.locator("#network").select_option(label="resnet50")
    expect(page.get_by_role("alert")).to_contain_text("The service does not answer")
    expect(page.locator(".share").first).to_be_empty()
    with serving(port):
        page.get_by_role("button", name="Try again").click()
        expect(page.locator("#spoken")).to_contain_text("resnet50: ")
        expect(page.get_by_role("alert")).to_be_hidden()


def test_a_newer_request_wins(opened: Page) -> None:
    def never_answered(route: Route) -> None:
        del route

    opened.route("**/predict/lenet5_plain?*", never_answered)
    opened.locator("#network").select_option(label="lenet5_plain")
    with opened.expect_request("**/predict/lenet5_plain?*") as older:
        take_an_example(opened)
    expect(opened.locator("#results")).to_have_attribute("aria-busy", "true")

    with opened.expect_event("requestfailed") as ended:
        opened.locator("#network").select_option(label="squeezenet1_1")
    assert ended.value.url == older.value.url
    assert ended.value.failure == "net::ERR_ABORTED"
    expect(opened.locator("#spoken")).to_contain_text("squeezenet1_1: ")
    expect(opened.locator("#results")).to_have_attribute("aria-busy", "false")
    expect(opened.get_by_role("alert")).to_be_hidden()


@pytest.mark.parametrize(
    ("status", "body", "said"),
    [
        (413, '{"title": "Too large", "detail": "At most 16 MiB."}', "At most 16 MiB."),
        (502, "<h1>Bad Gateway</h1>", "The service answered 502"),
        (200, "{", "The answer cannot be read"),
    ],
)
def test_every_failure_is_told(opened: Page, status: int, body: str, said: str) -> None:
    opened.route("**/predict/**", lambda route: route.fulfill(status=status, body=body))
    take_an_example(opened)
    expect(opened.get_by_role("alert")).to_contain_text(said)
    opened.unroute("**/predict/**")
    opened.get_by_role("button", name="Try again").click()
    expect(opened.locator(".share").first).not_to_be_empty()


def test_a_file_that_is_too_large(opened: Page, tmp_path: Path) -> None:
    large = tmp_path / "large.jpg"
    with large.open("wb") as file:
        file.truncate(17 * 2**20)
    opened.get_by_label("Choose a photograph").set_input_files(large)
    expect(opened.get_by_role("alert")).to_contain_text("large", ignore_case=True)
    take_an_example(opened)
    expect(opened.locator(".share").first).not_to_be_empty()


def test_a_service_without_networks_says_why(page: Page, service: str) -> None:
    nothing = {"models": [], "refused": {"vgg16/1": "vgg16 is not the file that was proven"}}
    page.route("**/models", lambda route: route.fulfill(json=nothing))
    page.goto(service)
    expect(page.locator("#weights")).to_contain_text("has no network ready")
    expect(page.locator("#weights")).to_contain_text("vgg16 is not the file that was proven")


def test_a_photograph_waits_for_the_first_network(page: Page, service: str) -> None:
    asked = 0

    def empty_at_first(route: Route) -> None:
        nonlocal asked
        asked += 1
        if asked == 1:
            route.fulfill(json={"models": [], "refused": {}})
        else:
            route.continue_()

    page.route("**/models", empty_at_first)
    page.goto(service)
    take_an_example(page)
    expect(page.locator("#weights")).to_contain_text("has no network ready")
    expect(page.locator(".share").first).not_to_be_empty()


def test_networks_that_are_not_ready_and_older_versions(page: Page, service: str) -> None:
    def altered(route: Route) -> None:
        listed: list[dict[str, Any]] = route.fetch().json()["models"]
        by_name = {model["name"]: model for model in listed}
        by_name["resnet50"]["ready"] = False
        listed.append({**by_name["squeezenet1_1"], "version": 2})
        route.fulfill(json={"models": listed, "refused": {}})

    page.route("**/models", altered)
    page.goto(service)
    expect(page.get_by_role("option", name="resnet50 (not ready)")).to_be_disabled()
    page.locator("#network").select_option(label="squeezenet1_1, version 1")
    take_an_example(page)
    expect(page.locator("#curl")).to_contain_text("&version=1'")
