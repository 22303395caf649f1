"""A bar on a terminal, plain lines anywhere else."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from training.fit import Report


@contextmanager
def progress(console: Console, title: str) -> Iterator[Callable[[Report], None]]:
    """What it gives shows a report, for as long as the context lasts."""
    if not console.is_terminal:
        yield lambda report: console.print(f"{title}: {report.words()}", soft_wrap=True)
        return
    columns = TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[words]}")
    with Progress(*columns, console=console) as bar:
        task = bar.add_task(title, total=1.0, words="")
        yield lambda report: bar.update(task, completed=report.spent, words=report.words())
