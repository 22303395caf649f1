"""A load test as a table, as warnings and as JSON."""

import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table

from bench import warnings
from bench.load import Measured
from bench.loadgen import NAMES, Run
from bench.warnings import CLIENT_SHARE, SCATTER, Warned

SCHEMA = 1
RESULTS = "results.json"
LAG = 0.1  # of the p99, that the generator may be late
CEILING = 0.8  # of the rate that generator and server reach without a network
AGREE = 0.1  # between the two clients' p99


def show(found: Measured, out: Console) -> None:
    m = found.machine
    out.print(f"{m.cpu}, {m.cores} cores, {m.system}, Python {m.python}, commit {m.commit}")
    lines = box.ROUNDED if out.is_terminal else box.ASCII_DOUBLE_HEAD
    title = f"{found.plan.model} on {found.device or '?'}, by MLPerf LoadGen"
    grid = Table(title=title, title_justify="left", box=lines)
    heads = ("test", "asked/s", "images/s", "p50 ms", "p90 ms", "p99 ms", "late ms", "failed")
    for head in heads:
        grid.add_column(head, justify="left" if head == "test" else "right")
    for run in (*([found.null] if found.null else []), *found.runs):
        grid.add_row(*_row(run))
    out.print(grid)
    out.print(f"[bold]{answer(found)}[/]", soft_wrap=True)
    for warning in warned(found):
        out.print(f"[yellow]warning: {warning.name}[/]: {warning.detail}", soft_wrap=True)


def _row(run: Run) -> tuple[str, ...]:
    times = (f"{seconds * 1e3:,.2f}" for seconds in (run.p50, run.p90, run.p99, run.lag))
    asked = f"{run.target:,.1f}" if run.target else "-"
    return run.logs, asked, f"{run.rate:,.1f}", *times, str(run.failures)


def answer(found: Measured) -> str:
    """The one figure of the scenario, in a sentence."""
    run = found.result
    if run is None and found.cut_short:
        return "stopped before there was a result"
    if run is None:
        bound = f" under {found.bound_ms:.1f} ms" if found.bound_ms else ""
        return f"no rate was found whose p99 stays{bound}"
    if run.scenario == "server":
        told = f"{run.target:,.1f} requests/s, p99 {run.p99 * 1e3:.2f} ms"
        told += f" (bound {found.bound_ms:.1f} ms)"
        if found.check_p99 is not None:
            told += f"; an independent client's p99: {found.check_p99 * 1e3:.2f} ms"
        return told
    if run.scenario == "offline":
        return f"{run.rate:,.1f} images/s"
    share, name = (90, run.p90) if run.scenario == "single" else (99, run.p99)
    return f"{NAMES[run.scenario]}: p{share} {name * 1e3:.2f} ms"


def warned(found: Measured) -> list[Warned]:
    """Reasons not to believe the result."""
    told = list(warnings.of_machine(found.machine))
    if found.cut_short:
        told.append(Warned("cut short", "stopped by Ctrl-C; the tests above were complete"))
    for reason, times in found.throttled.items():
        told.append(Warned("throttled", f"{reason}: {times} times while this was measured"))
    if found.check_failures:
        told.append(Warned("errors", f"independent client: {found.check_failures} failed"))
    if found.result:
        told += of_run(found.result, found.null)
        if found.check_p99 and abs(found.check_p99 / found.result.p99 - 1) > AGREE:
            off = found.check_p99 / found.result.p99 - 1
            told.append(Warned("unstable", f"the independent client's p99 differs by {off:+.0%}"))
    for run in found.runs:
        if run.failures:
            what = f"{run.logs}: {run.failures} requests failed, the first: {run.failure}"
            told.append(Warned("errors", what))
    return told


def exit_code(found: Measured) -> int:
    """0 measured; 1 requests failed; 3 no rate held the bound; 130 stopped by Ctrl-C."""
    if found.cut_short:
        return 130
    if found.check_failures or any(run.failures for run in found.runs):
        return 1
    return 0 if found.result else 3


def of_run(run: Run, null: Run | None) -> Iterator[Warned]:
    if not run.long_enough:
        yield Warned("too short", f"{run.logs}: all was sent before the time was over; try again")
    if not run.sure:
        yield Warned("too short", f"{run.logs}: {run.queries} queries are few; raise --seconds")
    if abs(run.drift) > SCATTER:
        told = f"{abs(run.drift):.0%} {'longer' if run.drift > 0 else 'less'} than its first"
        yield Warned("unstable", f"{run.logs}: its second half took {told}")
    if run.scenario != "offline" and run.lag > LAG * run.p99:
        late = f"the generator was {run.lag * 1e3:.2f} ms late (p99)"
        yield Warned("client-bound", f"{run.logs}: {late}")
    if run.share > CLIENT_SHARE:
        yield Warned("client-bound", f"{run.logs}: the generator used {run.share:.0%} of a core")
    if null and run.rate > CEILING * null.rate:
        share = f"{run.rate / null.rate:.0%} of the rate with a null engine"
        told = f"{share}: it says more of decoding, HTTP and the generator than of the network"
        yield Warned("client-bound", f"{run.logs}: {told}")


def save(found: Measured, directory: Path) -> Path:
    """Writes `results.json` beside the logs; times are in seconds unless named otherwise."""
    content = {
        "schema": SCHEMA,
        **dataclasses.asdict(found),
        "warnings": [dataclasses.asdict(w) for w in warned(found)],
    }
    file = directory / RESULTS
    directory.mkdir(parents=True, exist_ok=True)
    partial = directory / f".{RESULTS}.partial"
    partial.write_text(json.dumps(content, indent=1, default=str) + "\n")
    partial.replace(file)
    return file
