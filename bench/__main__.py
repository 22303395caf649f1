"""python -m bench: how fast the networks answer, and what serving them costs."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import typer
from rich.console import Console
from rich.progress import Progress, TimeElapsedColumn, TimeRemainingColumn

from bench import rounds, scenarios
from bench.report import Report, console, save, show
from bench.server import NotServing, Server
from service.engines import Kind

MODELS = ["lenet5_plain", "squeezenet1_1", "resnet50"]

cli = typer.Typer(add_completion=False, rich_markup_mode="markdown", no_args_is_help=True)
told = Console(stderr=True)

Models = Annotated[list[str] | None, typer.Argument(help=f"Default: {' '.join(MODELS)}.")]
Artifacts = Annotated[Path, typer.Option(help="What `python -m export` has published.")]
Seconds = Annotated[float, typer.Option(min=0.1, help="For each measurement of each round.")]
Rounds = Annotated[int, typer.Option(min=1, help="Everybody's turns; medians are over these.")]
Json = Annotated[Path | None, typer.Option("--json", help="Also write everything to this file.")]
Engine = Annotated[Kind, typer.Option("--engine", help="What runs the networks.")]
Batches = Annotated[str, typer.Option(help="Images a run, for the bare loops.")]


@cli.command()
def engine(
    models: Models = None,
    artifacts: Artifacts = Path("artifacts"),
    kind: Engine = "ort",
    seconds: Seconds = 3.0,
    rounds: Rounds = 5,
    batches: Batches = "1,4,8",
    json: Json = None,
) -> None:
    """Measures decoding and the engine alone, without HTTP, in all forms.

    Example: `python -m bench engine resnet50 --seconds 5`
    """
    plan = scenarios.Plan(artifacts, models or MODELS, seconds, rounds, _numbers(batches), kind)
    with _explained(), _progress() as progress:
        report = scenarios.engine(plan, progress)
    _finish(report, json)


@cli.command()
def serve(
    models: Models = None,
    artifacts: Artifacts = Path("artifacts"),
    kind: Engine = "ort",
    url: Annotated[str, typer.Option(help="A service that runs already; else one is begun.")] = "",
    clients: Annotated[str, typer.Option(help="Concurrent keep-alive clients.")] = "1,8,32",
    seconds: Seconds = 3.0,
    rounds: Rounds = 5,
    batches: Batches = "1,8",
    json: Json = None,
) -> None:
    """Measures the service over HTTP against the bare loops, in the same interleaved rounds.

    Example: `python -m bench serve squeezenet1_1 --rounds 7 --json report.json`
    """
    plan = scenarios.Plan(artifacts, models or MODELS, seconds, rounds, _numbers(batches), kind)
    with _explained(), _progress() as progress:
        report = scenarios.serve(plan, _numbers(clients), _server(url), progress)
    _finish(report, json)


def _numbers(text: str) -> list[int]:
    try:
        found = [int(part) for part in text.split(",")]
    except ValueError:
        found = []
    if not found or min(found) < 1:
        raise typer.BadParameter(f"{text!r} is no list like 1,8,32")
    return found


def _server(url: str) -> Server | None:
    if not url:
        return None
    parts = urlsplit(url)
    if parts.scheme != "http" or not parts.hostname:
        raise typer.BadParameter(f"{url!r} is no address like http://127.0.0.1:8000")
    return Server(parts.hostname, parts.port or 80)


@contextlib.contextmanager
def _explained() -> Iterator[None]:
    """What a user can mend is one line, no traceback."""
    try:
        yield
    except (NotServing, FileNotFoundError) as error:
        told.print(f"[red]not measured[/]: {error}", soft_wrap=True)
        raise typer.Exit(1) from None
    except KeyboardInterrupt:
        told.print("stopped before anything was measured")
        raise typer.Exit(130) from None


@contextlib.contextmanager
def _progress() -> Iterator[rounds.Progress]:
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


def _finish(report: Report, json: Path | None) -> None:
    show(report, console())
    if json:
        save(report, json)
    failed = any(s.errors() for s in (*report.served, *report.null))
    raise typer.Exit(1 if failed else 0)


if __name__ == "__main__":
    cli()
