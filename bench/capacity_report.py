"""Capacity as tables, as warnings and as JSON."""

import dataclasses
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table

from bench.capacity import MOST, Capacity
from bench.compare.results import Results, Warned, write

SCHEMA = 1
ROUGH = 0.25  # of the p99, that the simulation may be off


@dataclass(frozen=True, slots=True)
class Plan:
    """What was asked: images a second, seconds for the p99, the price of a replica for an hour."""

    rate: float
    bound: float
    price: float | None
    found: list[Capacity]
    warnings: list[Warned]


def show(plan: Plan, out: Console) -> None:
    out.print(_replicas(plan, out))
    out.print(_checks(plan, out))
    for w in plan.warnings:
        who = f"{w.model}: " if w.model else ""
        out.print(f"[yellow]warning: {w.name}[/]: {who}{w.detail}", soft_wrap=True)


def _replicas(plan: Plan, out: Console) -> Table:
    title = f"{plan.rate:g} images/s, p99 within {1e3 * plan.bound:g} ms"
    heads = ["replicas", "images/s each", "of its offline rate", "p99 ms"]
    if plan.price is not None:
        heads.append(f"a million images, at {plan.price:g} an hour")
    grid = _grid(title, [*heads, "error of p99"], out)
    for c in plan.found:
        cells = [_cell(c.replicas, "d"), _cell(c.rate, ",.1f"), _cell(c.load, ".0%"), _ms(c.p99)]
        if plan.price is not None:
            cells.append(_cell(c.cost, ",.2f"))
        grid.add_row(c.name, *cells, _cell(c.error, "+.0%"))
    return grid


def _checks(plan: Plan, out: Console) -> Table:
    heads = ["asked/s", "p99 ms, measured", "simulated", "by chance", "error", ""]
    grid = _grid("The simulation beside the tests that were measured", heads, out)
    for c in plan.found:
        for check in c.checks:
            chance = f"{_ms(check.low)} to {_ms(check.high)}"
            times = (_ms(check.measured), _ms(check.simulated), chance)
            note = "" if check.stable else "more than it does"
            grid.add_row(c.name, f"{check.rate:,.1f}", *times, f"{check.error:+.0%}", note)
    return grid


def _grid(title: str, heads: list[str], out: Console) -> Table:
    lines = box.ROUNDED if out.is_terminal else box.ASCII_DOUBLE_HEAD
    grid = Table(title=title, title_justify="left", box=lines)
    grid.add_column("network")
    for head in heads:
        grid.add_column(head, justify="right")
    return grid


def _cell(value: float | None, form: str) -> str:
    return "-" if value is None else format(value, form)


def _ms(seconds: float | None) -> str:
    return "-" if seconds is None else f"{1e3 * seconds:,.1f}"


def warned(results: Results, found: list[Capacity]) -> Iterator[Warned]:
    """Reasons not to believe it."""
    if not results.finished:
        yield Warned(name="cut short", detail="the comparison did not finish: --resume it")
    if results.warnings:
        names = ", ".join(sorted({warning.name for warning in results.warnings}))
        yield Warned(name="doubtful", detail=f"the comparison itself warned of: {names}")
    for c in found:
        if c.replicas is None:
            told = f"not even {MOST:,} replicas hold the p99, since an image alone does not"
            yield Warned(name="out of reach", model=c.name, detail=told)
        if c.error is None:
            told = "no rate of its curve was one that it can hold"
            yield Warned(name="not checked", model=c.name, detail=told)
        if off := [k.error for k in c.checks if k.stable and not k.chance and abs(k.error) > ROUGH]:
            told = f"the simulated p99 is off by {max(off, key=abs):+.0%}, more than by chance"
            yield Warned(name="rough", model=c.name, detail=told)


def save(plan: Plan, file: Path) -> None:
    """Writes all of it as JSON; times are in seconds."""
    content = {"schema": SCHEMA, "kind": "capacity", **dataclasses.asdict(plan)}
    content["warnings"] = [warning.model_dump() for warning in plan.warnings]
    for row, c in zip(content["found"], plan.found, strict=True):
        row["error"] = c.error
        for line, check in zip(row["checks"], c.checks, strict=True):
            line["error"] = check.error
    write(file, json.dumps(content, indent=1) + "\n")
