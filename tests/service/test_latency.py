"""Percentiles are right to within 1 %."""

import math
import random

import pytest

from service.latency import BOUNDS, Histogram, Latency, Timing


@pytest.mark.parametrize("share", [0.5, 0.95, 0.99])
def test_quantiles_are_within_one_percent(share: float) -> None:
    rng = random.Random(1)
    values = sorted(rng.lognormvariate(-5, 1.5) for _ in range(10_000))
    histogram = Histogram()
    for value in values:
        histogram.add(value)
    exact = values[round(share * len(values)) - 1]
    assert histogram.quantile(share) == pytest.approx(exact, rel=0.011)


def test_a_summary_is_in_milliseconds() -> None:
    histogram = Histogram()
    for value in (0.001, 0.001, 0.003):
        histogram.add(value)
    summary = histogram.summary()
    assert summary["count"] == 3
    assert summary["mean"] == pytest.approx(1.667)
    assert summary["p50"] == pytest.approx(1, rel=0.011)
    assert summary["max"] == 3


def test_nothing_and_zero_are_counted() -> None:
    histogram = Histogram()
    assert histogram.summary() == dict.fromkeys(("count", "mean", "p50", "p95", "p99", "max"), 0)
    histogram.add(0.0)
    assert histogram.summary()["count"] == 1
    assert histogram.quantile(0.5) == 0
    histogram.add(1e4)
    assert histogram.quantile(0.99) == pytest.approx(1e3, rel=0.02)  # the last of the buckets


def test_prometheus_is_told_exactly_how_many_do_not_exceed_a_bound() -> None:
    rng = random.Random(2)
    values = [rng.lognormvariate(-5, 3) for _ in range(2_000)]
    values += [0.0, 1e-9, 5e3, *BOUNDS, *(math.nextafter(bound, 1e9) for bound in BOUNDS)]
    histogram = Histogram()
    for value in values:
        histogram.add(value)
    assert histogram.cumulative() == [
        (bound, sum(value <= bound for value in values)) for bound in (*BOUNDS, math.inf)
    ]
    assert Histogram().cumulative() == [(bound, 0) for bound in (*BOUNDS, math.inf)]


def test_phases_touch_and_add_up() -> None:
    timing = Timing(
        begun=1.0, read=1.1, arrived=1.3, started=1.6, decoded=1.7, finished=2.0, post=2.5
    )
    phases = timing.phases()
    spans = {"read": 0.1, "decode": 0.3, "queue": 0.3, "infer": 0.3, "post": 0.5, "total": 1.5}
    assert phases == pytest.approx(spans)
    assert sum(phases.values()) == pytest.approx(2 * phases["total"])


def test_batch_sizes_are_in_order() -> None:
    latency = Latency()
    for size in (8, 1, 1):
        latency.batches[size] += 1
    assert latency.summary()["batch_sizes"] == {"1": 2, "8": 1}
