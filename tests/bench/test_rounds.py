"""Everyone takes part in every round; figures come with their spread."""

import math

import pytest

from bench.rounds import interleave
from bench.samples import Sample, Series, Spread, best, percentile, spread


class Fake:
    """Notes its turns; its n-th measurement has the rate n."""

    model = "toy"

    def __init__(self, name: str, turns: list[str], stop_at: int | None = None) -> None:
        self.name, self._turns, self._stop_at = name, turns, stop_at

    def measure(self, seconds: float) -> Sample:
        assert seconds == 0.5
        if self._turns.count(self.name) == self._stop_at:
            raise KeyboardInterrupt
        self._turns.append(self.name)
        return Sample(rate=self._turns.count(self.name), p50=0.1, p99=0.2)


def test_rounds_interleave_and_every_second_runs_backwards() -> None:
    turns: list[str] = []
    told: list[tuple[int, int, str]] = []
    fakes = [Fake(name, turns) for name in "abc"]
    series = interleave(fakes, rounds=3, seconds=0.5, progress=lambda *what: told.append(what))
    assert "".join(turns) == "abccbaabc"
    assert [[s.rate for s in one.samples] for one in series] == [[1, 2, 3]] * 3
    assert told[0] == (0, 9, "toy, a")
    assert told[3] == (3, 9, "toy, c")


def test_stopping_keeps_the_rounds_that_were_whole() -> None:
    turns: list[str] = []
    fakes = [Fake("a", turns), Fake("b", turns, stop_at=2), Fake("c", turns)]
    series = interleave(fakes, rounds=5, seconds=0.5)
    assert [len(one.samples) for one in series] == [2, 2, 2]


def test_stopping_in_the_first_round_keeps_what_there_is() -> None:
    turns: list[str] = []
    series = interleave([Fake("a", turns), Fake("b", turns, 0)], rounds=5, seconds=0.5)
    assert [len(one.samples) for one in series] == [1, 0]
    assert series[1].rate() is None


@pytest.mark.parametrize(
    ("share", "expected"), [(0.0, 1), (0.5, 50), (0.501, 51), (0.99, 99), (1.0, 100)]
)
def test_percentiles_are_values_that_occurred(share: float, expected: float) -> None:
    assert percentile(list(range(100, 0, -1)), share) == expected


def test_of_nothing_there_is_no_figure() -> None:
    assert math.isnan(percentile([], 0.5))
    assert spread([]) is None
    assert best([Series("toy", "a", [])]) is None


def test_a_spread_is_the_median_and_the_range() -> None:
    assert spread([3.0, 1.0, 8.0]) == Spread(3.0, 1.0, 8.0)
    assert Spread(10, 9, 11).scatter() == pytest.approx(0.2)
    assert Spread(0, 0, 0).scatter() == math.inf


def test_the_best_is_so_by_its_median() -> None:
    lucky = Series("toy", "lucky", [Sample(r, 0, 0) for r in (1, 1, 9)])
    steady = Series("toy", "steady", [Sample(r, 0, 0) for r in (3, 3, 3)])
    assert best([lucky, steady]) is steady


def test_figures_that_were_not_measured_do_not_count() -> None:
    samples = [Sample(1, math.nan, 0, cpu=None), Sample(1, 2.0, 0, cpu=4.0)]
    series = Series("toy", "a", samples)
    assert series.of("p50") == Spread(2.0, 2.0, 2.0)
    assert series.of("cpu") == Spread(4.0, 4.0, 4.0)
    assert series.of("client_cpu") is None
