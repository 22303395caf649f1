"""What one round measured, and what several rounds together say.

A figure never travels without its spread: median, smallest, largest.
"""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Sample:
    """One contestant, one round."""

    rate: float  #                          images a second
    p50: float  #                           seconds an image or request takes
    p99: float
    cpu: float | None = None  #             seconds of CPU per image of whoever did the work
    count: int = 0  #                       images answered in time
    errors: int = 0  #                      answers that were no 200, and broken connections
    client_cpu: float | None = None  #      seconds of CPU per request of the load generator
    client_share: float | None = None  #    of one core, while it ran


class Contestant(Protocol):
    """Something that can be measured for a while, again and again."""

    @property
    def model(self) -> str: ...
    @property
    def name(self) -> str: ...

    def measure(self, seconds: float) -> Sample: ...


@dataclass(frozen=True, slots=True)
class Spread:
    median: float
    low: float
    high: float

    def scatter(self) -> float:
        """The range as a share of the median."""
        return (self.high - self.low) / self.median if self.median else math.inf


def spread(values: Sequence[float]) -> Spread | None:
    """Median and range; None of nothing, so that no figure is invented."""
    if not values:
        return None
    return Spread(statistics.median(values), min(values), max(values))


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that `share` of all do not exceed (nearest rank); nan of nothing."""
    if not values:
        return math.nan
    rank = math.ceil(share * len(values))
    return sorted(values)[max(rank, 1) - 1]


@dataclass(slots=True)
class Series:
    """All rounds of one contestant so far."""

    model: str
    name: str
    samples: list[Sample]

    def rate(self) -> Spread | None:
        return spread([s.rate for s in self.samples])

    def of(self, field: str) -> Spread | None:
        """The spread of one field over the rounds in which it was measured."""
        values = [getattr(s, field) for s in self.samples]
        return spread([v for v in values if v is not None and not math.isnan(v)])

    def errors(self) -> int:
        return sum(s.errors for s in self.samples)


def best(series: Sequence[Series]) -> Series | None:
    """The one with the highest median rate."""
    measured = [(rate.median, i) for i, s in enumerate(series) if (rate := s.rate())]
    return series[max(measured)[1]] if measured else None


def paired(one: Series, other: Series) -> list[tuple[Sample, Sample]]:
    """Samples of the same rounds: what disturbed one round disturbed both."""
    return list(zip(one.samples, other.samples, strict=False))
