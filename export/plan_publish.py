"""A plan is published only if it was seen to say what the float32 ONNX file says.

On the GPU it was built on, through the engine that will serve it: in float32 but for rounding, in
a lower precision as `export.precision` judges it, on held-out pictures.
"""

import tempfile
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from rich.console import Console
from torch import Tensor

from export.half import halve
from export.parity import ParityError, compare, prove
from export.plan_from_onnx import Build, plan_from_onnx
from export.publish import UNPROVEN
from export.quantise import quantise
from models.card import CARD, Artifact, ModelCard, Precision
from models.weights.download import sha256
from service.engines import Engine, open_engine
from service.engines.plan import PlanKey
from service.version import check


@dataclass(frozen=True, slots=True)
class Options:
    max_batch: int = 32
    opt_batch: int = 8  # the one that the plan is tuned for
    limit_s: float = 1800.0


def add(directory: Path, key: PlanKey, options: Options, console: Console) -> Artifact:
    """Builds the plan of the version in `directory`, proves it and puts it on the card.

    It replaces one of the same key. Its log and the timing cache stay in `directory`. If it raises,
    the card is as it was: `CardError`, `BuildFailed`, `EngineUnavailable`, `ParityError`.
    """
    card = ModelCard.read(directory / CARD)
    float32 = card.artifacts["onnx"]
    check(directory / float32.file, float32.sha256)
    # beside the target, so that the rename stays within one file system
    with tempfile.TemporaryDirectory(prefix=".plan-", dir=directory.parent) as temporary:
        work = Path(temporary)
        images = () if key.precision == "fp32" else _calibration(card)
        build = Build(
            onnx=typed(key.precision, directory / float32.file, work, images, card.explained),
            plan=work / key.file,
            timing_cache=directory / "timing.cache",
            log=directory / f"{key.file}.log",
            max_batch=options.max_batch,
            opt_batch=options.opt_batch,
            limit_s=options.limit_s,
        )
        library = plan_from_onnx(build, console).library
        plan = Artifact(
            file=key.file,
            sha256=sha256(build.plan),
            precision=key.precision,
            max_batch=options.max_batch,
            built_with=key.built_with() | {"library": library},
            parity=UNPROVEN,
        )
        plan = _proven(
            plan, replace(card, artifacts=card.artifacts | {key.kind: plan}), directory, work
        )
        build.plan.replace(directory / key.file)
    card = ModelCard.read(directory / CARD)  # again: another plan may have been added meanwhile
    card.artifacts[key.kind] = plan
    card.write(directory / CARD)
    return plan


def typed(
    precision: Precision,
    float32: Path,
    directory: Path,
    images: Iterable[NDArray[np.uint8]],
    top: int,
) -> Path:
    """The ONNX file that TensorRT takes for that precision, written to `directory` if need be."""
    if precision == "fp32":
        return float32
    file = directory / f"model.{precision}.onnx"
    if precision == "fp16":
        halve(float32, file)
    else:
        quantise(float32, file, images, top, for_tensorrt=True)
    return file


@contextmanager
def _judging() -> Iterator[None]:
    """What judges a precision needs the packages of training, and float32 does not."""
    from export.precision import Refused

    try:
        yield
    except Refused as error:
        raise ParityError(str(error)) from error


def _calibration(card: ModelCard) -> Iterable[NDArray[np.uint8]]:
    with _judging():
        from export.precision import calibration, held_out_data

        return calibration(held_out_data(card))


def _proven(plan: Artifact, card: ModelCard, directory: Path, built: Path) -> Artifact:
    """With its parity and its figures. `card` names the plan, which lies in `built` still."""
    with (
        closing(open_engine("ort", card, directory, device="cpu", lanes=1)) as float32,
        closing(
            open_engine("trt", card, built, device="cuda", lanes=1, precision=plan.precision)
        ) as engine,
    ):
        reference = _Float32(float32, card.explained)
        if plan.precision == "fp32":
            return replace(plan, parity=prove(engine, reference, card.preprocessing))
        parity = compare(engine, reference, card.preprocessing)
        with _judging():
            from export.precision import beside, held_out_data, judge

            compared = beside(engine, float32, held_out_data(card), card.explained)
            judge(plan.precision, compared)
    return replace(plan, parity=parity, compared=compared)


class _Float32:
    """The engine of the float32 ONNX file, as a `Reference`."""

    def __init__(self, engine: Engine, top: int) -> None:
        self._engine, self.top = engine, top

    def __call__(self, images: Tensor, asked: Tensor) -> tuple[Tensor, ...]:
        found = self._engine.run(images.numpy(), asked.numpy())
        arrays = (found.logits, found.scores, found.classes, found.maps)
        return tuple(map(torch.from_numpy, arrays))
