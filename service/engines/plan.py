"""Which TensorRT plan of a card runs here, and whether its file is the one that was proven.

A plan belongs to the kind of GPU and the TensorRT that built it: another TensorRT does not load it,
and another GPU does not, or runs what was chosen for its neighbour.
"""

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from models.card import Artifact, ModelCard, Precision
from service.engines import EngineUnavailable


@dataclass(frozen=True, slots=True)
class PlanKey:
    """What a plan was built for, and runs on only."""

    gpu: str  #         "NVIDIA H200"
    capability: str  #  "9.0"
    tensorrt: str  #    "11.4.0.106"
    precision: Precision

    @property
    def kind(self) -> str:
        """Its key among the card's artifacts."""
        gpu = re.sub(r"[^a-z0-9]+", "-", self.gpu.lower()).strip("-")
        return f"tensorrt.{gpu}.trt{self.tensorrt}.{self.precision}"

    @property
    def file(self) -> str:
        """Its name in a version's directory."""
        return f"model.{self.kind.removeprefix('tensorrt.')}.plan"

    def built_with(self) -> dict[str, str]:
        """The key as it stands on the card, where the precision has its own place."""
        return {"gpu": self.gpu, "capability": self.capability, "tensorrt": self.tensorrt}

    @classmethod
    def of(cls, plan: Artifact) -> Self:
        gpu, capability, tensorrt = (plan.built_with.get(k, "?") for k in cls.__slots__[:3])
        return cls(gpu, capability, tensorrt, plan.precision)

    def __str__(self) -> str:
        return (
            f"TensorRT {self.tensorrt} in {self.precision} for {self.gpu} "
            f"(compute capability {self.capability})"
        )


def rebuild(card: ModelCard, precision: Precision) -> str:
    """The command that builds the model's plan for this machine."""
    return f"python -m export.plan {card.name} --precision {precision}"


def find(card: ModelCard, here: PlanKey) -> Artifact:
    """The plan that fits this machine. Raises `EngineUnavailable`, with the command to build it."""
    built = {PlanKey.of(a): a for a in card.plans}
    if here in built:
        return built[here]
    others = "; ".join(f"one is of {key}" for key in built) or "it has none"
    raise EngineUnavailable(
        f"no plan of {card.name}/{card.version} is of {here}, which is what runs here: {others}. "
        f"Run `{rebuild(card, here.precision)}`"
    )


def read(card: ModelCard, plan: Artifact, directory: Path) -> bytes:
    """The plan's content, never another: TensorRT does not check what it is given.

    Raises `EngineUnavailable`, with the command to build it again.
    """
    file = directory / plan.file
    try:
        content = file.read_bytes()
    except OSError as error:
        reason = f"cannot be read: {error.strerror}"
    else:
        if hashlib.sha256(content).hexdigest() == plan.sha256:
            return content
        reason = f"({len(content):,} bytes) is not the file that was proven"
    raise EngineUnavailable(f"{file} {reason}. Run `{rebuild(card, plan.precision)}`")
