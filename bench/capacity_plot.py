"""The simulated p99 beside the measured one, a panel for each network."""

from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bench.capacity import Capacity
from bench.compare.plots.style import DARK, SOFT, WARM, beside, logarithmic, panels, save, styled

ROOM = 1.35  # times the largest rate, for the labels beside the lines


def publish(found: list[Capacity], bound: float, directory: Path) -> None:
    """Writes capacity.svg and capacity.png; nothing where no rate was measured."""
    checked = [c for c in found if c.checks]
    if checked:
        with styled():
            save(plot(checked, bound), directory, "capacity")


def plot(checked: list[Capacity], bound: float) -> Figure:
    """`bound` in seconds; each has at least one check."""
    whole, places = panels(len(checked), "requests/s that arrive", "p99, ms")
    for axes, c in zip(places, checked, strict=True):
        _panel(axes, c, 1e3 * bound)
    return whole


def _panel(axes: Axes, c: Capacity, bound: float) -> None:
    axes.set_title(c.name)
    rates = [check.rate for check in c.checks]
    axes.plot((0, rates[-1]), (bound, bound), color=SOFT, linewidth=1, linestyle=(0, (4, 3)))
    last = [(bound, "bound", SOFT)]
    for name, colour, marker in (("measured", DARK, "o"), ("simulated", WARM, "x")):
        at = [1e3 * float(getattr(check, name)) for check in c.checks]
        axes.plot(rates, at, color=colour, marker=marker, markersize=4)
        last.append((at[-1], name, colour))
    axes.set_xlim(0, rates[-1] * ROOM)
    logarithmic(axes, "y")
    beside(axes, rates[-1], last)
