"""A GPU that is the host's own memory, so that what the engines ask of CUDA can be followed.

It holds them to what a real one does not forgive: addresses outside of what was allocated, memory
that is taken to be zero, waiting for work that is only recorded, what is not given back. It is
neither fast nor parallel.
"""

import ctypes
import hashlib
import importlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from models.card import INPUTS, OUTPUTS, Artifact, ModelCard, Parity
from service import engines
from service.engines import device
from service.engines.null import SIDE, NullEngine
from service.engines.plan import PlanKey

GPU = device.Gpu("Fake H200", "9.0", 2**30)
VERSION = "11.4.0.106"
Work = Callable[[], object]


class FakeRuntime:
    """`cuda.bindings.runtime` as far as `service/engines/cuda.py` needs it."""

    def __init__(self, real: Any) -> None:
        self._real = real  # for its constants
        self.errors = real.cudaError_t
        self.ok = self.errors.cudaSuccess
        self.limit = 2**30  # bytes
        self.memory: dict[int, Any] = {}  # address -> what is there
        self.streams: dict[int, list[Work]] = {}  # handle -> what is to be done
        self.recording: dict[int, list[Work]] = {}
        self.started: list[str] = []
        self.lost = False  # after an error that no GPU gets over

        def nothing(*_: object) -> tuple[Any]:
            return (self.ok,)

        self.cudaFreeHost = self.cudaFree
        self.cudaGraphDestroy = self.cudaGraphExecDestroy = self.cudaGetLastError = nothing

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def put(self, handle: int, name: str, work: Work) -> None:
        """For when somebody waits for the stream, unless it is recorded."""
        self.started.append(name)
        self.recording.get(handle, self.streams[handle]).append(work)

    def at(self, address: int, size: int) -> Any:
        """The bytes there, which are of one allocation."""
        begin = max(a for a in self.memory if a <= address)
        assert address + size <= begin + len(self.memory[begin]), "outside of what was allocated"
        return (ctypes.c_uint8 * size).from_address(address)

    def cudaMalloc(self, size: int) -> tuple[Any, int | None]:
        if sum(map(len, self.memory.values())) + size > self.limit:
            return self.errors.cudaErrorMemoryAllocation, None
        block = (ctypes.c_uint8 * size)(*b"\x5a" * size)  # not zero, and no class either
        self.memory[ctypes.addressof(block)] = block
        return self.ok, ctypes.addressof(block)

    def cudaHostAlloc(self, size: int, _flags: int) -> tuple[Any, int | None]:
        return self.cudaMalloc(size)

    def cudaFree(self, address: int) -> tuple[Any]:
        del self.memory[address]
        return (self.ok,)

    def cudaMemGetInfo(self) -> tuple[Any, int | None, int | None]:
        if self.lost:
            return self.errors.cudaErrorIllegalAddress, None, None
        return self.ok, self.limit - sum(map(len, self.memory.values())), self.limit

    def cudaMemcpyAsync(self, to: int, of: int, size: int, _kind: Any, handle: int) -> tuple[Any]:
        self.put(handle, "copy", lambda: ctypes.memmove(self.at(to, size), self.at(of, size), size))
        return (self.ok,)

    def cudaStreamCreateWithFlags(self, _flags: int) -> tuple[Any, int]:
        handle = 1 + max(self.streams, default=0)
        self.streams[handle] = []
        return self.ok, handle

    def cudaStreamDestroy(self, handle: int) -> tuple[Any]:
        del self.streams[handle]
        return (self.ok,)

    def cudaStreamSynchronize(self, handle: int) -> tuple[Any]:
        assert handle not in self.recording, "waited for what is only recorded"
        if self.lost:
            return (self.errors.cudaErrorIllegalAddress,)
        work, self.streams[handle] = self.streams[handle], []
        for step in work:
            step()
        return (self.ok,)

    def cudaStreamBeginCapture(self, handle: int, _mode: Any) -> tuple[Any]:
        self.recording[handle] = []
        return (self.ok,)

    def cudaStreamEndCapture(self, handle: int) -> tuple[Any, list[Work]]:
        return self.ok, self.recording.pop(handle)

    def cudaGraphInstantiate(self, recorded: list[Work], _flags: int) -> tuple[Any, list[Work]]:
        return self.ok, recorded

    def cudaGraphLaunch(self, graph: list[Work], handle: int) -> tuple[Any]:
        self.put(handle, "graph", lambda: [step() for step in graph])
        return (self.ok,)


