"""What the engines on a GPU share: lanes with buffers of their own, and sizes that are ready.

A batch of any other size is padded to the next one that is ready, since a library chooses what it
does on the GPU, and records CUDA graphs, for one size. While one lane's batch runs, the next one is
copied to the GPU on another.
"""

from abc import ABC, abstractmethod
from bisect import bisect_left
from collections.abc import Sequence
from queue import SimpleQueue

import numpy as np
from numpy.typing import DTypeLike, NDArray

from models.card import INPUTS, OUTPUTS, ModelCard
from service.engines import Outputs, cuda
from service.engines.device import gpu

Shapes = dict[str, tuple[tuple[int, ...], DTypeLike]]  # name -> what one image has of it


def shapes(card: ModelCard, maps: Sequence[int]) -> Shapes:
    """The inputs and outputs of the card's graph, whose maps have `maps` = (h', w')."""
    p, k = card.preprocessing, card.explained
    return {
        "images": ((p.size, p.size, p.channels), np.uint8),
        "asked": ((k,), np.int64),
        "logits": ((len(card.labels),), np.float32),
        "scores": ((k,), np.float32),
        "classes": ((k,), np.int64),
        "maps": ((k, *maps), np.float32),
    }


def sizes(most: int) -> list[int]:
    """1, 2, 3, 4, 6, 8, 12, 16, … and `most`: at most a third of a run is padding."""
    powers = [2**i for i in range(most.bit_length())]
    return sorted({n for n in (*powers, *(3 * p for p in powers)) if n < most} | {most})


class Lane(ABC):
    """Runs one batch at a time, on a stream and with buffers of the largest size."""

    def __init__(self, each: Shapes, most: int) -> None:
        self.sizes = sizes(most)
        self.stream = cuda.Stream()
        self.buffers = {
            name: cuda.Buffer((most, *shape), dtype) for name, (shape, dtype) in each.items()
        }

    def run(self, images: NDArray[np.uint8], asked: NDArray[np.int64]) -> Outputs:
        n = len(images)
        for name, rows in zip(INPUTS, (images, asked), strict=True):
            # the rows behind are of runs before, and nobody reads their answers
            self.buffers[name].host[:n] = rows
        self.execute(self.sizes[bisect_left(self.sizes, n)])
        # copied, for the next run of this lane writes there
        return Outputs(*(self.buffers[name].host[:n].copy() for name in OUTPUTS))

    def upload(self, size: int) -> None:
        """Starts to copy the inputs to the GPU."""
        for name in INPUTS:
            self.buffers[name].upload(size, self.stream)

    def download(self, size: int) -> None:
        """Starts to copy the outputs from the GPU."""
        for name in OUTPUTS:
            self.buffers[name].download(size, self.stream)

    def warm_up(self) -> None:
        """Runs every size once, so that no request waits for what is only done the first time."""
        for size in self.sizes:
            self.execute(size)

    @abstractmethod
    def execute(self, size: int) -> None:
        """Answers the first `size` images, and returns when the answers are on the host."""

    @abstractmethod
    def start_network(self, size: int) -> None:
        """The network alone, on what the GPU holds: how fast that is tells what copies cost."""


class GpuEngine:
    """A batch takes a free lane. Open it by a subclass."""

    def __init__(self, name: str, precision: str, lanes: Sequence[Lane]) -> None:
        self.name, self.precision, self.device = name, precision, gpu().name
        self.lanes = len(lanes)
        self.each_lane = tuple(lanes)  # for those who measure: a run takes whichever is free
        self.max_batch = lanes[0].sizes[-1]
        self._free: SimpleQueue[Lane] = SimpleQueue()
        for lane in lanes:
            lane.warm_up()
            self._free.put(lane)

    def run(
        self, images: NDArray[np.uint8], asked: NDArray[np.int64], *, alone: bool = False
    ) -> Outputs:
        del alone  # a GPU is not shared out by the image
        lane = self._free.get()
        try:
            return lane.run(images, asked)
        finally:
            self._free.put(lane)

    def close(self) -> None:
        del self._free, self.each_lane  # the lanes end, and what they hold of the GPU
