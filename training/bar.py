"""A bar on a terminal, plain lines anywhere else."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from training.progress import Report

PAUSE: Final = 15.0  # seconds between lines


@contextmanager
def progress(console: Console, title: str) -> Iterator[Callable[[Report], None]]:
    """What it gives shows a report, for as long as the context lasts; call it as often as you like.

    Lines come at the start, then at most every `PAUSE` seconds, and at the end.
    """
    if not console.is_terminal:
        lines = _Lines(console, title)
        yield lines
        lines.finish()
        return
    columns = TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[words]}")
    with Progress(*columns, console=console) as bar:
        task = bar.add_task(title, total=1.0, words="")
        yield lambda report: bar.update(task, completed=report.spent, words=report.words())


class _Lines:
    def __init__(self, console: Console, title: str) -> None:
        self.console = console
        self.title = title
        self.printed = float("-inf")
        self.waiting: Report | None = None

    def __call__(self, report: Report) -> None:
        self.waiting = report
        if time.monotonic() - self.printed >= PAUSE:
            self.finish()

    def finish(self) -> None:
        if self.waiting:
            self.console.print(f"{self.title}: {self.waiting.words()}", soft_wrap=True)
            self.printed, self.waiting = time.monotonic(), None
