"""ONNX Runtime's engine for GPUs: its buffers and padding, over a session on the CPU."""

import gc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
import pytest
from numpy.typing import NDArray
from rich.console import Console

from export.publish import Recipe, export
from models.card import ModelCard
from models.weights.random_weights import pictures
from service.engines import DeviceOutOfMemory, EngineUnavailable, open_engine

Exported = tuple[ModelCard, Path]


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Exported:
    artifacts = tmp_path_factory.mktemp("artifacts")
    recipe = Recipe("lenet5_plain", "random", max_batch=6)
    return export(recipe, artifacts, Console(quiet=True)), artifacts / "lenet5_plain" / "1"


class Binding:
    """Inputs on the host are copied when they are bound, as ONNX Runtime does it."""

    def __init__(self, runtime: Any) -> None:
        self.runtime = runtime
        self.inputs: dict[str, NDArray[Any]] = {}
        self.outputs: dict[str, NDArray[Any]] = {}

    def bind_input(self, name: str, device: str, *where: Any) -> None:
        array = self._array(*where)
        self.inputs[name] = array if device == "cuda" else array.copy()

    def bind_output(self, name: str, _device: str, *where: Any) -> None:
        self.outputs[name] = self._array(*where)

    def _array(self, _: int, dtype: type, shape: tuple[int, ...], address: int) -> NDArray[Any]:
        size = int(np.prod(shape)) * np.dtype(dtype).itemsize
        return np.frombuffer(self.runtime.at(address, size), dtype).reshape(shape)


@pytest.fixture
def ran(fake_cuda: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """The sizes that the session ran, which computes on the CPU and gets only addresses."""
    from service.engines import ort_cuda

    sizes: list[int] = []

    class Session(ort.InferenceSession):  # type: ignore[misc]
        def __init__(self, file: Path) -> None:
            super().__init__(file, providers=["CPUExecutionProvider"])

        def io_binding(self) -> Binding:
            return Binding(fake_cuda)

        def run_with_iobinding(self, binding: Binding) -> None:
            sizes.append(len(binding.inputs["images"]))
            names = list(binding.outputs)
            for name, rows in zip(names, self.run(names, binding.inputs), strict=True):
                binding.outputs[name][:] = rows

    monkeypatch.setattr(ort_cuda, "_session", Session)
    yield sizes
    gc.collect()
    assert fake_cuda.memory == {}, "closing gives all memory back"


@pytest.mark.parametrize("n", [1, 2, 3, 4, 5, 6])
def test_answers_are_those_of_the_cpu(exported: Exported, ran: list[int], n: int) -> None:
    engine = open_engine("ort", *exported, device="cuda", lanes=2)
    cpu = open_engine("ort", *exported, device="cpu", lanes=1)
    assert (engine.name, engine.device, engine.lanes) == ("onnxruntime", "Fake H200", 2)
    engine.run(pictures(6, 32, 1, seed=1), np.full((6, 5), -1))
    images, asked = pictures(n, 32, 1, seed=2), np.full((n, 5), -1)
    asked[0, 1] = 3
    out, expected = engine.run(images, asked), cpu.run(images, asked)
    assert np.array_equal(out.classes, expected.classes)
    for name in ("logits", "scores", "maps"):
        one, other = getattr(out, name), getattr(expected, name)
        assert np.allclose(one, other, atol=1e-5 * np.abs(other).max())
    assert ran[-1] == {5: 6}.get(n, n)
    engine.close()


def test_a_gpu_without_memory_is_told_apart(exported: Exported, ran: list[int]) -> None:
    engine = open_engine("ort", *exported, device="cuda", lanes=1)
    (lane,) = engine.each_lane  # type: ignore[attr-defined]

    def full(_binding: Any) -> None:
        raise RuntimeError("CUDA failure 2: out of memory ; GPU=0")

    lane._session.run_with_iobinding = full
    with pytest.raises(DeviceOutOfMemory, match="CUDA failure 2"):
        engine.run(pictures(1, 32, 1, seed=1), np.full((1, 5), -1))
    assert ran
    del lane
    engine.close()


def test_a_runtime_that_fails_to_start_is_said(
    exported: Exported, ran: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its errors have types of their own, and another engine may do instead."""
    from service.engines import ort_cuda

    class Fail(Exception):
        pass

    def fails(_file: Path) -> None:
        raise Fail("CUDA failure 35: driver version is insufficient")

    monkeypatch.setattr(ort_cuda, "_session", fails)
    with pytest.raises(EngineUnavailable, match="CUDA fails here: Fail: CUDA failure 35"):
        open_engine("ort", *exported, device="cuda", lanes=1)
    assert ran == []


def test_a_runtime_without_cuda_is_said(exported: Exported, fake_cuda: Any) -> None:
    """The package for CPUs has no such provider, and the other one falls back without a word."""
    del fake_cuda
    with pytest.raises(EngineUnavailable, match="no working CUDA provider here: install the extra"):
        open_engine("ort", *exported, device="cuda", lanes=1)
