"""A comparison in words and tables, as markdown."""

from collections.abc import Iterable, Iterator, Sequence

from bench.compare.figures import FIGURES, count, figure, images_a_run, measured_top1
from bench.compare.results import Network, Results
from bench.intervals import Interval

PLOTS = {
    "glance": (
        "At a glance",
        (
            "Further left is quicker, higher is better. Nothing is both quicker and better than "
            "the networks on the Pareto front. Full bubbles were measured with the weights that "
            "were served; hollow ones are what others state of their weights. The latency is "
            "that of this machine and depends on the network only, not on its weights."
        ),
    ),
    "curves": (
        "Latency against rate",
        (
            "Requests arrive at random (Poisson), at shares of what the network does offline. "
            "Lines are means over the rounds, the band is their range of the p99."
        ),
    ),
    "percentiles": (
        "Percentiles",
        (
            "One request at a time, and at shares of the offline rate. The axis stretches "
            "towards the slowest requests; each line ends where one request of a test is left."
        ),
    ),
    "phases": (
        "Phases",
        (
            "What the service does during a request, as it counts itself; a whole bar is the "
            "figure beside it. *queue* is the wait for a free core or a fuller batch."
        ),
    ),
    "batches": (
        "Batch size",
        (
            "The engine alone, without HTTP or decoding: every core runs batches of its own. "
            "The line is the median, the band the range of the rounds."
        ),
    ),
}
UNITS = (
    "p50, p90 and p99 in ms, one request at a time; rates in images/s; images a run: the service's "
    "mean batch, offline."
)
HOW = """\
Every network took its turn in every round, every second round in reverse order. A turn, by MLPerf's
rules with its LoadGen: *offline* (all requests at once), *single stream* (one at a time: p50, p90,
p99), *server* (at random, at {shares} of the first offline rate), each {seconds:g} s and at least
100 requests; then the engine alone.

A figure is the geometric mean of the rounds; ± is half its 95 % interval, by Student's t on the
logarithms of the rounds. It covers what changed from round to round, not what was the same in all.
*Within the bound* is the rate at which the p99 reaches the bound, read off the curve; where the
bound was never reached, the highest rate that was tried. The bound is {bound}.
*Memory* is what a process grew by that loaded the network and answered once."""


def markdown(found: Results, plots: Sequence[str]) -> str:
    """The whole report; `plots` are paths of pictures, named as in `PLOTS`."""
    return "\n\n".join(_sections(found, plots)) + "\n"


def _sections(found: Results, plots: Sequence[str]) -> Iterator[str]:
    number = len(found.measured())
    yield f"# {number} network{'s' if number > 1 else ''} compared, {found.created[:10]}"
    yield _where(found)
    yield from _warnings(found)
    yield "## Figures"
    yield grid(*measured(found))
    yield UNITS
    for plot in plots:
        title, words = PLOTS[plot.rpartition("/")[2].partition(".")[0]]
        yield f"## {title}"
        yield words
        yield f"![{title}]({plot})"
    yield "## Networks"
    yield _known(found)
    yield "## How it was measured"
    yield _how(found)


def _where(found: Results) -> str:
    m, first = found.machine, found.measured()[0]
    versions = ", ".join(f"{name} {version}" for name, version in sorted(found.versions.items()))
    return (
        f"{m.get('cpu')}, {m.get('cores')} cores, {m.get('system')}, Python {m.get('python')}; "
        f"{first.engine} on {first.device}; commit `{found.commit}`. {versions}."
    )


def _warnings(found: Results) -> Iterator[str]:
    if not found.warnings:
        return
    yield "## Warnings"
    yield "Reasons not to believe a figure, by the names that `docs/operations.md` explains."
    yield "\n".join(
        f"- **{w.name}**{f', `{w.model}`' if w.model else ''}: {w.detail}" for w in found.warnings
    )


def measured(found: Results) -> tuple[list[str], list[list[str]]]:
    """Heads and rows of the table of figures."""
    heads = ["network", *(f.title for f in FIGURES), "bound, ms", "images a run"]
    return heads, [
        [
            f"`{network.name}`",
            *(interval(f.interval(network)) for f in FIGURES),
            figure(network.bound_ms or 0),
            f"{size:.1f}" if (size := images_a_run(network)) else "-",
        ]
        for network in found.measured()
    ]


def _known(found: Results) -> str:
    heads = ["network", "year", "input", "parameters", "multiply-adds", "top-1, published"]
    heads += ["top-1, measured", "weights", "precision", "load, ms", "memory, MB"]
    return grid(heads, (_facts(network) for network in found.measured()))


def _facts(network: Network) -> list[str]:
    stated, own = network.published_top1, measured_top1(network)
    memory = network.memory_bytes
    return [
        f"`{network.name}`",
        str(network.year or "-"),
        network.input,
        count(network.parameters),
        count(network.macs),
        f"{stated:.1f} %" if stated else "-",
        f"{100 * own[0]:.1f} % ({own[1]})" if own else "-",
        network.weights if network.trained else "random, untrained",
        network.precision,
        figure(network.load_ms) if network.load_ms else "-",
        figure(memory / 1e6) if memory else "-",
    ]


def _how(found: Results) -> str:
    s = found.settings
    usual = "15 ms on a GPU and 10 times the p90 of a single stream on a CPU"
    told = HOW.format(
        shares=", ".join(f"{100 * share:.0f}" for share in s["shares"]) + " %",
        seconds=s["seconds"],
        bound=f"{s['bound_ms']:g} ms" if s["bound_ms"] else usual,
    )
    if found.null_rate:
        told += f"\nWith an engine that does nothing the generator reached {found.null_rate:,.0f}"
        told += " images/s."
    if s["service"]:
        told += (
            f"\nThe service was told {', '.join(f'`{k}={v}`' for k, v in s['service'].items())}."
        )
    return told


def interval(found: Interval | None) -> str:
    if found is None:
        return "never"
    return figure(found.value) + (f" ± {100 * found.width:.0f} %" if found.low else "")


def grid(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A markdown table; all but the first column to the right."""
    lines = [heads, ["---", *["---:"] * (len(heads) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
