"""Where the time of a request goes, alone and in company."""

from statistics import fmean

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bench.compare import figures
from bench.compare.plots.style import DARK, GROUND, INK, LIGHT, MIDDLE, SOFT, WARM
from bench.compare.results import Network, Results
from service.latency import PHASES

BUSY = -2  # the point of the curve before the one where the queue grows
COLOURS = dict(zip(PHASES, (SOFT, LIGHT, WARM, DARK, MIDDLE), strict=True))
WIDTH, ROW = 9.9, 0.34  # inches
TOTAL = 1.02  # where the total stands, in lengths of a whole bar

Shares = dict[str, float]


def phases(found: Results) -> Figure | None:
    """A bar is a whole request; beside it how long that is. None where the service told nothing."""
    networks = [n for n in found.measured() if all(r.phases_ms for r in n.rounds)]
    if not networks:
        return None
    whole = Figure(figsize=(WIDTH, ROW * len(networks) + 1.1), layout="constrained")
    left = whole.add_subplot(1, 2, 1)
    right = whole.add_subplot(1, 2, 2, sharey=left)
    share = found.settings["shares"][BUSY]
    alone = [_mean([each.phases_ms for each in n.rounds]) for n in networks]
    busy = [_mean([each.curve[BUSY].phases_ms for each in n.rounds]) for n in networks]
    _bars(left, "One request at a time", networks, alone)
    _bars(right, f"At {100 * share:.0f} % of the offline rate", networks, busy)
    right.tick_params(labelleft=False)
    handles, names = left.get_legend_handles_labels()
    whole.legend(handles, names, loc="outside upper left", ncols=len(PHASES), handlelength=1)
    return whole


def _mean(rounds: list[Shares]) -> Shares:
    return {phase: fmean(each.get(phase, 0.0) for each in rounds) for phase in PHASES}


def _bars(axes: Axes, title: str, networks: list[Network], rows: list[Shares]) -> None:
    axes.set_title(title)
    places = range(len(networks))
    totals = [sum(row.values()) or 1.0 for row in rows]
    begun = [0.0] * len(networks)
    for phase in PHASES:
        widths = [row[phase] / total for row, total in zip(rows, totals, strict=True)]
        axes.barh(
            places,
            widths,
            left=begun,
            height=0.62,
            color=COLOURS[phase],
            label=phase,
            edgecolor=GROUND,
            linewidth=0.6,
        )
        begun = [at + width for at, width in zip(begun, widths, strict=True)]
    for place, total in zip(places, totals, strict=True):
        axes.text(TOTAL, place, f"{figures.figure(total)} ms", va="center", color=INK)
    axes.set_yticks(places, [network.name for network in networks], color=INK)
    axes.set_ylim(len(networks) - 0.4, -0.6)  # the first on top
    axes.set_xlim(0, 1.16)
    axes.set_xticks([0, 0.25, 0.5, 0.75, 1], ["0", "25", "50", "75", "100 %"])
    axes.grid(visible=False, axis="y")
    axes.spines["left"].set_visible(False)
