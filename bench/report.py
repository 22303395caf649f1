"""The figures as tables, and all of them as JSON. None is a dash; a bad one is shown as it is."""

import dataclasses
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

from bench.machine import Machine
from bench.samples import Series, Spread
from bench.targets import Verdict
from bench.warnings import Warned

SCHEMA = 1
PLAIN_WIDTH = 130  # columns where there is no terminal to ask


@dataclasses.dataclass(frozen=True, slots=True)
class Report:
    """One run of a scenario: everything it measured and everything needed to doubt it."""

    scenario: str
    settings: dict[str, Any]
    machine: Machine
    bare: list[Series]
    served: list[Series]
    null: list[Series]  # the service with an engine that does nothing, and the same without HTTP
    verdicts: list[Verdict]
    warnings: list[Warned]


def console() -> Console:
    """Standard output: as wide as the terminal, or wide enough for the tables in a file."""
    found = Console(highlight=False)
    return found if found.is_terminal else Console(highlight=False, width=PLAIN_WIDTH)


def show(report: Report, out: Console) -> None:
    m = report.machine
    out.print(f"{m.cpu}, {m.cores} cores, {m.system}, Python {m.python}, commit {m.commit}")
    if report.bare:
        out.print(table("Bare loops: decode and run, no HTTP", report.bare, BARE, out))
    if report.served:
        out.print(table("The service over HTTP", report.served, SERVED, out))
    if report.verdicts:
        out.print(judged(report.verdicts, out))
    if report.null:
        out.print(table("The server alone: the null engine", report.null, NULL, out))
    for warning in report.warnings:
        out.print(f"[yellow]warning: {warning.name}[/]: {warning.detail}", soft_wrap=True)


Column = tuple[str, Callable[[Series], str]]


def figure(spread: Spread | None, scale: float = 1.0, digits: int = 2) -> str:
    """The median and, in brackets, the range."""
    if spread is None:
        return "-"
    median, low, high = (f"{v * scale:,.{digits}f}" for v in dataclasses.astuple(spread))
    return median if low == high else f"{median} ({low} to {high})"


def median(spread: Spread | None, scale: float = 1.0, digits: int = 2) -> str:
    return "-" if spread is None else f"{spread.median * scale:,.{digits}f}"


RATE: Column = ("images/s", lambda s: figure(s.rate(), digits=1))
CPU: Column = ("CPU ms each", lambda s: median(s.of("cpu"), 1e3, 3))
BARE: tuple[Column, ...] = (RATE, ("ms/image", lambda s: figure(s.of("p50"), 1e3)), CPU)
SERVED: tuple[Column, ...] = (
    ("requests/s", RATE[1]),
    ("p50 ms", lambda s: median(s.of("p50"), 1e3)),
    ("p99 ms", lambda s: median(s.of("p99"), 1e3)),
    CPU,
    ("client CPU ms", lambda s: median(s.of("client_cpu"), 1e3, 3)),
    ("errors", lambda s: str(s.errors())),
)
NULL: tuple[Column, ...] = (
    ("requests/s", RATE[1]),
    CPU,
    ("requests/s per core", lambda s: per_core(s.of("cpu"))),
    ("errors", lambda s: str(s.errors())),
)


def per_core(cpu: Spread | None) -> str:
    """What one core could answer if it did nothing else."""
    return f"{1 / cpu.median:,.0f}" if cpu and cpu.median else "-"


def table(title: str, series: Sequence[Series], columns: Sequence[Column], out: Console) -> Table:
    grid = _grid(title, out)
    grid.add_column("model")
    grid.add_column("")
    for head, _ in columns:
        grid.add_column(head, justify="right")
    for before, s in zip([None, *series], series, strict=False):
        if before and before.model != s.model:
            grid.add_section()
        grid.add_row(s.model, s.name, *(tell(s) for _, tell in columns))
    return grid


def judged(verdicts: Sequence[Verdict], out: Console) -> Table:
    grid = _grid("Against the bare loops of the same rounds", out)
    for head in ("model", "", "what"):
        grid.add_column(head)
    for head in ("found", "target", ""):
        grid.add_column(head, justify="right")
    for v in verdicts:
        scale, digits = (100, 1) if v.unit == "%" else (1, 2)
        sign = "at least" if v.at_least else "at most"
        target = "-" if v.target is None else f"{sign} {v.target * scale:.{digits}f} {v.unit}"
        met = {True: "[green]met[/]", False: "[red]missed[/]", None: ""}[v.met]
        met = "[yellow]implausible[/]" if v.implausible else met
        found = f"{figure(v.found, scale, digits)} {v.unit}"
        grid.add_row(v.model, v.clients, v.what, found, target, met)
    return grid


def _grid(title: str, out: Console) -> Table:
    lines = box.ROUNDED if out.is_terminal else box.ASCII_DOUBLE_HEAD
    return Table(title=title, title_justify="left", box=lines)


def save(report: Report, file: Path) -> None:
    """Writes the whole report as JSON, or leaves the file as it was."""
    content = {"schema": SCHEMA, **dataclasses.asdict(report)}
    for row, verdict in zip(content["verdicts"], report.verdicts, strict=True):
        row["met"] = verdict.met
    partial = file.with_name(f".{file.name}.partial")
    partial.write_text(json.dumps(content, indent=1) + "\n")
    partial.replace(file)
