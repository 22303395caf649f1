"""What every command says on standard error, and how it reads its options."""

import contextlib
from collections.abc import Iterator
from urllib.parse import urlsplit

import typer
from rich.console import Console
from rich.progress import Progress, TimeElapsedColumn, TimeRemainingColumn

from bench import rounds
from bench.loadgen import NotMeasured
from bench.server import NotServing, Server

told = Console(stderr=True)


def server_at(url: str) -> Server | None:
    """None of nothing. Raises `typer.BadParameter` if it is no address."""
    if not url:
        return None
    parts = urlsplit(url)
    if parts.scheme != "http" or not parts.hostname:
        raise typer.BadParameter(f"{url!r} is no address like http://127.0.0.1:8000")
    return Server(parts.hostname, parts.port or 80)


@contextlib.contextmanager
def explained() -> Iterator[None]:
    """What a user can mend is one line, no traceback."""
    try:
        yield
    except (NotServing, NotMeasured, FileNotFoundError) as error:
        told.print(f"[red]not measured[/]: {error}", soft_wrap=True)
        raise typer.Exit(1) from None
    except KeyboardInterrupt:
        told.print("stopped before anything was measured")
        raise typer.Exit(130) from None


@contextlib.contextmanager
def progress_bar() -> Iterator[rounds.Progress]:
    """A bar on a terminal, a line for each turn otherwise; both on standard error."""
    if not told.is_terminal:
        yield lambda done, total, who: told.print(f"{done + 1}/{total} {who}", soft_wrap=True)
        return
    columns = (*Progress.get_default_columns()[:2], TimeElapsedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=told, transient=True) as bar:
        task = bar.add_task("loading")
        yield lambda done, total, who: bar.update(
            task, completed=done, total=total, description=who
        )
