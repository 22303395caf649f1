"""Where the time of every request went, since the start: percentiles to within 1 %.

Five phases that touch: read the body, decode, queue, infer, post (rank, explain, answer). They add
up to the total.
"""

import math
from collections import Counter
from dataclasses import dataclass
from typing import Any

PHASES = ("read", "decode", "queue", "infer", "post")
STEP = math.log(1.02)  # buckets grow by 2 %, so the middle of one is at most 1 % off
FASTEST = 1e-6  # seconds; everything below falls into the first bucket


class Histogram:
    """Counts durations in seconds; small, constant work for each."""

    def __init__(self) -> None:
        self.count = 0
        self.sum = 0.0
        self.max = 0.0
        self._buckets: dict[int, int] = {}

    def add(self, seconds: float) -> None:
        bucket = math.ceil(math.log(seconds / FASTEST) / STEP) if seconds > FASTEST else 0
        self._buckets[bucket] = self._buckets.get(bucket, 0) + 1
        self.count += 1
        self.sum += seconds
        self.max = max(self.max, seconds)

    def quantile(self, share: float) -> float:
        """The duration that `share` of all do not exceed; 0 if there are none."""
        rank, seen = math.ceil(share * self.count), 0
        for bucket in sorted(self._buckets):
            seen += self._buckets[bucket]
            if seen >= rank:
                return min(self.max, FASTEST * math.exp((bucket - 0.5) * STEP))
        return 0.0

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
