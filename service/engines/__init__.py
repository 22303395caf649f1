"""What runs a network: one call, a stack of images in, answers out."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol, assert_never

import numpy as np
from numpy.typing import NDArray

from models.card import ModelCard, Precision

Kind = Literal["ort", "pytorch", "null"]


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
    def piece(self) -> int: ...  # images in one run from which on more gain nothing
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


def open_engine(
    kind: Kind,
    card: ModelCard,
    directory: Path,
    *,
    device: str,
    lanes: int,
    precision: Precision = "fp32",
) -> Engine:
    """The engine of that kind for the artifact in `directory`; imports its library only now.

    A precision that it does not have becomes float32; the engine's `precision` says so.
    """
    match kind:
        case "ort":
            from service.engines.ort import OrtEngine

            return OrtEngine(card, directory, device=device, lanes=lanes, precision=precision)
        case "pytorch":
            from service.engines.pytorch import PytorchEngine

            return PytorchEngine(card, directory, lanes=lanes)
        case "null":
            from service.engines.null import NullEngine

            return NullEngine(card, lanes=lanes)
    assert_never(kind)
