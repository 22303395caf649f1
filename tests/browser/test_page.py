"""What a person does on the page, from a first look to a photograph of their own."""

import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from .conftest import Watch

pytestmark = pytest.mark.browser

EXAMPLES = Path(__file__).parents[2] / "service" / "page" / "examples"
PERCENT = re.compile(r"^\d{1,3}\.\d\s%$")
REQUEST = re.compile(r"^[0-9a-f]{8,}$")
MILLISECONDS = re.compile(r"^\d+(\.\d)?\sms$")


def fact(page: Page, name: str) -> Locator:
    return page.locator(f"#answer [data-fact={name}]")


def take(page: Page, title: str) -> None:
    page.get_by_role("button", name=re.compile(f"^{title}")).click()
    expect(fact(page, "request")).to_have_text(REQUEST)


def drawn(page: Page, what: str) -> Any:
    """`what`, in JavaScript, of the `canvas`, once the frame is painted that is due."""
    return page.locator("#canvas").evaluate(
        f"""async (canvas) => {{
            await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
            return {what};
        }}"""
    )


def picture(page: Page) -> str:
    return str(drawn(page, "canvas.toDataURL()"))


def colours(page: Page) -> int:
    """How many colours the canvas shows; a blank one shows a single one."""
    pixels = 'canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data.buffer'
    return int(drawn(page, f"new Set(new Uint32Array({pixels})).size"))


def test_an_example_shows_five_bars_a_map_and_where_the_time_went(
    opened: Page, watch: Watch
) -> None:
    opened.get_by_label("Network", exact=True).select_option(label="squeezenet1_1")
    expect(opened.locator("#weights")).to_have_text(
        "Trained on 1438 digits in new scenes every epoch (v1)."
    )
    expect(opened.locator("#card [data-fact=top1]")).to_have_text(PERCENT)
    expect(opened.locator("#card [data-fact=input]")).to_have_text(re.compile("^224 . 224 RGB$"))
    take(opened, "Cat")

    guesses = opened.locator(".guess")
    expect(guesses).to_have_count(5)
    for place in range(5):
        expect(guesses.nth(place).locator(".share")).to_have_text(PERCENT)
    for figure in opened.locator("#latency dd").all():
        expect(figure).to_have_text(MILLISECONDS)
    expect(opened.locator("#latency dt")).to_have_text(
        ["read", "decode", "queue", "infer", "post", "transit", "total", "round trip"]
    )
    expect(fact(opened, "batch")).to_contain_text("1 image")
    assert colours(opened) > 1000
    assert watch.complaints == []


def test_another_class_shows_another_map(opened: Page) -> None:
    take(opened, "Cat")
    first = picture(opened)
    opened.locator(".guess").nth(1).click()
    expect(opened.locator(".guess input").nth(1)).to_be_checked()
    assert picture(opened) != first
    opened.locator(".guess").nth(0).click()
    assert picture(opened) == first


def test_the_slider_takes_the_map_away(opened: Page) -> None:
    take(opened, "Cat")
    shown = picture(opened)
    slider = opened.get_by_label("Map over the photograph")
    slider.fill("0")
    expect(opened.locator("#opacity-value")).to_have_text(re.compile(r"^0\s%$"))
    bare = picture(opened)
    assert bare != shown
    opened.locator(".guess").nth(1).click()
    assert picture(opened) == bare


def test_a_file_of_ones_own(opened: Page) -> None:
    opened.get_by_label("Choose a photograph").set_input_files(EXAMPLES / "coffee.jpg")
    expect(fact(opened, "request")).to_have_text(REQUEST)
    expect(opened.locator("#curl")).to_contain_text("'@coffee.jpg'")
    assert colours(opened) > 1000


def test_a_photograph_dropped_or_pasted(opened: Page) -> None:
    for event, carrier in (("drop", "dataTransfer"), ("paste", "clipboardData")):
        opened.evaluate(
            """async ([kind, carrier]) => {
                const blob = await (await fetch("page/examples/flower.jpg")).blob();
                const transfer = new DataTransfer();
                transfer.items.add(new File([blob], `${kind}.jpg`, {type: blob.type}));
                const Kind = kind === "drop" ? DragEvent : ClipboardEvent;
                const options = {bubbles: true, cancelable: true, [carrier]: transfer};
                document.body.dispatchEvent(new Kind(kind, options));
            }""",
            [event, carrier],
        )
        expect(opened.locator("#curl")).to_contain_text(f"'@{event}.jpg'")


