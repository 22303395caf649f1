"""What is asked of CUDA: with the real bindings as far as they go without a GPU, then on a fake."""

import ctypes
import gc
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from service.engines import DeviceOutOfMemory, device
from service.engines.device import no_driver

runtime = pytest.importorskip("cuda.bindings.runtime", reason="cuda-bindings is for Linux")


@pytest.fixture
def cuda() -> Any:
    from service.engines import cuda

    return cuda


def test_the_fake_has_only_names_that_the_real_one_has(fake_cuda: Any) -> None:
    own = {name for name in dir(fake_cuda) if name.startswith("cuda")}
    assert len(own) > 15
    assert own <= set(dir(runtime))


@pytest.mark.skipif(not no_driver(), reason="there is a driver, so CUDA does not fail")
def test_the_real_bindings_fail_in_words_without_a_driver(cuda: Any) -> None:
    with pytest.raises(cuda.CudaError, match="cudaMalloc: CUDA driver version is insufficient"):
        cuda.Memory(1)
    assert np.isnan(cuda.memory_used())


@pytest.mark.gpu
def test_a_real_gpu_keeps_what_is_copied_there(cuda: Any) -> None:
    stream, buffer = cuda.Stream(), cuda.Buffer((4, 3), np.int64)
    buffer.host[:] = np.arange(12).reshape(4, 3)
    buffer.upload(4, stream)
    stream.wait()
    buffer.host[:] = 0
    stream.record(lambda: buffer.download(2, stream)).launch(stream)
    stream.wait()
    assert buffer.host.tolist() == [[0, 1, 2], [3, 4, 5], [0, 0, 0], [0, 0, 0]]
    assert cuda.memory_used() > 0
    assert device.gpu().memory > 2**30


def test_rows_are_copied_when_the_stream_is_waited_for(cuda: Any, fake_cuda: Any) -> None:
    stream, buffer = cuda.Stream(), cuda.Buffer((4, 3), np.int64)
    buffer.host[:] = np.arange(12).reshape(4, 3)
    buffer.upload(3, stream)
    stream.wait()
    there = fake_cuda.at(buffer.device.address, buffer.host.nbytes)
    left = np.full(3, 0x5A, np.uint8).repeat(8).view(np.int64).tolist()
    assert np.frombuffer(there, np.int64).tolist() == [*range(9), *left]


def test_what_is_recorded_is_done_at_every_launch(cuda: Any, fake_cuda: Any) -> None:
    stream, buffer = cuda.Stream(), cuda.Buffer((1,), np.uint8)
    graph = stream.record(lambda: buffer.upload(1, stream))
    stream.wait()
    there = fake_cuda.at(buffer.device.address, 1)
    assert there[0] == 0x5A
    for value in (7, 8):
        buffer.host[0] = value
        graph.launch(stream)
        stream.wait()
        assert there[0] == value


def test_a_stream_records_no_longer_when_that_fails(cuda: Any, fake_cuda: Any) -> None:
    stream = cuda.Stream()

    def fails() -> None:
        raise ValueError("on purpose")

    with pytest.raises(ValueError, match="on purpose"):
        stream.record(fails)
    assert fake_cuda.recording == {}


def test_what_is_made_is_freed_with_its_object(cuda: Any, fake_cuda: Any) -> None:
    stream, buffer = cuda.Stream(), cuda.Buffer((4, 3), np.int64)
    assert len(fake_cuda.memory) == 2
    assert cuda.memory_used() == 2 * buffer.host.nbytes
    del stream, buffer
    gc.collect()
    assert (fake_cuda.memory, fake_cuda.streams) == ({}, {})


def test_too_much_memory_is_an_error_of_its_own(cuda: Any, fake_cuda: Any) -> None:
    fake_cuda.limit = 100
    with pytest.raises(DeviceOutOfMemory, match="cudaMalloc"):
        cuda.Memory(101)


@pytest.mark.parametrize("most", [1, 2, 5, 8, 32, 100, 256])
def test_at_most_a_third_of_a_run_is_padding(most: int) -> None:
    from service.engines import gpu

    ready = gpu.sizes(most)
    assert ready == sorted(set(ready))
    assert ready[0] == 1
    assert ready[-1] == most
    for n in range(1, most + 1):
        size = next(s for s in ready if s >= n)
        assert (size - n) * 3 <= size


class Driver:
    """What a driver of NVIDIA says; `started` is what `cuInit` gives."""

    def __init__(self, started: int = 0, count: int = 1) -> None:
        self.started, self.count = started, count

    def cuInit(self, _flags: int) -> int:  # noqa: N802
        return self.started

    def cuDeviceGetCount(self, count: Any) -> int:  # noqa: N802
        count._obj.value = self.count
        return 0


@pytest.mark.parametrize(
    ("driver", "reason"),
    [
        (Driver(), None),
        (Driver(started=100), "the NVIDIA driver does not start (cuInit gives 100)"),
        (Driver(count=0), "the NVIDIA driver sees no GPU"),
    ],
)
def test_why_there_is_no_gpu_is_said(
    driver: Driver, reason: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        device, "ctypes", SimpleNamespace(**vars(ctypes) | {"CDLL": lambda _: driver})
    )
    assert no_driver.__wrapped__() == reason


def test_a_driver_that_is_not_there_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device, "DRIVER", "libnodriver.so.1")
    reason = "there is no NVIDIA driver (libnodriver.so.1 is not found)"
    assert no_driver.__wrapped__() == reason
