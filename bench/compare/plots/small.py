"""Small multiples, a panel for each network, in which its own scale shows its own shape."""

import math
from collections.abc import Sequence
from statistics import geometric_mean

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bench.compare import figures
from bench.compare.plots.style import (
    DARK,
    INK,
    LIGHT,
    MIDDLE,
    SOFT,
    WARM,
    beside,
    logarithmic,
    panels,
)
from bench.compare.results import Network, Results, Test
from bench.samples import percentile

ROOM = 1.22  # times the largest value of an axis, for the labels beside it
MARKS = (0.5, 0.9, 0.99, 0.999)  # percentiles that an axis names
COLOURS = (INK, LIGHT, MIDDLE, DARK, SOFT)  # one at a time, then at each rate
WORDS = {LIGHT: SOFT}  # a line may be paler than what is read


def curves(found: Results) -> Figure:
    """Latency against the rate at which requests arrive."""
    networks = found.measured()
    whole, places = panels(len(networks), "requests/s that arrive", "latency, ms")
    for axes, network in zip(places, networks, strict=True):
        _curve(axes, network)
    return whole


def _curve(axes: Axes, network: Network) -> None:
    axes.set_title(network.name)
    rates = network.targets
    last: list[tuple[float, str, str]] = []
    for name, colour in (("p50", LIGHT), ("p90", MIDDLE), ("p99", DARK)):
        rounds = [[1e3 * float(getattr(p, name)) for p in r.curve] for r in network.rounds]
        at = [geometric_mean(values) for values in zip(*rounds, strict=True)]
        axes.plot(rates, at, color=colour, marker="o", markersize=3)
        last.append((at[-1], name, WORDS.get(colour, colour)))
        if name == "p99":
            low, high = ([f(v) for v in zip(*rounds, strict=True)] for f in (min, max))
            axes.fill_between(rates, low, high, color=colour, alpha=0.15, linewidth=0)
    bound, rate = network.bound_ms or math.nan, network.rate_at_bound or 0.0
    axes.plot((0, rates[-1]), (bound, bound), color=WARM, linewidth=1, linestyle=(0, (4, 3)))
    axes.set_xlim(0, rates[-1] * ROOM)
    logarithmic(axes, "y")
    beside(axes, rates[-1], last)
    label = f"bound {figures.figure(bound)} ms"
    axes.annotate(
        f"{label}: {figures.figure(rate)}/s" if rate else f"{label}: never kept",
        (0, bound),
        xytext=(4, 3),
        textcoords="offset points",
        color=WARM,
        fontsize=8,
    )


def percentiles(found: Results) -> Figure:
    """The whole distribution at each load: the axis stretches towards the slowest requests."""
    networks = found.measured()
    whole, places = panels(len(networks), "share of the requests that are faster", "latency, ms")
    for axes, network in zip(places, networks, strict=True):
        axes.set_title(network.name)
        loads = [[r.single for r in network.rounds]]
        loads += [list(points) for points in zip(*(r.curve for r in network.rounds), strict=True)]
        names = [
            "one at a time",
            *(f"at {100 * share:.0f} %" for share in found.settings["shares"]),
        ]
        ends = [_distribution(axes, tests, c) for tests, c in zip(loads, COLOURS, strict=True)]
        last = max(x for x, _ in ends)
        seen = [share for share in MARKS if stretched(share) < last + 0.01]
        axes.set_xticks([stretched(q) for q in seen], [f"{100 * q:g} %" for q in seen])
        axes.set_xlim(0, last * 1.45)
        logarithmic(axes, "y")
        labels = [
            (y, name, WORDS.get(colour, colour))
            for (_, y), name, colour in zip(ends, names, COLOURS, strict=True)
        ]
        beside(axes, last, labels)
    return whole


def _distribution(axes: Axes, tests: Sequence[Test], colour: str) -> tuple[float, float]:
    """Each round's, averaged; it ends where one request is left. Returns its last point."""
    fewest = min(len(test.latencies_ms) for test in tests)
    steps = [stretched(1 - 1 / fewest) * i / 100 for i in range(101)]
    took = [
        geometric_mean([percentile(test.latencies_ms, 1 - 10**-x) for test in tests]) for x in steps
    ]
    axes.plot(steps, took, color=colour)
    return steps[-1], took[-1]


def stretched(share: float) -> float:
    """0.9 is 1, 0.99 is 2, 0.999 is 3, as in HdrHistogram's plots."""
    return -math.log10(1 - share)


def batches(found: Results) -> Figure | None:
    """What the engine alone gains by more images a run; None where it was not measured."""
    networks = [network for network in found.measured() if network.batch_rates]
    if not networks:
        return None
    whole, places = panels(len(networks), "images a run, on each core", "images/s")
    for axes, network in zip(places, networks, strict=True):
        axes.set_title(network.name)
        sizes = [row.size for row in network.batch_rates]
        rounds = [[row.rate for row in each.batch_rates] for each in network.rounds]
        middle = [row.rate for row in network.batch_rates]
        low, high = ([f(v) for v in zip(*rounds, strict=True)] for f in (min, max))
        axes.fill_between(sizes, low, high, color=DARK, alpha=0.15, linewidth=0)
        axes.plot(sizes, middle, color=DARK, marker="o", markersize=3)
        axes.set_xscale("log", base=2)
        axes.set_xticks(sizes, [str(size) for size in sizes])
        axes.set_xlim(sizes[0] / ROOM, sizes[-1] * 1.9)
        axes.set_ylim(0, max(high) * ROOM)
        gain = max(middle) / middle[0]
        beside(axes, sizes[-1], [(middle[-1], f"{figures.figure(middle[-1])}/s", DARK)])
        axes.set_title(f"best: {gain:.2f}x", loc="right", fontsize=8, color=SOFT, weight="normal")
    return whole
