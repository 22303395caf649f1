"""Failures that a healthy service cannot show: it goes away, it is slow, it talks nonsense."""

import re
import socket

import pytest
from playwright.sync_api import Page, Route, expect

from . import fake

pytestmark = pytest.mark.browser


def take(page: Page, title: str) -> None:
    page.get_by_role("button", name=re.compile(f"^{title}")).click()


def free_port() -> int:
    with socket.socket() as place:
        place.bind(("127.0.0.1", 0))
        return int(place.getsockname()[1])


def test_the_service_goes_away_and_comes_back(page: Page) -> None:
    port = free_port()
    with fake.running(fake.app(), port) as address:
        page.goto(address)
        take(page, "Cat")
        expect(page.locator(".share").first).not_to_be_empty()
    page.locator("#network").select_option(label="mobilenet_v1")
    expect(page.get_by_role("alert")).to_contain_text("The service does not answer")
    expect(page.locator(".share").first).to_be_empty()
    with fake.running(fake.app(), port):
        page.get_by_role("button", name="Try again").click()
        expect(page.locator("#spoken")).to_contain_text("mobilenet_v1: seven")
        expect(page.get_by_role("alert")).to_be_hidden()


def test_a_newer_request_wins(page: Page) -> None:
    with fake.running(fake.app(slow=1.0)) as address:
        page.goto(address)
        page.locator("#network").select_option(label="mobilenet_v1")
        take(page, "Cat")
        expect(page.locator("#results")).to_have_attribute("aria-busy", "true")
        page.locator("#network").select_option(label="lenet5_plain")
        expect(page.locator("#spoken")).to_contain_text("lenet5_plain: seven")
        page.wait_for_timeout(1200)  # longer than the older answer takes
        expect(page.locator("#spoken")).to_contain_text("lenet5_plain: seven")
        expect(page.get_by_role("alert")).to_be_hidden()


@pytest.mark.parametrize(
    ("status", "body", "said"),
    [
        (413, '{"title": "Too large", "detail": "At most 16 MiB."}', "At most 16 MiB."),
        (502, "<h1>Bad Gateway</h1>", "The service answered 502"),
        (200, "{", "The answer cannot be read"),
    ],
)
def test_every_failure_is_told(page: Page, service: str, status: int, body: str, said: str) -> None:
    def wrong(route: Route) -> None:
        route.fulfill(status=status, body=body)

    page.route("**/predict/**", wrong)
    page.goto(service)
    take(page, "Cat")
    expect(page.get_by_role("alert")).to_contain_text(said)
    page.unroute("**/predict/**")
    page.get_by_role("button", name="Try again").click()
    expect(page.locator(".share").first).not_to_be_empty()


def test_a_service_without_networks_says_so(page: Page, service: str) -> None:
    page.route("**/models", lambda route: route.fulfill(json={"models": []}))
    page.goto(service)
    expect(page.locator("#weights")).to_have_text("The service has no network ready.")


def test_a_network_that_is_not_ready_cannot_be_chosen(page: Page, service: str) -> None:
    page.goto(service)
    expect(page.get_by_role("option", name="vgg16 (not ready)")).to_be_disabled()
