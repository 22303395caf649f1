"""CUDA in the few words that the engines need: streams, buffers and graphs of the first GPU.

Import it only where `device.no_driver()` found a driver. Memory of the host is page-locked, so that
a copy goes on beside the caller and other streams. What is made here is freed with its object.
"""

import ctypes
import math
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np
from cuda.bindings import runtime
from numpy.typing import DTypeLike, NDArray

from service.engines import DeviceOutOfMemory, EngineUnavailable


class CudaError(EngineUnavailable):
    """A call of CUDA failed; says which and why."""


def call(function: Callable[..., tuple[Any, ...]], *arguments: Any) -> Any:
    """What a function of the runtime gives behind its status. Raises `DeviceOutOfMemory`."""
    status, *values = function(*arguments)
    if status == runtime.cudaError_t.cudaErrorMemoryAllocation:
        runtime.cudaGetLastError()  # else another library would take it for its own
        raise DeviceOutOfMemory(f"the GPU has no memory left ({function.__name__})")
    if status != runtime.cudaError_t.cudaSuccess:
        reason = runtime.cudaGetErrorString(status)[1].decode()
        raise CudaError(f"{function.__name__}: {reason}")
    return values[0] if len(values) == 1 else values


def memory_used() -> float:
    """Bytes of the GPU's memory that are taken, by whomever; not a number if it does not answer."""
    status, free, total = runtime.cudaMemGetInfo()
    return total - free if status == runtime.cudaError_t.cudaSuccess else math.nan


class Graph:
    """Recorded work of a stream, started by one call."""

    def __init__(self, recorded: Any) -> None:
        self._graph = call(runtime.cudaGraphInstantiate, recorded, 0)
        call(runtime.cudaGraphDestroy, recorded)
        weakref.finalize(self, runtime.cudaGraphExecDestroy, self._graph)

    def launch(self, stream: "Stream") -> None:
        call(runtime.cudaGraphLaunch, self._graph, stream.handle)


class Stream:
    """Work that is done in order, beside that of other streams."""

    def __init__(self) -> None:
        # a blocking one would wait for the default stream, which libraries use
        stream = call(runtime.cudaStreamCreateWithFlags, runtime.cudaStreamNonBlocking)
        self.handle = int(stream)
        weakref.finalize(self, runtime.cudaStreamDestroy, stream)

    def wait(self) -> None:
        """Until all is done; other Python threads go on."""
        call(runtime.cudaStreamSynchronize, self.handle)

    def record(self, work: Callable[[], None]) -> Graph:
        """What `work` puts on this stream, which is not done now."""
        # other threads may allocate meanwhile: that is no part of it
        mode = runtime.cudaStreamCaptureMode.cudaStreamCaptureModeThreadLocal
        call(runtime.cudaStreamBeginCapture, self.handle, mode)
        try:
            work()
        except BaseException:
            runtime.cudaStreamEndCapture(self.handle)  # else the stream would record for ever
            raise
        return Graph(call(runtime.cudaStreamEndCapture, self.handle))


class Pinned:
    """An array in page-locked memory of the host, zero; it is not to outlive this object."""

    def __init__(self, shape: tuple[int, ...], dtype: DTypeLike) -> None:
        kind: np.dtype[Any] = np.dtype(dtype)
        size = math.prod(shape) * kind.itemsize
        self.address: int = call(runtime.cudaHostAlloc, size, runtime.cudaHostAllocDefault)
        weakref.finalize(self, runtime.cudaFreeHost, self.address)
        memory = (ctypes.c_uint8 * size).from_address(self.address)
        self.array: NDArray[Any] = np.frombuffer(memoryview(memory), kind).reshape(shape)
        self.array.fill(0)


class Memory:
    """`size` bytes of the GPU."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.address: int = call(runtime.cudaMalloc, size)
        weakref.finalize(self, runtime.cudaFree, self.address)


class Buffer:
    """An array on the host and as much memory of the GPU, copied row by row."""

    def __init__(self, shape: tuple[int, ...], dtype: DTypeLike) -> None:
        self._pinned = Pinned(shape, dtype)
        self.host = self._pinned.array
        self.device = Memory(self.host.nbytes)

    def upload(self, rows: int, stream: Stream) -> None:
        """Starts to copy the first `rows` to the GPU."""
        kind = runtime.cudaMemcpyKind.cudaMemcpyHostToDevice
        self._copy(self.device.address, self._pinned.address, rows, kind, stream)

    def download(self, rows: int, stream: Stream) -> None:
        """Starts to copy the first `rows` from the GPU."""
        kind = runtime.cudaMemcpyKind.cudaMemcpyDeviceToHost
        self._copy(self._pinned.address, self.device.address, rows, kind, stream)

    def _copy(self, to: int, of: int, rows: int, kind: Any, stream: Stream) -> None:
        size = rows * self.host.strides[0]
        call(runtime.cudaMemcpyAsync, to, of, size, kind, stream.handle)
