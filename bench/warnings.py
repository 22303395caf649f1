"""Reasons not to believe a figure, each with a name that can be looked for."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from bench.machine import QUIET, Machine
from bench.samples import Series
from bench.targets import Verdict

SCATTER = 0.15  # of the median, over the rounds
CLIENT_SHARE = 0.5  # of one core
ENOUGH = 100  # answers a round, for a p99

Name = Literal[
    "loaded machine",
    "scatter",
    "client-bound",
    "errors",
    "too short",
    "cut short",
    "implausible",
    "unstable",
    "throttled",
]


@dataclass(frozen=True, slots=True)
class Warned:
    name: Name
    detail: str


def of_machine(machine: Machine) -> Iterator[Warned]:
    if machine.load is not None and machine.load > QUIET * machine.cores:
        yield Warned(
            "loaded machine",
            f"load average {machine.load:.1f} on {machine.cores} cores before the start: others "
            "took part of what was measured; run it again alone",
        )


def of_series(series: Sequence[Series]) -> Iterator[Warned]:
    for s in series:
        who = f"{s.model}, {s.name}"
        rate = s.rate()
        if s.errors():
            yield Warned("errors", f"{who}: {s.errors()} requests failed; the rate counts only 200")
        if rate and len(s.samples) > 1 and rate.scatter() > SCATTER:
            told = f"the rounds differ by {rate.scatter():.0%} of their median"
            yield Warned("scatter", f"{who}: {told}")
        share = s.of("client_share")
        if share and share.median > CLIENT_SHARE:
            told = f"the load generator used {share.median:.0%} of a core"
            yield Warned("client-bound", f"{who}: {told}; the server may be faster than this")
        count = s.of("count")
        if share and count and count.median < ENOUGH:
            told = f"{count.median:.0f} answers a round are few for a p99"
            yield Warned("too short", f"{who}: {told}; raise --seconds")


def of_verdicts(verdicts: Sequence[Verdict]) -> Iterator[Warned]:
    for v in verdicts:
        if v.implausible:
            told = f"{v.model}, {v.clients}: {v.found.median:.0%} {v.what}"
            yield Warned("implausible", f"{told}: the bare loop was disturbed; prove nothing by it")


def of_rounds(done: int, wanted: int) -> Iterator[Warned]:
    if done < wanted:
        yield Warned("cut short", f"stopped after {done} of {wanted} rounds")
