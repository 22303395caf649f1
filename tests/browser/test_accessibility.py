"""axe-core finds nothing serious, in light and dark, wide and narrow, empty and filled."""

import importlib.util
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from .test_tabs import filled

pytestmark = pytest.mark.browser

FOUND = """async () => {
    const {violations} = await axe.run();
    return violations
        .filter(({impact}) => impact === "serious" || impact === "critical")
        .map(({id, nodes}) => `${id}: ${nodes.map(({html}) => html).join(" ")}`);
}"""


@pytest.fixture(scope="module")
def axe() -> str:
    """The script that `axe-playwright-python` carries."""
    package = importlib.util.find_spec("axe_playwright_python")
    if package is None or package.origin is None:
        pytest.skip("axe-playwright-python is not installed")
    return (Path(package.origin).parent / "axe.min.js").read_text(encoding="utf-8")


@pytest.mark.parametrize("width", [1280, 360])
@pytest.mark.parametrize("dark", [False, True])
def test_axe_finds_nothing_serious(opened: Page, axe: str, width: int, *, dark: bool) -> None:
    opened.set_viewport_size({"width": width, "height": 900})
    opened.emulate_media(color_scheme="dark" if dark else "light", reduced_motion="reduce")
    opened.evaluate(f"{axe}; 0")
    assert opened.evaluate(FOUND) == []

    opened.locator("#network").select_option(label="resnet50")
    opened.locator("#examples button").first.click()
    expect(opened.locator("#doubt")).to_be_visible()
    assert opened.evaluate(FOUND) == []

    wrong = {"name": "wrong.jpg", "mimeType": "image/jpeg", "buffer": b"no image"}
    opened.locator("#file").set_input_files(files=wrong)  # type: ignore[arg-type]
    expect(opened.get_by_role("alert")).to_be_visible()
    assert opened.evaluate(FOUND) == []


@pytest.mark.parametrize("tab", ["Compare", "Architectures", "Live"])
@pytest.mark.parametrize("width", [1280, 360])
@pytest.mark.parametrize("dark", [False, True])
def test_axe_finds_nothing_serious_on_the_other_tabs(
    opened: Page, axe: str, tab: str, width: int, *, dark: bool
) -> None:
    opened.set_viewport_size({"width": width, "height": 900})
    opened.emulate_media(color_scheme="dark" if dark else "light", reduced_motion="reduce")
    opened.evaluate(f"{axe}; 0")
    filled(opened, tab)
    assert opened.evaluate(FOUND) == []

    opened.route("**/*", lambda route: route.abort())
    if tab == "Compare":
        opened.get_by_role("button", name="Compare", exact=True).click()
        expect(opened.get_by_role("alert")).to_be_visible()
    else:
        expect(opened.locator(".notice.loud:visible")).to_be_visible()
    assert opened.evaluate(FOUND) == []
