"""`python -m bench capacity`."""

import re
from pathlib import Path
from typing import Annotated

import typer

from bench import capacity_report
from bench.capacity import capacity
from bench.capacity_report import Plan
from bench.compare.results import BadResults, Results
from bench.report import console
from bench.terminal import progress_bar

Rate = Annotated[float, typer.Option(min=0.1, help="Images a second, of all replicas together.")]
Bound = Annotated[str, typer.Option("--p99", help="For the latency, as 50ms or 0.05s.")]
Price = Annotated[float | None, typer.Option(min=0.0, help="Of one replica for an hour.")]
Plot = Annotated[Path | None, typer.Option(help="Also draw capacity.svg and .png there.")]
Json = Annotated[Path | None, typer.Option("--json", help="Also write everything to this file.")]


def capacity_command(
    results: Annotated[Path, typer.Argument(help="The folder that `compare` wrote.")],
    rate: Rate,
    p99: Bound,
    price: Price = None,
    plot: Plot = None,
    json: Json = None,
) -> None:
    """Says how many replicas of each network hold a rate and a p99, and what a million images cost.

    From a queueing simulation with the times that `compare` measured. The second table says what it
    makes of the tests that were measured: so far it can be trusted.

    Example: `python -m bench capacity reports/2026-11-21 --rate 500 --p99 50ms --price 1.20`
    """
    bound = seconds(p99)
    try:
        measured = Results.read(results)
    except BadResults as error:
        raise typer.BadParameter(str(error)) from None
    if not measured.measured():
        raise typer.BadParameter(f"{results} has no network that was measured to the end")
    with progress_bar() as progress:
        found = capacity(measured, rate=rate, bound=bound, price=price, progress=progress)
    plan = Plan(rate, bound, price, found, list(capacity_report.warned(measured, found)))
    capacity_report.show(plan, console())
    if plot:
        from bench.capacity_plot import publish

        publish(found, bound, plot)
    if json:
        capacity_report.save(plan, json)


def seconds(text: str) -> float:
    """Of `50ms` or `0.05s`."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(ms|s)", text.strip())
    value = float(found[1]) * (1e-3 if found[2] == "ms" else 1.0) if found else 0.0
    if not value:
        raise typer.BadParameter(f"{text!r} is no time like 50ms or 0.05s")
    return value
