"""Who takes part in the engine bench on a GPU, and who does not, and why."""

from collections.abc import Callable, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from bench.bare import MAX_PIXELS
from bench.gpu import lanes, pytorch
from bench.gpu.goals import TENSORRT
from bench.gpu.loop import DECODED, RESIDENT, UPLOADED, Absent, DataPath, Form, GpuPlan, Loop, Step
from bench.photograph import photograph
from models.card import ModelCard, Precision
from service.engines import DeviceOutOfMemory, EngineUnavailable, needing_gpu
from service.images import Pixels, decode
from service.settings import cores


class Competitor(Protocol):
    """A library with a network loaded, for images [n, h, w, c] and the classes asked [n, k]."""

    @property
    def precision(self) -> Precision: ...
    @property
    def lanes(self) -> int: ...  # runs at once
    @property
    def max_batch(self) -> int: ...

    def run(self, images: NDArray[np.uint8], asked: NDArray[np.int64]) -> object:
        """The answers, on the host, as the images were."""

    def resident(self, images: NDArray[np.uint8], asked: NDArray[np.int64]) -> list[Step]:
        """A step a lane: the network alone, on these images, which lie on the GPU."""

    def close(self) -> None: ...


Open = Callable[[ModelCard, Path, GpuPlan], Competitor]
# how each is opened, and the extra that brings its library
COMPETITORS: Final[dict[str, tuple[Open, str]]] = {
    TENSORRT: (lanes.tensorrt, "tensorrt"),
    "ONNX Runtime": (lanes.onnxruntime, "gpu"),
    "torch.compile": (pytorch.compiled, "export"),
    "eager torch": (pytorch.eager, "export"),
}


@dataclass(frozen=True, slots=True)
class Feed:
    """One photograph, as often as it is wanted."""

    card: ModelCard
    data: bytes
    decoders: Executor

    def decoded(self, batch: int) -> NDArray[np.uint8]:
        return np.stack(list(self.decoders.map(self._decode, [self.data] * batch)))

    def asked(self, batch: int) -> NDArray[np.int64]:
        return np.full((batch, self.card.explained), -1, np.int64)

    def _decode(self, data: bytes) -> Pixels:
        return decode(data, self.card.preprocessing, MAX_PIXELS).pixels


def lineup(
    card: ModelCard, directory: Path, plan: GpuPlan, stack: ExitStack
) -> tuple[list[Loop], list[Absent]]:
    """Loops that have run once, until the stack ends; and what cannot run here."""
    feed = Feed(card, photograph(), stack.enter_context(ThreadPoolExecutor(cores())))
    loops: list[Loop] = []
    absent: list[Absent] = []
    for name, (opened, extra) in COMPETITORS.items():
        try:
            with needing_gpu(name, extra):
                competitor = opened(card, directory, plan)
        except (EngineUnavailable, DeviceOutOfMemory) as reason:
            absent.append(Absent(card.name, name, str(reason)))
            continue
        stack.callback(competitor.close)
        for batch in plan.batches:
            try:
                with needing_gpu(name, extra):
                    loops += tried(name, competitor, feed, batch)
            except (EngineUnavailable, DeviceOutOfMemory) as reason:
                absent.append(Absent(card.name, f"{name}, batch {batch}", str(reason)))
    return loops, absent


def tried(name: str, competitor: Competitor, feed: Feed, batch: int) -> list[Loop]:
    """All paths of that size, each run once. A single image has the GPU for itself."""
    if batch > competitor.max_batch:
        raise EngineUnavailable(
            f"it takes at most {competitor.max_batch} images: build its plan with "
            f"`--max-batch {batch}`"
        )
    images, asked = feed.decoded(batch), feed.asked(batch)

    def from_jpeg() -> object:
        return competitor.run(feed.decoded(batch), asked)

    count = 1 if batch == 1 else competitor.lanes
    uploaded: Step = partial(competitor.run, images, asked)
    paths: dict[DataPath, Sequence[Step]] = {
        RESIDENT: competitor.resident(images, asked)[:count],
        UPLOADED: [uploaded] * count,
        DECODED: [from_jpeg] * count,
    }
    for step in [step for steps in paths.values() for step in steps]:
        step()
    return [
        Loop(feed.card.name, Form(name, competitor.precision, path, batch), steps)
        for path, steps in paths.items()
    ]
