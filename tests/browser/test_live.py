"""What a person sees on the tab "Live"."""

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from .conftest import Serving, ask, free_port

pytestmark = pytest.mark.browser

MILLISECONDS = re.compile(r"^\d+(\.\d)?\sms$")
SOME = re.compile(r"^(?!0\.0$)\d+\.\d$")


def fact(page: Page, name: str, key: str) -> Locator:
    return page.get_by_role("article", name=f"{name}, version 1").locator(f"[data-fact={key}]")


def test_rates_percentiles_queue_and_batches(page: Page, service: str) -> None:
    page.goto(f"{service}#live")
    expect(fact(page, "lenet5_plain", "requests")).to_have_text("0.0")
    ask(service, "lenet5_plain")
    expect(fact(page, "lenet5_plain", "requests")).to_have_text(SOME)
    expect(fact(page, "lenet5_plain", "images")).to_have_text("0.0")
    for key in ("p50", "p95", "p99"):
        expect(fact(page, "lenet5_plain", key)).to_have_text(MILLISECONDS)
    expect(fact(page, "lenet5_plain", "queue")).to_have_text("0")
    meter = page.get_by_role("article", name="lenet5_plain")
    runs = re.compile(r"^Images in a run. Runs of 1: \d+")
    expect(meter.get_by_role("img", name=runs)).to_be_visible()
    assert meter.locator(".bar").count() >= 1
    expect(meter).to_contain_text(re.compile(r"Since the start: \d+ answers, p50 "))
    expect(page.locator("#meters").get_by_text("untrained: meaningless")).to_have_count(1)


def test_what_is_longer_ago_than_ten_seconds_is_not_now(page: Page, serving: Serving) -> None:
    with serving(CONVOY_CANARY_S="600") as address:  # no canary runs meanwhile
        page.clock.install()
        page.goto(f"{address}#live")
        meter = page.get_by_role("article", name="lenet5_plain")
        expect(meter).to_contain_text("Since the start: no answer yet")
        ask(address, "lenet5_plain")
        looks(page, 1)
        expect(fact(page, "lenet5_plain", "p99")).to_have_text(MILLISECONDS)
        expect(meter).to_contain_text("Runs of 1: 1")
        looks(page, 5)
        expect(fact(page, "lenet5_plain", "requests")).to_have_text("0.0")
        expect(fact(page, "lenet5_plain", "p99")).to_have_text(MILLISECONDS)
        looks(page, 6)
        expect(fact(page, "lenet5_plain", "p99")).to_have_text("\u2013")
        expect(meter).to_contain_text("No run in these ten seconds")
        expect(meter).to_contain_text("Since the start: 1 answers")


def looks(page: Page, number: int) -> None:
    """So many readings, each a second of the page's clock after the other; each adds a point."""
    line = page.locator(".line").first
    for _ in range(number):
        points = len((line.get_attribute("points") or "").split())
        page.clock.run_for(1000)
        expect(line).to_have_attribute("points", re.compile(rf"^\S+( \S+){{{points}}}$"))


def test_percentiles_are_those_of_the_requests_in_between(page: Page, service: str) -> None:
    """Ten of at most 0.1 s and ten of 0.1 to 0.2 s, beside thousands before; by hand."""
    page.goto(service)
    found = page.evaluate(
        """async () => {
            const {quantile} = await import("./page/prometheus.js");
            const before = new Map([[0.1, 5000], [0.2, 9000], [Infinity, 9001]]);
            const now = new Map([[0.1, 5010], [0.2, 9020], [Infinity, 9021]]);
            const slow = new Map([[0.1, 5010], [0.2, 9020], [Infinity, 9121]]);
            return [
                ...[0.25, 0.5, 0.75].map((share) => quantile(share, now, before)),
                quantile(0.99, slow, before), // beyond the last bound: at least that
                quantile(0.5, before, before),
            ];
        }"""
    )
    assert found == [pytest.approx(0.05), pytest.approx(0.1), pytest.approx(0.15), 0.2, None]


def test_it_asks_each_second_while_it_is_looked_at(page: Page, service: str) -> None:
    asked = []
    page.on("request", lambda request: asked.append(request.url.rsplit("/", 1)[1]))
    page.clock.install()
    page.goto(f"{service}#live")
    fact(page, "lenet5_plain", "requests").wait_for()
    for _ in range(3):
        with page.expect_response("**/metrics"):
            page.clock.run_for(1000)
        expect(fact(page, "lenet5_plain", "requests")).to_have_text("0.0")

    def hide(*, hidden: bool) -> None:
        page.evaluate(
            """(hidden) => {
                Object.defineProperty(document, "hidden", {configurable: true, value: hidden});
                document.dispatchEvent(new Event("visibilitychange"));
            }""",
            hidden,
        )

    hide(hidden=True)
    assert metrics_asked(page, asked) == 0
    with page.expect_response("**/metrics"):
        hide(hidden=False)
    expect(fact(page, "lenet5_plain", "requests")).to_have_text("0.0")
    page.get_by_role("tab", name="Try").click()
    expect(page.get_by_role("tabpanel", name="Try")).to_be_visible()
    assert metrics_asked(page, asked) == 0


def metrics_asked(page: Page, asked: list[str]) -> int:
    """How often in ten seconds; `fetch` shows that a request would have been seen."""
    page.evaluate("fetch('health/live')")
    asked.clear()
    page.clock.run_for(10_000)
    with page.expect_response("**/health/live"):
        page.evaluate("fetch('health/live')")
    assert "live" in asked
    return asked.count("metrics")


def test_what_is_not_loaded_is_only_counted(page: Page, serving: Serving) -> None:
    with serving(CONVOY_PRELOAD_GIB="0") as address:
        page.goto(f"{address}#live")
        expect(page.locator("#live-idle")).to_have_text("Served and not loaded yet: 3.")
        ask(address, "squeezenet1_1")
        expect(page.get_by_role("article")).to_have_count(1)
        expect(page.get_by_role("article")).to_contain_text("Since the start: 1 answers")
        expect(page.locator("#live-idle")).to_have_text("Served and not loaded yet: 2.")


def test_the_service_goes_away_and_comes_back(page: Page, serving: Serving) -> None:
    port = free_port()
    meter = page.get_by_role("article", name="lenet5_plain")
    with serving(port) as address:
        ask(address, "lenet5_plain")
        page.goto(f"{address}#live")
        expect(meter).to_contain_text("Since the start: 1 answers")
    notice = page.locator("#live-notice")
    expect(notice).to_contain_text("The service does not answer")
    expect(notice).to_be_visible()
    with serving(port):
        expect(notice).to_be_empty()
        expect(meter).to_contain_text("Since the start: no answer yet")  # a new count
        expect(fact(page, "lenet5_plain", "requests")).to_have_text("0.0")
