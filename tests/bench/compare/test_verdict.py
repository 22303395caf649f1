"""The rate within a bound is read off the curve, and doubts are named once."""

from collections.abc import Callable

import pytest

from bench.compare.results import Point, Results
from bench.compare.verdict import rate_at, warned

Make = Callable[..., Results]


def curve(*p99: float) -> list[Point]:
    rates = (10.0, 20.0, 30.0)
    return [
        Point(target=rate, achieved=rate, count=100, p50=0.001, p90=0.002, p99=seconds)
        for rate, seconds in zip(rates, p99, strict=True)
    ]


def test_between_two_rates_the_p99_grows_by_a_factor() -> None:
    points = curve(0.01, 0.02, 0.08)
    assert rate_at(points, 0.04) == pytest.approx(25.0)
    assert rate_at(points[::-1], 0.02) == pytest.approx(20.0)


def test_a_bound_that_is_never_or_always_kept() -> None:
    assert rate_at(curve(0.01, 0.02, 0.08), 0.005) == 0
    assert rate_at(curve(0.01, 0.02, 0.03), 0.1) == 30
    assert rate_at([], 0.1) == 0


def test_a_rate_beyond_one_that_failed_does_not_count() -> None:
    assert rate_at(curve(0.01, 0.08, 0.02), 0.01) == pytest.approx(10.0)


def test_a_comparison_without_doubts_has_no_warnings(make: Make) -> None:
    assert list(warned(make(scatter=0.01))) == []


def test_every_doubt_is_told_once_a_network(make: Make) -> None:
    found = make(scatter=0.01)
    found.machine["load"] = 3.0
    found.finished = False
    found.throttled = {"heat": 2, "CPU quota of the container": 0}
    found.null_rate = 1600.0
    alexnet = found.networks[1]
    alexnet.rounds[0].single.doubts = {"unstable": "its second half took longer"}
    alexnet.rounds[1].single.doubts = {"unstable": "again"}
    alexnet.rounds[2].curve[0].failures = 3
    alexnet.rounds[0].offline.rate *= 1.5
    told = {(w.name, w.model): w.detail for w in warned(found)}
    assert set(told) == {
        ("loaded machine", ""),
        ("cut short", ""),
        ("throttled", ""),
        ("unstable", "alexnet"),
        ("errors", "alexnet"),
        ("scatter", "alexnet"),
        ("client-bound", "lenet5_plain"),
    }
    assert told["unstable", "alexnet"].startswith("2 of 18 tests")
    assert told["errors", "alexnet"] == "3 requests failed"
