"""How every plot looks: one hue, system fonts, direct labels, few lines.

The colours are told apart by lightness alone, so they survive a colour-blind eye and a printer.
In `report.html` they become CSS variables that follow the reader's light or dark mode.
"""

import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from bench.compare import figures
from bench.compare.results import write

# light mode's colour -> the name of its CSS variable
INK, SOFT, LINE, GROUND = "#1b1b18", "#5c5b54", "#dddcd5", "#ffffff"
DARK, MIDDLE, LIGHT = "#0b6e69", "#5c9b96", "#a3cbc7"
WARM = "#b4540a"  # waiting, bounds and fronts
VARIABLES = {
    INK: "ink",
    SOFT: "soft",
    LINE: "line",
    GROUND: "ground",
    DARK: "dark",
    MIDDLE: "middle",
    LIGHT: "light",
    WARM: "warm",
}
PANEL = (3.3, 2.6)  # inches
COLUMNS = 3
DPI = 160
# marks of a decade, on an axis over more than so large a ratio
SUBS: tuple[tuple[float, tuple[float, ...]], ...] = (
    (150, (1,)),
    (15, (1, 2, 5)),
    (0, (1, 1.5, 2, 3, 4, 5, 7)),
)
POINTS = 11.0  # between the baselines of two labels
STYLE: Any = {  # matplotlib's own type lists every key there is
    "axes.axisbelow": True,
    "axes.edgecolor": LINE,
    "axes.grid": True,
    "axes.labelcolor": SOFT,
    "axes.labelsize": 8.5,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlecolor": INK,
    "axes.titlelocation": "left",
    "axes.titlesize": 10,
    "axes.titleweight": "bold",
    "figure.facecolor": GROUND,
    "axes.facecolor": "none",
    "font.size": 8.5,
    "grid.color": LINE,
    "grid.linewidth": 0.6,
    "legend.frameon": False,
    "lines.linewidth": 1.6,
    "svg.fonttype": "none",
    "svg.hashsalt": "convoy",
    "text.color": INK,
    "xtick.color": SOFT,
    "xtick.labelsize": 8,
    "xtick.major.size": 0,
    "xtick.minor.size": 0,
    "ytick.color": SOFT,
    "ytick.labelsize": 8,
    "ytick.major.size": 0,
    "ytick.minor.size": 0,
}


@contextmanager
def styled() -> Iterator[None]:
    with mpl.rc_context(STYLE):
        yield


def panels(number: int, across: str, up: str) -> tuple[Figure, list[Axes]]:
    """Small multiples; the outer ones say what the axes are."""
    columns = min(COLUMNS, number)
    rows = -(-number // columns)
    whole = Figure(figsize=(PANEL[0] * columns, PANEL[1] * rows), layout="constrained")
    places = [whole.add_subplot(rows, columns, place + 1) for place in range(number)]
    for place, axes in enumerate(places):
        if place % columns == 0:
            axes.set_ylabel(up)
        if place + columns >= number:
            axes.set_xlabel(across)
    return whole, places


def logarithmic(axes: Axes, which: str) -> None:
    """A logarithmic axis with plain numbers at 1, 2 and 5."""
    getattr(axes, f"set_{which}scale")("log")
    axis = axes.xaxis if which == "x" else axes.yaxis
    low, high = sorted(axes.get_xlim() if which == "x" else axes.get_ylim())
    subs = next(steps for decades, steps in SUBS if high / low > decades)
    axis.set_major_locator(LogLocator(subs=subs))
    axis.set_major_formatter(FuncFormatter(lambda value, _: figures.figure(value)))
    axis.set_minor_formatter(NullFormatter())


def beside(
    axes: Axes, x: float, labels: Sequence[tuple[float, str, str]], points: float = 5.0
) -> None:
    """Labels (y, text, colour) to the right of `x`, moved apart where they would touch."""
    scale = axes.figure.dpi / 72
    ordered = sorted(labels)
    at = [float(axes.transData.transform((x, y))[1]) / scale for y, _, _ in ordered]
    moved = list(at)
    for low, high in pairwise(range(len(moved))):
        moved[high] = max(moved[high], moved[low] + POINTS)
    shift = sum(moved) / len(moved) - sum(at) / len(at)
    for (y, text, colour), was, now in zip(ordered, at, moved, strict=True):
        axes.annotate(
            text,
            (x, y),
            xytext=(points, now - shift - was),
            textcoords="offset points",
            color=colour,
            va="center",
            fontsize=8,
            annotation_clip=False,
        )


def save(whole: Figure, directory: Path, name: str) -> None:
    """`name`.svg and `name`.png, the same in every run with the same figures."""
    for kind, metadata in (("svg", {"Date": None, "Creator": None}), ("png", {})):
        content = io.BytesIO()
        whole.savefig(content, format=kind, dpi=DPI, metadata=metadata)
        write(directory / f"{name}.{kind}", content.getvalue())
