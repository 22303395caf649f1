"""Ninety-five intervals of a hundred hold the truth, from as few as three rounds."""

import math
import random

import pytest

from bench import intervals

TRIES = 2000


@pytest.mark.parametrize("rounds", [3, 5])
def test_nineteen_of_twenty_hold_the_truth(rounds: int) -> None:
    chance = random.Random(rounds)
    held = 0
    for _ in range(TRIES):
        found = intervals.of([20 * chance.lognormvariate(0, 0.1) for _ in range(rounds)])
        assert found is not None
        held += (found.low or 0) <= 20 <= (found.high or 0)
    assert held / TRIES == pytest.approx(0.95, abs=0.015)


def test_nineteen_of_twenty_ratios_hold_the_truth() -> None:
    chance = random.Random(1)
    held = 0
    for _ in range(TRIES):
        before = [10 * chance.lognormvariate(0, 0.1) for _ in range(3)]
        after = [15 * chance.lognormvariate(0, 0.1) for _ in range(4)]
        found = intervals.ratio(before, after)
        assert found is not None
        held += (found.low or 0) <= 1.5 <= (found.high or 0)
    assert held / TRIES == pytest.approx(0.95, abs=0.015)


def test_the_interval_of_a_worked_example() -> None:
    """Logarithms -1, 0, 1: mean 0, error 1/sqrt(3), t(2 degrees, 97.5 %) = 4.3027."""
    found = intervals.of([math.exp(-1), 1.0, math.exp(1)])
    assert found is not None
    assert found.value == pytest.approx(1)
    assert math.log(found.high or 0) == pytest.approx(4.3027 / math.sqrt(3), rel=1e-4)


def test_what_cannot_be_known_is_not_invented() -> None:
    assert intervals.of([]) is None
    assert intervals.of([0.0]) is None
    assert intervals.ratio([], [1.0]) is None
    alone, one_each = intervals.of([3.0]), intervals.ratio([2.0], [3.0])
    assert alone is not None
    assert one_each is not None
    assert alone.value == pytest.approx(3.0)
    assert one_each.value == pytest.approx(1.5)
    assert (alone.low, alone.high, one_each.low) == (None, None, None)
    assert alone.width == math.inf


def test_more_certainty_is_a_wider_interval() -> None:
    values = [1.0, 1.1, 1.2]
    usual, sure = intervals.of(values), intervals.of(values, level=0.999)
    assert usual is not None
    assert sure is not None
    assert sure.width > usual.width > 0
