"""Verdicts on the engine on a GPU, from figures that are made up."""

import pytest

from bench.gpu.goals import verdicts
from bench.gpu.loop import RESIDENT, UPLOADED, DataPath, Form
from bench.samples import Sample, Series


def series(name: str, rates: list[float], p50: float = 1.0) -> Series:
    return Series("resnet50", name, [Sample(rate, p50, p50) for rate in rates])


def rows(engine: str, uploaded: float, latency: float) -> list[tuple[Form, Series]]:
    def row(path: DataPath, batch: int, rates: list[float]) -> tuple[Form, Series]:
        form = Form(engine, "fp16", path, batch)
        return form, series(str(form), rates, latency)

    return [
        row(UPLOADED, 1, [2000.0, 2100.0]),
        row(RESIDENT, 128, [40_000.0, 50_000.0]),
        row(UPLOADED, 128, [40_000 * uploaded, 50_000 * uploaded]),
        row(RESIDENT, 256, [34_000.0, 34_500.0]),
    ]


def test_goals_are_judged_by_the_figures_they_are_about() -> None:
    share, latency, rate = verdicts(rows("TensorRT", 0.95, 0.0005))
    assert share.found.median == pytest.approx(0.95)
    assert latency.found.median == pytest.approx(0.5)
    assert [share.target, latency.target, rate.target] == [0.9, 0.6, 35_000]
    assert share.met
    assert latency.met
    assert (rate.found.median, rate.target, rate.met) == (45_000, 35_000, True)
    share, latency, _ = verdicts(rows("TensorRT", 0.85, 0.0007))
    assert (share.met, latency.met) == (False, False)


def test_goals_are_of_tensorrt_alone() -> None:
    found = list(verdicts([*rows("TensorRT", 0.95, 0.1), *rows("eager torch", 0.5, 0.1)]))
    assert [v.met is None for v in found] == [False] * 3 + [True] * 3


def test_what_was_not_measured_is_not_judged() -> None:
    (found,) = verdicts(rows("TensorRT", 0.95, 0.1)[1:2])
    assert found.what == "best rate, device-resident"
