"""What a GPU cannot go beyond: its arithmetic, its memory, and the way of the pixels to it.

Williams, Waterman and Patterson, "Roofline" (2009), for a whole network: every layer reads its
input and writes its output once, a sum reads its other input too, and a run reads the weights once.
What a GPU keeps in its cache between two layers need not be read, so a small network may do better.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Literal, Self

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from models.card import ModelCard, Precision
from models.catalog import architecture
from models.layers import describe

WIDTH: Final[dict[Precision, int]] = {"fp32": 4, "fp16": 2, "int8": 1}  # bytes of a value
SUMS = (torch.add, Tensor.add, Tensor.add_, Tensor.__iadd__)

Limit = Literal["arithmetic", "memory", "PCIe"]


@dataclass(frozen=True, slots=True)
class Peak:
    """What the maker states, without sparsity.

    `arithmetic` counts a multiply-add as two operations a second; for fp32 it is that of TF32,
    which ONNX Runtime and torch take for float32. `memory` is in bytes a second, and so is `pcie`,
    one way.
    """

    arithmetic: dict[Precision, float]
    memory: float
    pcie: float
    source: str


HOPPER: Final[dict[Precision, float]] = {"fp32": 494.7e12, "fp16": 989.4e12, "int8": 1978.9e12}
# by the name that the driver gives
GPUS: Final = {
    "NVIDIA H200": Peak(HOPPER, 4.8e12, 64e9, "NVIDIA H200 Tensor Core GPU, data sheet, SXM"),
    "NVIDIA H100 80GB HBM3": Peak(
        HOPPER, 3.35e12, 64e9, "NVIDIA H100 Tensor Core GPU, data sheet, SXM"
    ),
    "NVIDIA A100-SXM4-80GB": Peak(
        {"fp32": 156e12, "fp16": 312e12, "int8": 624e12},
        2.039e12,
        32e9,
        "NVIDIA A100 Tensor Core GPU, data sheet, 80GB SXM",
    ),
}


@dataclass(frozen=True, slots=True)
class Work:
    """What a network does for one image, whatever runs it."""

    macs: int  #     multiply-adds
    values: int  #   read and written by its layers
    weights: int  #  values, read once a run
    pixels: int  #   bytes of the uint8 image

    @classmethod
    def of(cls, card: ModelCard) -> Self:
        """Of the network that the card names, at its size and for its classes."""
        row, size = architecture(card.architecture), card.preprocessing.size
        with Sums() as sums:
            table = describe(row, len(card.labels), size)
        # the first line is the image itself
        lines = sum(math.prod(n.input) + math.prod(n.output) for n in table.layers[1:])
        pixels = size * size * row.channels
        return cls(table.macs, lines + sums.values, table.parameters, pixels)


class Sums(TorchFunctionMode):
    """Counts what sums of two maps read beside the output of the layer that they are part of."""

    values = 0

    def __torch_function__(
        self,
        func: Callable[..., Any],
        _types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        if func in SUMS:
            shapes = [t.shape for t in args if isinstance(t, Tensor) and t.dim() == 4]
            if len(shapes) == 2 and shapes[0] == shapes[1]:
                self.values += math.prod(shapes[0])
        return func(*args, **(kwargs or {}))


@dataclass(frozen=True, slots=True)
class Bound:
    """The most images a second, and what sets the limit."""

    rate: float
    by: Limit


def bound(work: Work, peak: Peak, precision: Precision, batch: int, *, upload: bool) -> Bound:
    """For runs of `batch` images, whose pixels are copied to the GPU (`upload`) or are there."""
    moved = WIDTH[precision] * (work.values + work.weights / batch)
    limits: dict[Limit, float] = {
        "arithmetic": peak.arithmetic[precision] / (2 * work.macs),
        "memory": peak.memory / moved,
    }
    if upload:
        limits["PCIe"] = peak.pcie / work.pixels
    return min((Bound(rate, by) for by, rate in limits.items()), key=lambda b: b.rate)