def test_what_is_no_image_is_refused_in_words_and_the_page_goes_on(
    opened: Page, tmp_path: Path
) -> None:
    wrong = tmp_path / "wrong.jpg"
    wrong.write_text("a text that calls itself a photograph")
    opened.get_by_label("Choose a photograph").set_input_files(wrong)
    expect(opened.get_by_role("alert")).to_contain_text("Not a readable image")
    expect(opened.locator(".share").first).to_have_text("")

    opened.get_by_label("Choose a photograph").set_input_files(EXAMPLES / "cat.jpg")
    expect(opened.get_by_role("alert")).to_be_hidden()
    expect(opened.locator(".share").first).to_have_text(PERCENT)


def test_the_copied_command_is_the_request(opened: Page) -> None:
    opened.context.grant_permissions(["clipboard-read", "clipboard-write"])
    take(opened, "Cat")
    opened.get_by_role("button", name="Copy as curl").click()
    expect(opened.locator("#copied")).to_have_text("Copied")
    copied = opened.evaluate("navigator.clipboard.readText()")
    assert copied == opened.locator("#curl").inner_text()
    assert "/predict/squeezenet1_1?top=5&cam=top5&cam_as=array'" in copied


def test_everything_by_keyboard_alone(opened: Page) -> None:
    def tab_to(target: Locator) -> None:
        for _ in range(40):
            opened.keyboard.press("Tab")
            if target.evaluate("(element) => element === document.activeElement"):
                return
        pytest.fail(f"Tab never reaches {target}")

    tab_to(opened.get_by_role("link", name="Skip to the results"))
    tab_to(opened.get_by_label("Network", exact=True))
    opened.keyboard.type("lenet")
    expect(opened.locator("#card [data-fact=input]")).to_have_text(re.compile("^32 . 32 grey$"))
    tab_to(opened.get_by_label("Choose a photograph"))
    tab_to(opened.locator("#examples button").nth(1))
    opened.keyboard.press("Enter")
    expect(fact(opened, "request")).to_have_text(REQUEST)
    expect(opened.locator("#spoken")).to_contain_text("lenet5_plain: ")
    tab_to(opened.get_by_label("Map over the photograph"))
    opened.keyboard.press("ArrowRight")
    expect(opened.locator("#opacity-value")).to_have_text(re.compile(r"^61\s%$"))
    tab_to(opened.locator(".guess input").first)
    opened.keyboard.press("ArrowDown")
    expect(opened.locator(".guess input").nth(1)).to_be_checked()
    tab_to(opened.get_by_role("button", name="Copy as curl"))


def test_untrained_weights_are_shouted(opened: Page) -> None:
    opened.get_by_label("Network", exact=True).select_option(label="resnet50")
    expect(opened.locator("#weights.loud")).to_contain_text("meaningless")
    take(opened, "Cat")
    expect(opened.locator("#doubt")).to_be_visible()
    expect(opened.locator("#spoken")).to_contain_text("untrained")
    opened.get_by_label("Network", exact=True).select_option(label="squeezenet1_1")
    expect(opened.locator("#doubt")).to_be_hidden()
    expect(opened.locator("#weights.loud")).to_have_count(0)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone_needs_no_sideways_scrolling(opened: Page, scheme: str) -> None:
    opened.set_viewport_size({"width": 360, "height": 740})
    opened.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    take(opened, "Cat")
    assert opened.evaluate("document.documentElement.scrollWidth") <= 360


def test_nothing_moves_while_the_page_fills(page: Page, service: str) -> None:
    page.add_init_script(
        """window.shift = 0;
        new PerformanceObserver((list) => list.getEntries().forEach((entry) => {
            window.shift += entry.value;
        })).observe({type: "layout-shift", buffered: true});"""
    )
    for width in (1280, 360):
        page.set_viewport_size({"width": width, "height": 900})
        page.goto(service)
        take(page, "Cat")
        page.wait_for_timeout(100)
        assert page.evaluate("window.shift") < 0.01
