"""How sure a figure is that was measured in a few rounds.

Rounds scatter by a factor, not by an amount, so the centre is their geometric mean and the
interval is Student's t on their logarithms. The bootstrap is not used: from three rounds it never
leaves their range, which holds the truth three times in four and not nineteen in twenty.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, variance

from scipy.stats import t

LEVEL = 0.95


@dataclass(frozen=True, slots=True)
class Interval:
    """`low` and `high` are None where one round cannot tell."""

    value: float
    low: float | None = None
    high: float | None = None

    @property
    def width(self) -> float:
        """Half of it, as a share of the value; infinite where nothing is known."""
        if self.low is None or self.high is None:
            return math.inf
        return (self.high - self.low) / 2 / self.value


def of(values: Sequence[float], level: float = LEVEL) -> Interval | None:
    """Where the mean of all rounds lies, of this kind and as many as one likes; None of none."""
    logs = [math.log(value) for value in values if value > 0]
    if not logs:
        return None
    if len(logs) == 1:
        return Interval(math.exp(logs[0]))
    error = math.sqrt(variance(logs) / len(logs))
    return _around(fmean(logs), error, len(logs) - 1, level)


def ratio(before: Sequence[float], after: Sequence[float], level: float = LEVEL) -> Interval | None:
    """`after` by `before`. Both are taken to scatter alike, as Student did; None of none."""
    old, new = ([math.log(v) for v in values if v > 0] for values in (before, after))
    if not old or not new:
        return None
    centre, freedom = fmean(new) - fmean(old), len(old) + len(new) - 2
    if not freedom:
        return Interval(math.exp(centre))
    squares = sum((len(logs) - 1) * variance(logs) for logs in (old, new) if len(logs) > 1)
    error = math.sqrt(squares / freedom * (1 / len(old) + 1 / len(new)))
    return _around(centre, error, freedom, level)


def _around(centre: float, error: float, freedom: int, level: float) -> Interval:
    reach = float(t.ppf((1 + level) / 2, freedom)) * error
    return Interval(math.exp(centre), math.exp(centre - reach), math.exp(centre + reach))
