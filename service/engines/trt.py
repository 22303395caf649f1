"""TensorRT: a plan that was built and proven on this kind of GPU, run as CUDA graphs.

Every lane has, for every size that is ready, an execution context and a graph of one run: pixels
up, the network, k maps and the scores down. So a run is one call, which counts where the network is
short. Contexts of a lane share their working memory, for they never run at once.
"""

import logging
from functools import partial
from pathlib import Path
from typing import Any

import tensorrt as trt

from models.card import INPUTS, ModelCard, Precision
from service.engines import EngineUnavailable, cuda, plan
from service.engines.device import gpu
from service.engines.gpu import GpuEngine, Lane, Shapes, shapes

logger = logging.getLogger(__name__)

LEVELS = (logging.ERROR, logging.ERROR, logging.WARNING, logging.DEBUG, logging.DEBUG)


class TrtEngine(GpuEngine):
    def __init__(
        self, card: ModelCard, directory: Path, *, lanes: int = 1, precision: Precision = "fp32"
    ) -> None:
        here = plan.PlanKey(gpu().name, gpu().capability, trt.__version__, precision)
        artifact = plan.find(card, here)
        content = plan.read(card, artifact, directory)
        self._runtime = trt.Runtime(_Log())
        engine = self._runtime.deserialize_cuda_engine(content)
        if engine is None:
            raise EngineUnavailable(
                f"TensorRT {trt.__version__} refuses {directory / artifact.file}. "
                f"Run `{plan.rebuild(card, precision)}`"
            )
        each = shapes(card, tuple(engine.get_tensor_shape("maps"))[2:])
        opened = [PlanLane(engine, each, artifact.max_batch) for _ in range(lanes)]
        super().__init__("tensorrt", artifact.precision, opened)


class PlanLane(Lane):
    def __init__(self, engine: Any, each: Shapes, most: int) -> None:
        super().__init__(each, most)
        self._engine = engine
        self._workspace = cuda.Memory(max(1, engine.device_memory_size_v2))
        self._contexts = {size: self._context(engine, size) for size in self.sizes}
        self._graphs: dict[int, cuda.Graph] = {}

    def _context(self, engine: Any, size: int) -> Any:
        context = engine.create_execution_context(
            trt.ExecutionContextAllocationStrategy.USER_MANAGED
        )
        if context is None:
            raise EngineUnavailable(f"TensorRT has no room for batches of {size}: see its log")
        context.set_device_memory(self._workspace.address, self._workspace.size)
        taken = [
            *(context.set_tensor_address(n, b.device.address) for n, b in self.buffers.items()),
            *(context.set_input_shape(n, (size, *self.buffers[n].host.shape[1:])) for n in INPUTS),
        ]
        if not all(taken):
            raise EngineUnavailable("the plan is of another network than the card: build it again")
        return context

    def warm_up(self) -> None:
        super().warm_up()  # TensorRT allocates in a first run, which no graph may hold
        try:
            for size in self.sizes:
                self._graphs[size] = self.stream.record(partial(self._start, size))
        except cuda.CudaError as error:
            logger.warning("sizes from %d on run without a CUDA graph: %s", size, error)

    def execute(self, size: int) -> None:
        if graph := self._graphs.get(size):
            graph.launch(self.stream)
        else:
            self._start(size)
        self.stream.wait()

    def _start(self, size: int) -> None:
        self.upload(size)
        self.start_network(size)
        self.download(size)

    def start_network(self, size: int) -> None:
        if not self._contexts[size].execute_async_v3(self.stream.handle):
            raise cuda.CudaError(f"TensorRT did not start a batch of {size}: see its log")


class _Log(trt.ILogger):  # type: ignore[misc]
    def __init__(self) -> None:
        super().__init__()  # needed by the library below

    def log(self, severity: Any, message: str) -> None:
        logger.log(LEVELS[int(severity)], "TensorRT: %s", message)
