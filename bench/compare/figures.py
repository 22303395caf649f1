"""The figures of a network that are compared: what they are called and where they come from."""

from collections.abc import Callable
from dataclasses import dataclass

from bench import intervals
from bench.compare.results import Network, Round
from bench.compare.verdict import rate_at
from bench.intervals import Interval


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure a round; `bound` is that of the network, seconds."""

    key: str
    title: str
    unit: str
    of: Callable[[Round, float], float]
    more_is_better: bool = False

    def values(self, network: Network, bound_ms: float | None = None) -> list[float]:
        bound = (bound_ms or network.bound_ms or 0.0) / 1e3
        return [self.of(each, bound) for each in network.rounds]

    def interval(self, network: Network) -> Interval | None:
        """None where no round has one: no rate kept the bound."""
        return intervals.of(self.values(network))


FIGURES = (
    Figure("p50_ms", "p50", "ms", lambda each, _: 1e3 * each.single.p50),
    Figure("p90_ms", "p90", "ms", lambda each, _: 1e3 * each.single.p90),
    Figure("p99_ms", "p99", "ms", lambda each, _: 1e3 * each.single.p99),
    Figure(
        "rate_at_bound",
        "within the bound",
        "images/s",
        lambda each, bound: rate_at(each.curve, bound),
        more_is_better=True,
    ),
    Figure(
        "offline_rate",
        "offline",
        "images/s",
        lambda each, _: each.offline.rate,
        more_is_better=True,
    ),
)


def images_a_run(network: Network) -> float | None:
    """Mean batch size offline; None where the service told nothing."""
    runs = sum(sum(each.batches.values()) for each in network.rounds)
    return sum(each.offline.count for each in network.rounds) / runs if runs else None


def measured_top1(network: Network) -> tuple[float, str] | None:
    """Its share of right answers on held-out pictures, and what they show; None if not measured.

    `python -m training evaluate --write` names its figures DATA.ENGINE.PRECISION.top1; the plain
    `top1` of a card is that of the data its weights are named after.
    """
    for key, value in network.metrics.items():
        parts = key.split(".")
        if parts[-1] == "top1":
            data = parts[0] if len(parts) > 1 else network.weights
            return value, data.rpartition("-v")[0] or data
    return None


def count(value: float | None) -> str:
    """As 1.24 M; a dash for None."""
    if value is None:
        return "-"
    for size, unit in ((1e9, " G"), (1e6, " M"), (1e3, " k")):
        if value >= size:
            return f"{value / size:.3g}{unit}"
    return f"{value:.0f}"


def figure(value: float) -> str:
    """Three significant digits, never in powers of ten."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
