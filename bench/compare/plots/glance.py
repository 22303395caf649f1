"""The lecture's "at a glance": accuracy over latency and over multiply-adds, area is parameters.

Accuracies on different data cannot be compared, so what was measured on a network's own data has a
row of its own above what was published for ImageNet.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise, zip_longest

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bench.compare import figures
from bench.compare.figures import FIGURES, measured_top1
from bench.compare.plots.labels import Bubble, label
from bench.compare.plots.style import DARK, GROUND, SOFT, WARM, logarithmic
from bench.compare.results import Network, Results

LARGEST, SMALLEST = 24.0, 3.0  # points, radius
WIDTH, TALL, FLAT, REST = 9.9, 3.9, 1.5, 0.7  # inches
ROOM = (0.1, 0.3)  # of the axis, left and right of the bubbles, for names
IMAGENET = "imagenet"
AREA = "The area of a bubble is the number of parameters."

Across = Callable[[Network], float | None]


@dataclass(frozen=True, slots=True)
class Mark:
    """One accuracy of one network, in percent; `measured` with the weights that were served."""

    network: Network
    top1: float
    measured: bool
    size: float  # parameters, as a share of those of the largest network
    data: str = ""

    @property
    def name(self) -> str:
        """With what its area shows."""
        size = figures.count(self.network.parameters)
        return f"{self.network.name} {size}" + (f", {self.data}" if self.data else "")


def latency(network: Network) -> float | None:
    found = FIGURES[0].interval(network)
    return found.value if found else None


def macs(network: Network) -> float | None:
    return network.macs


COLUMNS: tuple[tuple[str, Across], ...] = (
    ("latency of one request at a time, p50, ms", latency),
    ("multiply-adds", macs),
)


def glance(found: Results) -> Figure | None:
    """None where no accuracy is known."""
    own, imagenet = marks(found.measured())
    rows = [row for row in (own, imagenet) if row]
    if not rows:
        return None
    heights = [FLAT if row is own and imagenet else TALL for row in rows]
    whole = Figure(figsize=(WIDTH, sum(heights) + REST), layout="constrained")
    grid = whole.subplots(len(rows), 2, height_ratios=heights, sharex="col", squeeze=False)
    for row, places in zip(rows, grid, strict=True):
        places[0].set_ylabel("top-1, %")
        places[0].set_title(title(row, row is own))
        for axes, (_, across) in zip(places, COLUMNS, strict=True):
            _bubbles(axes, row, across, front=row is imagenet)
        places[1].sharey(places[0])
        places[1].tick_params(labelleft=False)
    grid[-1][1].legend(loc="upper left", fontsize=8.5)
    grid[0][1].set_title(AREA, loc="right", fontsize=8.5, color=SOFT, weight="normal")
    for column, (axes, (words, across)) in enumerate(zip(grid[-1], COLUMNS, strict=True)):
        axes.set_xlabel(words)
        _span(axes, [v for row in rows for m in row if (v := across(m.network))], counted=column)
    whole.draw_without_rendering()  # now everything is in its place
    whole.set_layout_engine("none")
    for row, places in zip(rows, grid, strict=True):
        for axes, (_, across) in zip(places, COLUMNS, strict=True):
            shown = bubbles(row, across)
            label(axes, shown, _steps(shown) if row is imagenet else [])
    return whole


def title(row: Sequence[Mark], own: bool) -> str:
    if own:
        return "Measured here, each on its own data"
    hollow = any(not mark.measured for mark in row)
    return "ImageNet" + (", as published: other weights than were served here" if hollow else "")


def marks(networks: Sequence[Network]) -> tuple[list[Mark], list[Mark]]:
    """On data of their own, and on ImageNet."""
    own, imagenet = [], []
    most = max((network.parameters or 0 for network in networks), default=0) or 1
    for network in networks:
        size, measured = (network.parameters or 0) / most, measured_top1(network)
        top1, data = (100 * measured[0], measured[1]) if measured else (0.0, "")
        if data and not data.startswith(IMAGENET):
            own.append(Mark(network, top1, measured=True, size=size, data=data))
        if data.startswith(IMAGENET):
            imagenet.append(Mark(network, top1, measured=True, size=size))
        elif network.published_top1:
            imagenet.append(Mark(network, network.published_top1, measured=False, size=size))
    return own, imagenet


def bubbles(row: Sequence[Mark], across: Across) -> list[Bubble]:
    """Of those that are known in this direction."""
    return [
        Bubble(x, mark.top1, max(SMALLEST, LARGEST * math.sqrt(mark.size)), mark.name)
        for mark in row
        if (x := across(mark.network)) is not None
    ]


def _steps(shown: Sequence[Bubble]) -> list[tuple[float, float]]:
    """The corners of the line that joins the Pareto front: it goes right, then up."""
    front = pareto([(bubble.x, bubble.y) for bubble in shown])
    corners = [(after[0], before[1]) for before, after in pairwise(front)]
    return [point for both in zip_longest(front, corners) for point in both if point]


def pareto(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Those that no other beats in both: none to the left of it is as high or higher."""
    front: list[tuple[float, float]] = []
    for x, y in sorted(points, key=lambda point: (point[0], -point[1])):
        if not front or y > front[-1][1]:
            front.append((x, y))
    return front


def _bubbles(axes: Axes, row: Sequence[Mark], across: Across, *, front: bool) -> None:
    shown = [mark for mark in row if across(mark.network) is not None]
    for mark, bubble in zip(shown, bubbles(row, across), strict=True):
        axes.scatter(
            bubble.x,
            bubble.y,
            s=math.pi * bubble.radius**2,
            facecolor=DARK if mark.measured else GROUND,
            edgecolor=DARK if mark.network.trained or not mark.measured else SOFT,
            alpha=0.85 if mark.measured else 1,
            linewidth=1.4,
            zorder=3,
        )
    heights = [mark.top1 for mark in shown]
    if not heights:
        return
    room = max(0.18 * (max(heights) - min(heights)), 1.0)
    axes.set_ylim(min(heights) - room, min(max(heights) + room, 100 + room))
    if front:
        line = _steps(bubbles(row, across))
        axes.plot(*zip(*line, strict=True), color=WARM, linewidth=1, zorder=2, label="Pareto front")


def _span(axes: Axes, values: Sequence[float], *, counted: int) -> None:
    """Both rows have the same axis; `counted` in thousands and millions."""
    axes.set_xscale("log")
    span = max(max(values) / min(values), 10.0)
    axes.set_xlim(min(values) / span ** ROOM[0], max(values) * span ** ROOM[1])
    logarithmic(axes, "x")
    if counted:
        axes.xaxis.set_major_formatter(lambda value, _: figures.count(value))
