"""TensorRT's engine on a fake GPU: what is copied, padded, recorded, kept and given back."""

import gc
import sys
from pathlib import Path
from threading import Thread
from typing import Any

import numpy as np
import pytest

from models.card import ModelCard
from models.weights.random_weights import pictures
from service.engines import DeviceOutOfMemory, EngineUnavailable, Outputs, open_engine
from service.engines.null import NullEngine

Planned = tuple[ModelCard, Path]
pytestmark = pytest.mark.usefixtures("fake_plan")
OWN = -1  # the network's own choice


def opened(planned: Planned, lanes: int = 1) -> Any:
    return open_engine("trt", *planned, device="cuda", lanes=lanes)


def asked(n: int, value: int = OWN) -> np.ndarray:
    return np.full((n, 5), value)


def same(one: Outputs, other: Outputs) -> bool:
    names = ("logits", "scores", "classes", "maps")
    return all(np.array_equal(getattr(one, n), getattr(other, n)) for n in names)


def test_it_says_what_it_is(planned: Planned) -> None:
    engine = opened(planned, lanes=2)
    assert (engine.name, engine.precision, engine.device) == ("tensorrt", "fp32", "Fake H200")
    assert (engine.lanes, engine.max_batch) == (2, 6)


@pytest.mark.parametrize("n", [1, 2, 3, 4, 5, 6])
def test_every_batch_is_answered_as_if_it_were_not_padded(planned: Planned, n: int) -> None:
    engine = opened(planned)
    engine.run(pictures(6, 32, 3, seed=1), asked(6))  # so that the padding is of another batch
    images = pictures(n, 32, 3, seed=2)
    wanted = asked(n)
    wanted[0, 0] = 9
    assert same(engine.run(images, wanted), NullEngine(planned[0]).run(images, wanted))


def test_a_run_is_one_launch_of_the_next_size(
    fake_cuda: Any, fake_plan: Any, planned: Planned
) -> None:
    engine = opened(planned)
    sizes, fake_plan.sizes[:] = fake_plan.sizes.copy(), []
    assert sorted(set(sizes)) == [1, 2, 3, 4, 6]
    before = len(fake_cuda.started)
    engine.run(pictures(5, 32, 3, seed=1), asked(5))
    assert fake_cuda.started[before:] == ["graph"]


def test_what_cannot_be_recorded_runs_step_by_step(
    fake_cuda: Any, fake_plan: Any, planned: Planned, caplog: pytest.LogCaptureFixture
) -> None:
    fake_plan.recordable = False
    engine, images = opened(planned), pictures(5, 32, 3, seed=1)
    (said,) = caplog.messages
    assert said.startswith("sizes from 1 on run without a CUDA graph: TensorRT did not start")
    before = len(fake_cuda.started)
    expected = NullEngine(planned[0]).run(images, asked(5))
    assert same(engine.run(images, asked(5)), expected)
    assert fake_cuda.started[before:] == [*["copy"] * 2, "network", *["copy"] * 4]


def test_nothing_is_allocated_once_it_is_open(fake_cuda: Any, planned: Planned) -> None:
    engine = opened(planned)
    there = set(fake_cuda.memory)
    for n in (6, 1, 5):
        engine.run(pictures(n, 32, 3, seed=n), asked(n))
    assert set(fake_cuda.memory) == there


def test_answers_outlive_the_next_run(planned: Planned) -> None:
    engine = opened(planned)
    images = pictures(2, 32, 3, seed=1)
    first = engine.run(images, asked(2))
    engine.run(pictures(2, 32, 3, seed=2), asked(2))
    assert same(first, NullEngine(planned[0]).run(images, asked(2)))


def test_lanes_do_not_share_buffers(planned: Planned) -> None:
    engine, null = opened(planned, lanes=2), NullEngine(planned[0])
    wrong: list[int] = []

    def work(seed: int) -> None:
        for i in range(20):
            images = pictures(1 + i % 6, 32, 3, seed=100 * seed + i)
            ids = asked(len(images))
            if not same(engine.run(images, ids), null.run(images, ids)):
                wrong.append(i)

    threads = [Thread(target=work, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_closing_gives_all_memory_back(fake_cuda: Any, planned: Planned) -> None:
    engine = opened(planned, lanes=2)
    assert fake_cuda.memory
    engine.close()
    gc.collect()
    assert (fake_cuda.memory, fake_cuda.streams) == ({}, {})


def test_a_gpu_that_is_full_is_told_apart_and_left_as_it_was(
    fake_cuda: Any, planned: Planned
) -> None:
    fake_cuda.limit = 30_000
    with pytest.raises(DeviceOutOfMemory, match="the GPU has no memory left"):
        opened(planned)
    gc.collect()
    assert fake_cuda.memory == {}


def test_no_room_for_a_context_is_said(fake_plan: Any, planned: Planned) -> None:
    fake_plan.room = 2
    with pytest.raises(EngineUnavailable, match="no room for batches of 3"):
        opened(planned)


def test_a_plan_that_tensorrt_refuses_is_said(
    planned: Planned, monkeypatch: pytest.MonkeyPatch
) -> None:
    refusing = type("Runtime", (), {"deserialize_cuda_engine": lambda *_: None})
    monkeypatch.setattr(sys.modules["tensorrt"], "Runtime", lambda _log: refusing())
    with pytest.raises(EngineUnavailable, match=r"refuses .*plan\. Run `python -m export"):
        opened(planned)


def test_a_plan_that_was_tampered_with_never_reaches_tensorrt(
    fake_plan: Any, planned: Planned
) -> None:
    card, directory = planned
    (directory / card.plans[0].file).write_bytes(b"another")
    fake_plan.room = 0
    with pytest.raises(EngineUnavailable, match="is not the file that was proven"):
        opened(planned)


def test_a_plan_for_another_gpu_is_refused(
    planned: Planned, monkeypatch: pytest.MonkeyPatch
) -> None:
    from service.engines import trt
    from service.engines.device import Gpu

    monkeypatch.setattr(trt, "gpu", lambda: Gpu("NVIDIA A100", "8.0", 1))
    with pytest.raises(EngineUnavailable, match=r"NVIDIA A100 .*Fake H200.*Run `python"):
        opened(planned)


def test_a_gpu_that_is_lost_fails_the_run(fake_cuda: Any, planned: Planned) -> None:
    from service.engines.cuda import CudaError, memory_used

    engine = opened(planned)
    fake_cuda.lost = True
    with pytest.raises(CudaError, match="cudaStreamSynchronize: an illegal memory access"):
        engine.run(pictures(1, 32, 3, seed=1), asked(1))
    assert np.isnan(memory_used())
    fake_cuda.lost = False  # for what frees the rest
