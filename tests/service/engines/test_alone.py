"""The network alone, which the bench measures, on the lanes of the real engines on a fake GPU."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from bench.gpu import artifacts
from bench.gpu.lanes import onnxruntime, tensorrt
from bench.gpu.loop import GpuPlan
from models.card import Artifact, ModelCard, Parity
from models.weights.random_weights import pictures
from service.engines.plan import PlanKey

LANES = 2  # by default
PLAN = GpuPlan(Path("artifacts"), ["toy"], "fp32", 0.1, 1, [6])
ASKED = np.full((5, 5), -1)


@pytest.fixture(autouse=True)
def here(monkeypatch: pytest.MonkeyPatch) -> None:
    key = PlanKey("Fake H200", "9.0", "11.4.0.106", "fp32")  # that of `planned`
    monkeypatch.setattr(artifacts, "key_here", lambda _precision: key)


@pytest.mark.parametrize("recordable", [True, False])
def test_tensorrt_runs_without_a_copy(
    fake_cuda: Any, fake_plan: Any, planned: tuple[ModelCard, Path], *, recordable: bool
) -> None:
    fake_plan.recordable = recordable
    found = tensorrt(*planned, PLAN)
    images = pictures(5, 32, 3, seed=1)
    steps = found.resident(images, ASKED)
    assert len(steps) == found.lanes == LANES
    before, fake_plan.sizes[:] = len(fake_cuda.started), []
    for step in steps:
        step()
    assert fake_cuda.started[before:] == ["graph" if recordable else "network"] * LANES
    assert fake_plan.sizes == ([] if recordable else [6] * LANES)
    found.run(images, ASKED)  # the lanes are back
    found.close()


def test_a_recorded_network_copies_nothing(
    fake_cuda: Any, fake_plan: Any, planned: tuple[ModelCard, Path]
) -> None:
    found = tensorrt(*planned, PLAN)
    before, fake_plan.sizes[:] = len(fake_cuda.started), []
    found.resident(pictures(5, 32, 3, seed=1), ASKED)
    # a run that brings the pixels, and a recording of the network alone
    assert fake_cuda.started[before:] == ["graph"] * LANES + ["network"] * LANES
    assert fake_plan.sizes == [6] * LANES
    found.close()


@pytest.mark.usefixtures("fake_cuda")
def test_onnxruntime_runs_what_is_bound(
    planned: tuple[ModelCard, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    from service.engines import ort_cuda

    ran: list[int] = []

    class Binding:
        rows = 0

        def bind_input(self, name: str, _device: str, *where: Any) -> None:
            if name == "images":
                self.rows = where[2][0]

        def bind_output(self, *_: object) -> None:
            """Nothing is computed."""

    session = SimpleNamespace(
        get_outputs=lambda: [SimpleNamespace(name="maps", shape=(None, 5, 7, 7))],
        io_binding=Binding,
        run_with_iobinding=lambda binding: ran.append(binding.rows),
    )
    monkeypatch.setattr(ort_cuda, "_session", lambda _file: session)
    card, directory = planned
    parity = Parity((1, 6), 0.0, 0.0, 1.0)
    card.artifacts["onnx"] = Artifact("model.onnx", "0" * 64, "fp32", 6, {}, parity)
    found = onnxruntime(card, directory, PLAN)
    steps = found.resident(pictures(5, 32, 3, seed=1), ASKED)
    ran.clear()
    for step in steps:
        step()
    assert ran == [6] * LANES
    found.close()
