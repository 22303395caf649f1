"""What runs a network: one call, a stack of images in, answers out."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol, assert_never

import numpy as np
from numpy.typing import NDArray

from models.card import ModelCard, Precision
from service.engines.device import Device, no_driver

Kind = Literal["ort", "trt", "pytorch", "null"]
NO_MEMORY = ("out of memory", "allocate memory", "bad_alloc")  # libraries have words, and no type


@dataclass(frozen=True, slots=True)
class Outputs:
    """The answers to n images, k = `card.explained` of their classes explained."""

    logits: NDArray[np.float32]  #   [n, classes]
    scores: NDArray[np.float32]  #   [n, k], softmax
    classes: NDArray[np.int64]  #    [n, k]
    maps: NDArray[np.float32]  #     [n, k, h', w'], not rectified, not scaled


class Engine(Protocol):
    """Loaded and ready to run. `name`, `precision` and `device` say what really runs, in words."""

    @property
    def name(self) -> str: ...
    @property
    def precision(self) -> str: ...
    @property
    def device(self) -> str: ...
    @property
    def max_batch(self) -> int: ...  # images in one run
    @property
    def lanes(self) -> int: ...  # runs that may go on at once

    def run(
        self, images: NDArray[np.uint8], asked: NDArray[np.int64], *, alone: bool = False
    ) -> Outputs:
        """Runs images [n, h, w, c] and explains the classes `asked` [n, k] (-1: its own choice).

        Blocks; safe for `lanes` threads at once. `alone` says that nothing else runs or waits on
        the device, so this run may take all of it.
        """

    def close(self) -> None: ...


class EngineUnavailable(Exception):
    """The engine cannot run this model here; says why and what would help."""


class DeviceOutOfMemory(Exception):
    """A run needed more memory than the device has left; a smaller batch may do."""


@contextmanager
def noticing_memory() -> Iterator[None]:
    """Turns what a library raises when memory runs out into `DeviceOutOfMemory`."""
    try:
        yield
    except Exception as error:
        said = str(error).lower()
        if isinstance(error, MemoryError) or any(words in said for words in NO_MEMORY):
            raise DeviceOutOfMemory(str(error)) from error
        raise


@contextmanager
def needing_gpu(what: str, extra: str) -> Iterator[None]:
    """Around the import and the start of what needs a GPU: what fails is told in words.

    Raises `EngineUnavailable`, `DeviceOutOfMemory`.
    """
    if reason := no_driver():
        raise EngineUnavailable(f"{what} needs a GPU, and {reason}")
    try:
        yield
    except (EngineUnavailable, DeviceOutOfMemory):
        raise
    except (ImportError, OSError) as error:
        raise EngineUnavailable(
            f"{what} cannot be loaded ({error}): install the extra `{extra}`"
        ) from error
    except Exception as error:  # the libraries have many types; another engine may do
        raise EngineUnavailable(f"{what} fails here: {type(error).__name__}: {error}") from error


def open_engine(
    kind: Kind,
    card: ModelCard,
    directory: Path,
    *,
    device: Device,
    lanes: int,
    precision: Precision = "fp32",
) -> Engine:
    """The engine of that kind for the artifact in `directory`; imports its library only now.

    ONNX Runtime takes float32 where there is no such precision; the engine's `precision` tells.
    """
    match kind:
        case "ort" if device == "cuda":
            with needing_gpu("ONNX Runtime with CUDA", "gpu"):
                from service.engines.ort_cuda import OrtCudaEngine

                return OrtCudaEngine(card, directory, lanes=lanes, precision=precision)
        case "ort":
            from service.engines.ort import OrtEngine

            return OrtEngine(card, directory, lanes=lanes, precision=precision)
        case "trt" if device == "cpu":
            raise EngineUnavailable("TensorRT runs on GPUs only, and the CPU is asked for")
        case "trt":
            with needing_gpu("TensorRT", "tensorrt"):
                from service.engines.trt import TrtEngine

                return TrtEngine(card, directory, lanes=lanes, precision=precision)
        case "pytorch":
            from service.engines.pytorch import PytorchEngine

            return PytorchEngine(card, directory, lanes=lanes)
        case "null":
            from service.engines.null import NullEngine

            return NullEngine(card, lanes=lanes)
    assert_never(kind)