class FakePlan:
    """An engine of TensorRT: it runs the null engine, on what lies at the addresses it is given."""

    device_memory_size_v2 = 1000

    def __init__(self, runtime: FakeRuntime, card: ModelCard) -> None:
        self.runtime, self.card = runtime, card
        self.sizes: list[int] = []  # of the contexts
        self.room = 10_000  # contexts
        self.recordable = True

    def get_tensor_shape(self, _name: str) -> tuple[int, ...]:
        return -1, self.card.explained, SIDE, SIDE

    def create_execution_context(self, _strategy: object) -> "FakeContext | None":
        self.room -= 1
        return FakeContext(self) if self.room >= 0 else None


class FakeContext:
    def __init__(self, plan: FakePlan) -> None:
        self.plan = plan
        self.shapes: dict[str, tuple[int, ...]] = {}
        self.addresses: dict[str, int] = {}

    def set_device_memory(self, address: int, size: int) -> None:
        assert size >= self.plan.device_memory_size_v2
        self.plan.runtime.at(address, size)

    def set_tensor_address(self, name: str, address: int) -> bool:
        self.addresses[name] = address
        return name in (*INPUTS, *OUTPUTS)

    def set_input_shape(self, name: str, shape: tuple[int, ...]) -> bool:
        self.shapes[name] = shape
        return True

    def execute_async_v3(self, handle: int) -> bool:
        size = self.shapes["images"][0]
        self.plan.sizes.append(size)
        self.plan.runtime.put(handle, "network", self._run)
        return self.plan.recordable or handle not in self.plan.runtime.recording

    def _array(self, name: str, shape: tuple[int, ...], dtype: type) -> NDArray[Any]:
        size = int(np.prod(shape)) * np.dtype(dtype).itemsize
        memory = self.plan.runtime.at(self.addresses[name], size)
        return np.frombuffer(memory, dtype).reshape(shape)

    def _run(self) -> None:
        images = self._array("images", self.shapes["images"], np.uint8)
        asked = self._array("asked", self.shapes["asked"], np.int64)
        out = NullEngine(self.plan.card).run(images, asked)
        for name in OUTPUTS:
            rows = getattr(out, name)
            self._array(name, rows.shape, rows.dtype.type)[:] = rows


@pytest.fixture
def fake_cuda(monkeypatch: pytest.MonkeyPatch) -> FakeRuntime:
    real = pytest.importorskip("cuda.bindings.runtime", reason="cuda-bindings is for Linux")
    from service.engines import cuda, gpu

    fake = FakeRuntime(real)
    monkeypatch.setattr(cuda, "runtime", fake)
    monkeypatch.setattr(gpu, "gpu", lambda: GPU)
    monkeypatch.setattr(engines, "no_driver", lambda: None)
    return fake


@pytest.fixture
def planned(make_card: Callable[..., ModelCard], tmp_path: Path) -> tuple[ModelCard, Path]:
    """A card with a plan for `GPU`, and its directory. The plan's content is of no matter."""
    card, content = make_card(), b"a plan"
    key = PlanKey(GPU.name, GPU.capability, VERSION, "fp32")
    card.artifacts[key.kind] = Artifact(
        file=key.file,
        sha256=hashlib.sha256(content).hexdigest(),
        precision="fp32",
        max_batch=6,
        built_with=key.built_with(),
        parity=Parity((1, 6), 0.0, 0.0, 1.0),
    )
    (tmp_path / key.file).write_bytes(content)
    return card, tmp_path


@pytest.fixture
def fake_plan(
    fake_cuda: FakeRuntime, planned: tuple[ModelCard, Path], monkeypatch: pytest.MonkeyPatch
) -> Iterator[FakePlan]:
    """What a fake TensorRT makes of every plan."""
    plan = FakePlan(fake_cuda, planned[0])
    fake = SimpleNamespace(
        __version__=VERSION,
        ILogger=object,
        Runtime=lambda _log: SimpleNamespace(deserialize_cuda_engine=lambda _content: plan),
        ExecutionContextAllocationStrategy=SimpleNamespace(USER_MANAGED=2),
    )
    monkeypatch.setitem(sys.modules, "tensorrt", fake)
    monkeypatch.delitem(sys.modules, "service.engines.trt", raising=False)
    trt = importlib.import_module("service.engines.trt")
    monkeypatch.setattr(trt, "gpu", lambda: GPU)
    yield plan
    del sys.modules["service.engines.trt"]  # made with the fake one
