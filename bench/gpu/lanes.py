"""The service's own engines on a GPU, for the bench: as they serve, and their networks alone."""

from abc import ABC, abstractmethod
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.gpu.artifacts import with_plan
from bench.gpu.loop import GpuPlan, Step
from models.card import ModelCard, Precision
from service.engines import EngineUnavailable, open_engine
from service.settings import Settings


class Serving(ABC):
    """An engine of the service, and beside its runs the network alone on each of its lanes."""

    def __init__(self, engine: Any) -> None:
        self._engine = engine
        self.precision: Precision = engine.precision
        self.lanes: int = engine.lanes
        self.max_batch: int = engine.max_batch

    def run(self, images: NDArray[np.uint8], asked: NDArray[np.int64]) -> object:
        return self._engine.run(images, asked)

    def resident(self, images: NDArray[np.uint8], asked: NDArray[np.int64]) -> list[Step]:
        """One step a lane, each for the images that this copies to that lane's buffers."""
        lanes = self._engine.each_lane
        for lane in lanes:
            lane.run(images, asked)  # the GPU draws less power, and runs faster, on zeros
        n = len(images)
        return [self.alone(lane, next(s for s in lane.sizes if s >= n)) for lane in lanes]

    def close(self) -> None:
        self._engine.close()

    @abstractmethod
    def alone(self, lane: Any, size: int) -> Step:
        """Runs the network on what the lane's buffers hold."""


class TensorRT(Serving):
    def alone(self, lane: Any, size: int) -> Step:
        start = partial(lane.start_network, size)
        # what cannot be recorded is started as the engine does it, which has said so in the log
        with suppress(EngineUnavailable):
            start = partial(lane.stream.record(start).launch, lane.stream)

        def step() -> None:
            start()
            lane.stream.wait()

        return step


class OnnxRuntime(Serving):
    def alone(self, lane: Any, size: int) -> Step:
        return partial(lane.start_network, size)


def tensorrt(card: ModelCard, directory: Path, plan: GpuPlan) -> Serving:
    """Raises `EngineUnavailable`, as the next one does."""
    return TensorRT(opened("trt", with_plan(card, directory, plan), directory, plan.precision))


def onnxruntime(card: ModelCard, directory: Path, plan: GpuPlan) -> Serving:
    artifact, precision = card.onnx(plan.precision), plan.precision
    if artifact and artifact.precision != precision:  # it would run in float32 instead
        raise EngineUnavailable(
            f"{card.name}/{card.version} has no {precision} ONNX file: run "
            f"`python -m export {card.architecture} --precision {precision}`"
        )
    return OnnxRuntime(opened("ort", card, directory, precision))


def opened(kind: Any, card: ModelCard, directory: Path, precision: Precision) -> Any:
    """With as many lanes as the service has on a GPU."""
    lanes = Settings().streams
    return open_engine(kind, card, directory, device="cuda", lanes=lanes, precision=precision)
