"""Names beside bubbles, where they cover neither each other nor a bubble."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from matplotlib.axes import Axes
from matplotlib.text import Annotation
from matplotlib.transforms import Bbox

from bench.compare.plots.style import INK

# where a name may stand: direction across and up; the first that is free is taken
PLACES = ((1, 0), (-1, 0), (0, 1), (0, -1), (1, 1), (-1, 1), (1, -1), (-1, -1))
NEAR = 2.0  # points that a name keeps from a line
GAP = 3.0  # points between a bubble and its name
SIDES = {1: "left", 0: "center", -1: "right"}
HEIGHTS = {1: "bottom", 0: "center", -1: "top"}
OUTSIDE = 1e6  # square pixels: worse than to cover anything


@dataclass(frozen=True, slots=True)
class Bubble:
    """In the units of its axes; `radius` in points."""

    x: float
    y: float
    radius: float
    name: str


def label(axes: Axes, bubbles: Sequence[Bubble], line: Sequence[tuple[float, float]]) -> None:
    """Neither on the bubbles nor on the `line`. The figure must have its final size and limits."""
    pixels = axes.figure.dpi / 72
    taken = [_box(axes, bubble, pixels) for bubble in bubbles]
    corners: Iterable[Any] = axes.transData.transform(line) if line else []
    taken += [Bbox([one, other]).padded(NEAR * pixels) for one, other in pairwise(corners)]
    for bubble in sorted(bubbles, key=lambda b: b.radius):
        tried = [_annotation(axes, bubble, *place) for place in PLACES]
        boxes = [note.get_window_extent() for note in tried]
        costs = [_cost(box, taken, axes.get_window_extent()) for box in boxes]
        best = costs.index(min(costs))
        for place, note in enumerate(tried):
            if place != best:
                note.remove()
        taken.append(boxes[best])


def _annotation(axes: Axes, bubble: Bubble, across: int, up: int) -> Annotation:
    diagonal = 0.75 if across and up else 1.0
    reach = bubble.radius * diagonal + GAP
    return axes.annotate(
        bubble.name,
        (bubble.x, bubble.y),
        xytext=(across * reach, up * reach),
        textcoords="offset points",
        ha=SIDES[across],
        va=HEIGHTS[up],
        color=INK,
        fontsize=8.5,
        zorder=5,
    )


def _box(axes: Axes, bubble: Bubble, pixels: float) -> Bbox:
    x, y = axes.transData.transform((bubble.x, bubble.y))
    r = bubble.radius * pixels
    return Bbox.from_extents(x - r, y - r, x + r, y + r)


def _cost(box: Bbox, taken: Sequence[Bbox], frame: Bbox) -> float:
    """Square pixels that it would cover."""
    covered = sum(both.width * both.height for t in taken if (both := Bbox.intersection(box, t)))
    whole = Bbox.intersection(box, frame)
    inside = whole is not None and whole.width * whole.height > 0.999 * box.width * box.height
    return float(covered) if inside else covered + OUTSIDE
