"""The plots of a report, each as SVG and PNG."""

from collections.abc import Callable
from pathlib import Path

from matplotlib.figure import Figure

from bench.compare.plots.glance import glance
from bench.compare.plots.phases import phases
from bench.compare.plots.small import batches, curves, percentiles
from bench.compare.plots.style import save, styled
from bench.compare.results import Results

PLOTS: dict[str, Callable[[Results], Figure | None]] = {
    "glance": glance,
    "curves": curves,
    "percentiles": percentiles,
    "phases": phases,
    "batches": batches,
}


def draw(found: Results, directory: Path) -> list[str]:
    """Into `directory`; the names of those for which there are figures."""
    drawn = []
    for name, plot in PLOTS.items():
        with styled():
            if whole := plot(found):
                save(whole, directory, name)
                drawn.append(name)
    return drawn
