"""Everyone takes part in every round, so noise hits all alike.

Every second round runs backwards: a machine that slowly heats up or calms down favours nobody.
"""

import itertools
from collections.abc import Callable, Sequence

from bench.samples import Contestant, Series

Progress = Callable[[int, int, str], None]  # turns done, of how many, who is next


def silent(_done: int, _total: int, _who: str) -> None:
    """Tells nobody."""


def interleave(
    contestants: Sequence[Contestant],
    *,
    rounds: int,
    seconds: float,
    progress: Progress = silent,
) -> list[Series]:
    """One series a contestant. Ctrl-C keeps what is there."""
    series = [Series(c.model, c.name, []) for c in contestants]
    total = rounds * len(contestants)
    done = itertools.count()
    try:
        for number in range(rounds):
            turns = list(zip(contestants, series, strict=True))
            for contestant, results in turns[:: -1 if number % 2 else 1]:
                progress(next(done), total, f"{contestant.model}, {contestant.name}")
                results.samples.append(contestant.measure(seconds))
    except KeyboardInterrupt:
        return _whole_rounds(series)
    return series


def _whole_rounds(series: list[Series]) -> list[Series]:
    """Without the round that was cut short, unless it was the first: some of it beats nothing."""
    whole = min((len(s.samples) for s in series), default=0)
    return [Series(s.model, s.name, s.samples[: whole or 1]) for s in series]
