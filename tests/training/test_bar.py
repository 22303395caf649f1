"""A terminal gets a bar; a file gets lines that make sense on their own."""

from io import StringIO

from rich.console import Console

from training.bar import progress
from training.progress import Report

REPORT = Report(images=640, seconds=12, spent=0.25, side=64, loss=1.5, top1=0.5, pace=53)
WORDS = "25.0%, 12 s, 640 images, now at 64 px, loss 1.500, training top-1 50.0%"


def test_a_file_gets_a_line_at_the_start_and_one_at_the_end() -> None:
    file = StringIO()
    with progress(Console(file=file, width=40), "a on b") as tell:
        for _ in range(5):
            tell(REPORT)
    assert file.getvalue().splitlines() == [f"a on b: {WORDS}, 53 images/s, 36 s left"] * 2


def test_a_terminal_gets_a_bar() -> None:
    file = StringIO()
    with progress(Console(file=file, width=200, force_terminal=True), "a on b") as tell:
        tell(REPORT)
    assert "━" in file.getvalue()
    assert "640 images" in file.getvalue()
