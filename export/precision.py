"""A lower precision is published only where it was measured to cost next to nothing.

It and float32 answer the same held-out pictures, through the engine that serves. Calibration uses
other pictures, of the training half, so the figures are honest. Needs the packages of training.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, get_args

import numpy as np
from numpy.typing import NDArray

from export.half import halve
from export.parity import ParityError, compare
from export.quantise import quantise
from models.card import Artifact, Compared, ModelCard, Precision
from models.served import Served
from models.weights.download import sha256
from service.engines import Engine, open_engine
from training.digits import LABELS, Bytes, Integers
from training.evaluate import examine
from training.feed import PREPROCESSING, plain_digits
from training.held_out import held_out
from training.recipe import Data
from training.scenes import scenes

MAY_LOSE: Final[dict[Precision, float]] = {"fp16": 0.001, "int8": 0.01}  # of top-1
IMAGES: Final = 2000  # scenes it is judged by; digits: all that are held out
CALIBRATION: Final = 200
SEED: Final = 4  # of the scenes that calibrate
BATCH: Final = 10

Floats = NDArray[np.float32]


class Refused(Exception):
    """This precision is not published; says why, with the figures. The others are."""


def add(precision: Precision, card: ModelCard, directory: Path, served: Served) -> None:
    """Puts the file into `directory` and on `card`, beside float32's; or raises `Refused`."""
    data = held_out_data(card)
    float32, kind = card.artifacts["onnx"], f"onnx_{precision}"
    file = directory / f"model.{precision}.onnx"
    try:
        _write(precision, directory / float32.file, file, data, served.top)
        artifact = replace(float32, file=file.name, sha256=sha256(file), precision=precision)
        card.artifacts[kind] = artifact  # the engine finds its file by the card
        card.artifacts[kind] = _measured(artifact, card, directory, served, data)
    except (Refused, ParityError) as error:
        card.artifacts.pop(kind, None)
        file.unlink()
        raise Refused(str(error)) from error


def held_out_data(card: ModelCard) -> Data:
    """What the weights were trained on and can be judged by; raises `Refused` if there is none."""
    data: Data
    for data in get_args(Data):
        ours = card.weights.name.startswith(f"{data}-") and card.labels == LABELS
        if card.weights.trained and ours and card.preprocessing == PREPROCESSING[data]:
            return data
    raise Refused(
        f"no held-out pictures can show what it costs the weights {card.weights.name!r}, only "
        "those trained here on digits or scenes; leave out --precision"
    )


def _write(precision: Precision, float32: Path, file: Path, data: Data, top: int) -> None:
    if precision == "fp16":
        halve(float32, file)
    else:
        quantise(float32, file, calibration(data), top)


def calibration(data: Data) -> Iterator[Bytes]:
    """Batches of training pictures, of digits on both polarities."""
    if data == "digits":
        dark = plain_digits("train")[0][:CALIBRATION]
        images = np.concatenate([dark, 255 - dark])
        yield from (images[i : i + BATCH] for i in range(0, len(images), BATCH))
        return
    for start in range(0, CALIBRATION, BATCH):
        yield scenes("train", SEED, start, BATCH).images


def _measured(
    artifact: Artifact, card: ModelCard, directory: Path, served: Served, data: Data
) -> Artifact:
    """With its parity and its figures; raises `Refused` if those are not good enough."""
    float32, engine = (
        open_engine("ort", card, directory, device="cpu", lanes=1, precision=precision)
        for precision in ("fp32", artifact.precision)
    )
    try:
        parity = compare(engine, served, card.preprocessing)
        compared = beside(engine, float32, data, card.explained)
    finally:
        engine.close()
        float32.close()
    judge(artifact.precision, compared)
    return replace(artifact, parity=parity, compared=compared)


def beside(engine: Engine, float32: Engine, data: Data, explained: int) -> Compared:
    """Both engines on the held-out pictures."""
    pair = _Pair(engine, float32)
    found = examine(pair.answer, held_out(data, IMAGES), explained=explained).metrics
    return Compared(
        data=data,
        images=int(found["test_images"]),
        top1=found["top1"],
        float32=pair.mean("right"),
        agreement=pair.mean("agrees"),
        maps=pair.mean("correlation"),
    )


def judge(precision: Precision, compared: Compared) -> None:
    """Raises `Refused` if too many pictures are wrong that float32 has right."""
    lost = round((compared.float32 - compared.top1) * compared.images)  # whole pictures
    if lost > MAY_LOSE[precision] * compared.images:
        raise Refused(
            f"{compared.top1:.1%} of {compared.images} held-out {compared.data} are right, with "
            f"float32 {compared.float32:.1%}, and it may lose {MAY_LOSE[precision] * 100:g} points "
            f"(agreement {compared.agreement:.1%}, maps correlate {compared.maps:.3f})"
        )


class _Pair:
    """Answers for `engine`, and notes beside it what `float32` says of the same pictures.

    The first class that `examine` asks about is the true one.
    """

    def __init__(self, engine: Engine, float32: Engine) -> None:
        self._engine, self._float32 = engine, float32
        self._rows: dict[str, list[NDArray[Any]]] = defaultdict(list)

    def answer(self, images: Bytes, asked: Integers) -> tuple[Floats, Floats]:
        reference = self._float32.run(images, np.full_like(asked, -1))
        both = asked.copy()
        both[:, 1] = reference.classes[:, 0]
        found = self._engine.run(images, both)
        chosen = reference.logits.argmax(1)
        self._rows["right"].append(chosen == asked[:, 0])
        self._rows["agrees"].append(chosen == found.logits.argmax(1))
        self._rows["correlation"].append(pearson(found.maps[:, 1], reference.maps[:, 0]))
        return found.logits, found.maps

    def mean(self, name: str) -> float:
        return float(np.concatenate(self._rows[name]).mean())


def pearson(one: Floats, other: Floats) -> Floats:
    """The correlation of each map [n, h', w'] with the other; 0 where one of them is constant."""
    a, b = (maps.reshape(len(maps), -1) for maps in (one, other))
    a, b = (maps - maps.mean(1, keepdims=True) for maps in (a, b))
    size = np.sqrt((a * a).sum(1) * (b * b).sum(1))
    return np.asarray((a * b).sum(1) / np.where(size > 0, size, 1), np.float32)
