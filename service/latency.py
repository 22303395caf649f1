"""Where the time of every request went, since the start: percentiles to within 1 %.

Five phases that touch: read the body, decode, queue, infer, post (rank, explain, answer). They add
up to the total.
"""

import math
from bisect import bisect_left
from collections import Counter
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

PHASES = ("read", "decode", "queue", "infer", "post")
# what Prometheus is told, in seconds: steps of at most 1.5 between 1 and 50 ms, where most
# networks live
BOUNDS = (
    *(0.00025, 0.0005, 0.00075, 0.001, 0.0015, 0.002, 0.003, 0.004, 0.006, 0.008, 0.011, 0.015),
    *(0.02, 0.025, 0.035, 0.05, 0.075, 0.1, 0.15, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0),
)
# and from 1 us to 1000 s steps of 2 %, so that the middle of a bucket is at most 1 % off
EDGES = sorted({*BOUNDS, *(1e-6 * 1.02**step for step in range(1048))})


class Histogram:
    """Counts durations in seconds; small, constant work for each."""

    def __init__(self) -> None:
        self.sum = 0.0
        self.max = 0.0
        self._buckets: Counter[int] = Counter()  # i: how many up to EDGES[i], over the one before

    @property
    def count(self) -> int:
        return self._buckets.total()

    def add(self, seconds: float) -> None:
        self._buckets[bisect_left(EDGES, seconds)] += 1
        self.sum += seconds
        self.max = max(self.max, seconds)

    def quantile(self, share: float) -> float:
        """The duration that `share` of all do not exceed; 0 if there are none."""
        rank, seen = math.ceil(share * self.count), 0
        for bucket in sorted(self._buckets):
            seen += self._buckets[bucket]
            if seen >= rank:
                around = EDGES[max(0, bucket - 1) : bucket + 1]
                return min(self.max, math.sqrt(around[0] * around[-1]))
        return 0.0

    def cumulative(self) -> list[tuple[float, int]]:
        """Each of `BOUNDS`, and infinity, with how many durations do not exceed it."""
        shares = dict.fromkeys((*BOUNDS, math.inf), 0)
        for bucket, count in self._buckets.items():
            last = EDGES[bucket] if bucket < len(EDGES) else math.inf
            shares[next(bound for bound in shares if last <= bound)] += count
        return list(zip(shares, accumulate(shares.values()), strict=True))

    def summary(self) -> dict[str, float]:
        """Milliseconds, but for `count`."""
        mean = self.sum / self.count if self.count else 0.0
        quantiles = {f"p{q}": self.quantile(q / 100) for q in (50, 95, 99)}
        figures = {"mean": mean, **quantiles, "max": self.max}
        return {"count": self.count} | {k: round(v * 1e3, 3) for k, v in figures.items()}


@dataclass(frozen=True, slots=True)
class Timing:
    """When what happened to one request (`perf_counter` seconds).

    Most images are decoded on the lane, from `started` to `decoded`; some before they `arrived` in
    the queue. Both count as decoding.
    """

    begun: float
    read: float
    arrived: float
    started: float
    decoded: float
    finished: float
    post: float

    def phases(self) -> dict[str, float]:
        """Seconds of each phase and, last, of all together."""
        return {
            "read": self.read - self.begun,
            "decode": self.arrived - self.read + self.decoded - self.started,
            "queue": self.started - self.arrived,
            "infer": self.finished - self.decoded,
            "post": self.post - self.finished,
            "total": self.post - self.begun,
        }


class Latency:
    """The histograms of one model."""

    def __init__(self) -> None:
        self.phases = {phase: Histogram() for phase in (*PHASES, "total")}
        self.batches: Counter[int] = Counter()  # batch size -> runs

    def add(self, phases: dict[str, float]) -> None:
        for phase, seconds in phases.items():
            self.phases[phase].add(seconds)

    def summary(self) -> dict[str, Any]:
        return {
            "phases_ms": {phase: h.summary() for phase, h in self.phases.items()},
            "batch_sizes": {str(size): self.batches[size] for size in sorted(self.batches)},
        }
