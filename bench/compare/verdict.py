"""What the figures of a comparison amount to, and reasons not to believe them."""

import math
from collections.abc import Iterator, Sequence
from itertools import pairwise

from bench import intervals
from bench.compare.results import Network, Point, Results, Test, Warned
from bench.load_report import CEILING
from bench.machine import QUIET
from bench.warnings import SCATTER


def rate_at(curve: Sequence[Point], bound: float) -> float:
    """Images a second while the p99 stays within `bound` seconds; 0 if it never did.

    Between the last rate that held and the first that did not the p99 is taken to grow by a
    factor for each image a second. Where all held it is the highest rate that was tried.
    """
    points = sorted(curve, key=lambda point: point.target)
    if not points or points[0].p99 > bound:
        return 0.0
    for held, broke in pairwise(points):
        if broke.p99 > bound:
            way = math.log(bound / held.p99) / math.log(broke.p99 / held.p99)
            return held.achieved + way * (broke.achieved - held.achieved)
    return points[-1].achieved


def warned(found: Results) -> Iterator[Warned]:
    """By name and network, each once."""
    load, cores = found.machine.get("load"), found.machine.get("cores", 1)
    if load is not None and load > QUIET * cores:
        told = f"load average {load:.1f} on {cores} cores before the start: run it again alone"
        yield Warned(name="loaded machine", detail=told)
    if not found.finished:
        told = f"{min((len(n.rounds) for n in found.networks), default=0)} of "
        told += f"{found.settings.get('rounds')} rounds are whole; --resume measures the others"
        yield Warned(name="cut short", detail=told)
    for reason, times in found.throttled.items():
        if times:
            told = f"{reason}: {times} times while this was measured"
            yield Warned(name="throttled", detail=told)
    for network in found.measured():
        yield from _of_network(network, found.null_rate)


def _of_network(network: Network, null_rate: float | None) -> Iterator[Warned]:
    tests = [test for each in network.rounds for test in (each.single, each.offline, *each.curve)]
    for name in sorted({name for test in tests for name in test.doubts}):
        yield Warned(name=name, model=network.name, detail=_together(name, tests))
    if failures := sum(test.failures for test in tests):
        told = f"{failures} requests failed"
        yield Warned(name="errors", model=network.name, detail=told)
    rates = [each.offline.rate for each in network.rounds]
    offline = intervals.of(rates)
    scatter = (max(rates) - min(rates)) / offline.value if offline else 0.0
    if scatter > SCATTER:
        told = f"the offline rates of the rounds differ by {scatter:.0%}"
        yield Warned(name="scatter", model=network.name, detail=told)
    if null_rate and max(rates) > CEILING * null_rate:
        told = f"{max(rates) / null_rate:.0%} of the rate with a null engine: offline it says more "
        told += "of decoding, HTTP and the generator than of the network"
        yield Warned(name="client-bound", model=network.name, detail=told)


def _together(name: str, tests: Sequence[Test]) -> str:
    reasons = [test.doubts[name] for test in tests if name in test.doubts]
    return f"{len(reasons)} of {len(tests)} tests; the first: {reasons[0]}"
