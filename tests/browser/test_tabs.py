"""The four tabs: by mouse, keyboard and address; on a phone; light, still, kept as pictures."""

from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from .conftest import Serving, free_port

pytestmark = pytest.mark.browser

TABS = ("Try", "Compare", "Architectures", "Live")
PICTURES = Path(__file__).parents[2] / "build" / "page"  # git ignores build/
SHIFTS = """window.shift = 0;
new PerformanceObserver((list) => list.getEntries().forEach((entry) => {
    if (!entry.hadRecentInput) window.shift += entry.value;
})).observe({type: "layout-shift", buffered: true});"""


def filled(page: Page, tab: str) -> None:
    """Opens the tab as its address does, and waits until it shows what it has to show."""
    expect(page.locator('[role="tab"][aria-selected="true"]')).to_have_count(1)
    page.evaluate("(name) => { location.hash = name }", tab.lower())
    match tab:
        case "Try":
            page.locator("#examples button").first.click()
            expect(page.locator(".share").first).not_to_be_empty()
        case "Compare":
            expect(page.locator("#choices input").first).to_be_attached()
            page.locator("#examples button").first.click()
            expect(page.get_by_role("article")).to_have_count(3)
            expect(page.locator("#compare-status")).to_contain_text("networks answered")
            expect(page.locator("#compared")).to_have_attribute("aria-busy", "false")
        case "Architectures":
            page.get_by_label("Multiply-adds", exact=True).check()
            expect(page.locator(".bubble")).to_have_count(2)
            page.get_by_role("button", name="squeezenet1_1").click()
            expect(page.locator("#layers tbody tr").nth(20)).to_be_attached()
        case "Live":
            page.locator(".meter").first.get_by_text("0.0").first.wait_for()


def tab_of(page: Page, name: str) -> Locator:
    return page.get_by_role("tab", name=name)


def test_arrows_move_between_the_tabs_and_the_address_follows(opened: Page) -> None:
    tab_of(opened, "Try").focus()
    for key, name in (
        ("ArrowRight", "Compare"),
        ("End", "Live"),
        ("ArrowRight", "Try"),
        ("ArrowLeft", "Live"),
        ("ArrowLeft", "Architectures"),
        ("Home", "Try"),
    ):
        opened.keyboard.press(key)
        expect(tab_of(opened, name)).to_be_focused()
        expect(tab_of(opened, name)).to_have_attribute("aria-selected", "true")
        expect(opened.get_by_role("tabpanel")).to_have_count(1)
        expect(opened.get_by_role("tabpanel", name=name)).to_be_visible()
        assert opened.url.endswith(f"#{name.lower()}")
    assert opened.locator('[role="tab"][tabindex="0"]').count() == 1


def test_the_address_opens_a_tab_and_back_goes_back(page: Page, service: str) -> None:
    page.goto(f"{service}#live")
    expect(page.get_by_role("tabpanel", name="Live")).to_be_visible()
    tab_of(page, "Architectures").click()
    expect(page.get_by_role("tabpanel", name="Architectures")).to_be_visible()
    page.go_back()
    expect(page.get_by_role("tabpanel", name="Live")).to_be_visible()
    page.goto(f"{service}#nonsense")
    expect(page.get_by_role("tabpanel", name="Try")).to_be_visible()


@pytest.mark.parametrize("tab", TABS)
def test_the_skip_link_reaches_the_results_of_the_tab(opened: Page, tab: str) -> None:
    tab_of(opened, tab).click()
    expect(opened.get_by_role("tabpanel", name=tab)).to_be_visible()
    skip = opened.get_by_role("link", name="Skip to the results")
    skip.focus()
    opened.keyboard.press("Enter")
    expect(opened.get_by_role("tabpanel", name=tab).locator(".results")).to_be_focused()
    assert opened.url.endswith(f"#{tab.lower()}") or tab == "Try"


def test_a_photograph_dropped_on_a_tab_without_use_for_it_goes_to_try(opened: Page) -> None:
    tab_of(opened, "Live").click()
    expect(opened.get_by_role("tabpanel", name="Live")).to_be_visible()
    opened.evaluate(
        """async () => {
            const blob = await (await fetch("page/examples/flower.jpg")).blob();
            const transfer = new DataTransfer();
            transfer.items.add(new File([blob], "flower.jpg", {type: blob.type}));
            const options = {bubbles: true, cancelable: true, dataTransfer: transfer};
            document.body.dispatchEvent(new DragEvent("drop", options));
        }"""
    )
    expect(opened.get_by_role("tabpanel", name="Try")).to_be_visible()
    expect(opened.locator("#curl")).to_contain_text("'@flower.jpg'")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 360])
@pytest.mark.parametrize("tab", TABS)
def test_every_tab_fits_and_is_kept_as_a_picture(
    opened: Page, tab: str, width: int, scheme: str
) -> None:
    opened.set_viewport_size({"width": width, "height": 900})
    opened.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    filled(opened, tab)
    assert opened.evaluate("document.documentElement.scrollWidth") <= width
    picture = PICTURES / f"{tab.lower()}-{width}-{scheme}.png"
    opened.screenshot(path=picture, full_page=True)
    assert picture.stat().st_size > 10_000


@pytest.mark.parametrize("tab", TABS)
def test_nothing_moves_while_a_tab_fills(page: Page, service: str, tab: str) -> None:
    page.add_init_script(SHIFTS)
    for width in (1280, 360):
        page.set_viewport_size({"width": width, "height": 900})
        page.goto("about:blank")
        page.goto(f"{service}#{tab.lower()}")
        filled(page, tab)
        page.evaluate("new Promise((done) => requestAnimationFrame(() => setTimeout(done)))")
        assert page.evaluate("window.shift") < 0.01


def test_a_first_look_without_its_pictures_weighs_less_than_100_kb(opened: Page) -> None:
    """Each of the other tabs brings its script when it is opened."""
    first = weights(opened)
    assert any(name.endswith("try.js") for name in first)
    assert not any(name.endswith("live.js") for name in first)
    assert 0 < sum(first.values()) < 100 * 1024
    tab_of(opened, "Live").click()
    expect(opened.get_by_role("article")).to_have_count(3)
    assert any(name.endswith("live.js") for name in weights(opened))


def weights(page: Page) -> dict[str, int]:
    """Bytes of every file of the page that was read so far."""
    found: dict[str, int] = page.evaluate(
        """Object.fromEntries(["navigation", "resource"]
            .flatMap((kind) => performance.getEntriesByType(kind))
            .filter(({name}) => /(page\\/[^/]+\\.(js|css)|\\/)$/.test(name))
            .map(({name, decodedBodySize}) => [name, decodedBodySize]))"""
    )
    return found


def test_a_tab_that_could_not_be_fetched_opens_when_the_service_is_back(
    page: Page, serving: Serving
) -> None:
    port = free_port()
    with serving(port) as address:
        page.goto(address)
        page.locator("#network:enabled").wait_for()
    tab_of(page, "Live").click()
    expect(page.get_by_role("alert")).to_contain_text("The service does not answer")
    with serving(port):
        page.get_by_role("button", name="Try again").click()
        expect(page.get_by_role("article")).to_have_count(3)
    expect(page.get_by_role("alert")).to_be_hidden()
