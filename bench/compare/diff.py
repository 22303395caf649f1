"""Two comparisons of the same networks: what changed, and whether that is more than chance.

All intervals hold together with 95 %, by Bonferroni: of many figures one always looks changed. A
change must also exceed what the machine does between two runs of the same code.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rich import box
from rich.console import Console
from rich.table import Table

from bench import intervals
from bench.compare.figures import FIGURES, Figure, figure
from bench.compare.results import Network, Results
from bench.intervals import LEVEL, Interval

FLOOR = 0.05  # two runs of the same code on a quiet machine differ by so much


@dataclass(frozen=True, slots=True)
class Change:
    """One figure of one network; `ratio` is the second run's by the first one's."""

    network: str
    figure: Figure
    before: float
    after: float
    ratio: Interval

    @property
    def differs(self) -> bool:
        low, high = self.ratio.low, self.ratio.high
        if low is None or high is None:
            return False
        return not low <= 1 <= high and abs(self.ratio.value - 1) > FLOOR

    @property
    def verdict(self) -> str:
        if self.ratio.low is None:
            return "one round each cannot tell"
        if not self.differs:
            return "no difference"
        better = (self.ratio.value > 1) == self.figure.more_is_better
        return "better" if better else "worse"


def changes(before: Results, after: Results) -> list[Change]:
    """Of the networks that both have, in the order of the first."""
    pairs = [
        (old, new) for old in before.measured() for new in after.measured() if old.name == new.name
    ]
    level = 1 - (1 - LEVEL) / max(1, len(pairs) * len(FIGURES))
    return [
        change for old, new in pairs for one in FIGURES if (change := _change(old, new, one, level))
    ]


def _change(old: Network, new: Network, one: Figure, level: float) -> Change | None:
    """None where a run has no such figure. Both rates are read at the bound of the first."""
    first, second = one.values(old), one.values(new, old.bound_ms)
    ratio = intervals.ratio(first, second, level)
    before, after = intervals.of(first), intervals.of(second)
    if not ratio or not before or not after:
        return None
    return Change(old.name, one, before.value, after.value, ratio)


def show(found: Sequence[Change], out: Console) -> None:
    lines = box.ROUNDED if out.is_terminal else box.ASCII_DOUBLE_HEAD
    grid = Table(title="The second by the first", title_justify="left", box=lines)
    for head in ("network", "figure"):
        grid.add_column(head)
    for head in ("first", "second", "ratio", "interval"):
        grid.add_column(head, justify="right")
    grid.add_column("")
    colours = {"better": "green", "worse": "red"}
    for change in found:
        ratio, one, verdict = change.ratio, change.figure, change.verdict
        colour = colours.get(verdict, "dim")
        grid.add_row(
            change.network,
            f"{one.title}, {one.unit}",
            figure(change.before),
            figure(change.after),
            f"{ratio.value:.2f}",
            f"{ratio.low:.2f} to {ratio.high:.2f}" if ratio.low else "-",
            f"[{colour}]{verdict}[/]",
        )
    out.print(grid)
    number = sum(change.differs for change in found)
    out.print(f"[bold]{number} of {len(found)} figures differ[/]" if number else "no difference")


def doubts(before: Results, after: Results) -> Iterator[str]:
    """Why the two may differ for other reasons than their code."""
    for name in ("cpu", "cores", "system", "python"):
        old, new = before.machine.get(name), after.machine.get(name)
        if old != new:
            yield f"{name}: {old} and {new}"
    for name in ("seconds", "service"):
        old, new = before.settings.get(name), after.settings.get(name)
        if old != new:
            yield f"{name}: {old} and {new}"
    for name in sorted(before.versions.keys() | after.versions.keys()):
        old, new = before.versions.get(name), after.versions.get(name)
        if old != new:
            yield f"{name}: {old} and {new}"
    for which, results in (("first", before), ("second", after)):
        for name in sorted({warning.name for warning in results.warnings}):
            yield f"the {which} was warned of: {name}"
