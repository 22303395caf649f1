"""How good weights are, on pictures they never saw, through what will serve.

Whatever answers is measured through one seam, `Answer`: the torch module here, or a serving engine.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import torch

from models.architecture import Network
from models.card import Preprocessing
from models.served import Served
from service.engines import Engine
from training.digits import LABELS, Bytes, Integers
from training.folder import DataError
from training.held_out import Batch, HeldOut, held_out, held_out_digits
from training.metrics import (
    Floats,
    calibration_error,
    chance,
    confidences,
    energy_inside,
    points,
)
from training.recipe import Data

# images uint8 [n, h, w, c], asked [n, k] -> logits [n, classes], maps [n, k, h', w']
Answer = Callable[[Bytes, Integers], tuple[Floats, Floats]]
Tell = Callable[[int], None]  # told how many more pictures are done

BATCH: Final = 25
_TOP: Final = 5


@dataclass(frozen=True, slots=True)
class Evaluation:
    """`metrics` by name, shares of 1; the true `labels` [n] and the `chosen` classes [n].

    `values` has the pictures' own figures [n], whose means are metrics; `classes` is the number of
    the network's outputs; `unreadable` says why, of each file skipped.
    """

    metrics: dict[str, float]
    values: dict[str, npt.NDArray[Any]]
    labels: Integers
    chosen: Integers
    classes: int
    unreadable: tuple[str, ...]


def from_network(network: Network, preprocessing: Preprocessing) -> Answer:
    """Answers as the exported graph will, in eager torch, where the network lies."""
    device = next(network.parameters()).device
    served = Served(network, preprocessing, len(LABELS)).to(device).eval()

    def answer(images: Bytes, asked: Integers) -> tuple[Floats, Floats]:
        with torch.inference_mode():
            pixels, classes = (torch.from_numpy(a).to(device) for a in (images, asked))
            logits, _, _, maps = served(pixels, classes)
        return logits.cpu().numpy(), maps.cpu().numpy()

    return answer


def from_engine(engine: Engine) -> Answer:
    """Answers of the very engine that serves."""

    def answer(images: Bytes, asked: Integers) -> tuple[Floats, Floats]:
        outputs = engine.run(images, asked)
        return outputs.logits, outputs.maps

    return answer


def evaluate(
    answer: Answer, data: Data, *, images: int, explained: int = 5, batch: int = BATCH
) -> dict[str, float]:
    """The metrics of `examine` on `images` held-out scenes, or on all held-out digits.

    For digits with `top1_light_on_dark` as well.
    """
    found = examine(answer, held_out(data, images), explained=explained, batch=batch).metrics
    return found | (light_on_dark(answer, explained, batch) if data == "digits" else {})


def light_on_dark(answer: Answer, explained: int, batch: int = BATCH) -> dict[str, float]:
    """Top-1 on the held-out digits with paper and ink exchanged."""
    light = examine(answer, held_out_digits(inverted=True), explained=explained, batch=batch)
    return {"top1_light_on_dark": light.metrics["top1"]}


def examine(
    answer: Answer,
    data: HeldOut,
    *,
    explained: int,
    batch: int = BATCH,
    tell: Tell = lambda _: None,
) -> Evaluation:
    """Shows all of `data` once; `explained` is k, the number of classes asked about at once.

    Metrics: top1; top5 of more than five classes (fewer than five score higher); ece, the expected
    calibration error; where boxes are known pointing, pointing_chance (what a random peak would
    reach) and energy_inside; test_images, a number. Raises `DataError` if no picture can be read,
    `FloatingPointError` for a network whose outputs are infinite or not numbers.
    """
    rows: dict[str, list[npt.NDArray[Any]]] = {}
    classes, unreadable = 0, list[str]()
    for shown in data.batches(batch):
        unreadable += shown.unreadable
        if len(shown.labels):
            asked = np.full((len(shown.labels), explained), -1, np.int64)
            asked[:, 0] = shown.labels
            logits, maps = answer(shown.images, asked)
            if not np.isfinite(logits).all():
                raise FloatingPointError("the network's outputs are not finite: it cannot be used")
            classes = logits.shape[1]
            for name, values in _rows(shown, logits, maps).items():
                rows.setdefault(name, []).append(values)
        tell(len(shown.labels) + len(shown.unreadable))
    if not rows:
        why = f"; the first: {unreadable[0]}" if unreadable else ""
        raise DataError(f"none of the {data.images} pictures can be read{why}")
    columns = {name: np.concatenate(values) for name, values in rows.items()}
    labels, chosen, confidence = (columns.pop(name) for name in ("labels", "chosen", "confidence"))
    metrics = {name: float(values.mean()) for name, values in columns.items()}
    metrics["ece"] = calibration_error(confidence, columns["top1"])
    metrics["test_images"] = float(len(labels))
    return Evaluation(metrics, columns, labels, chosen, classes, tuple(unreadable))


def _rows(shown: Batch, logits: Floats, maps: Floats) -> dict[str, npt.NDArray[Any]]:
    """A value for each picture of the batch, by name."""
    chosen = logits.argmax(1)
    better = (logits > np.take_along_axis(logits, shown.labels[:, None], 1)).sum(1)
    rows: dict[str, npt.NDArray[Any]] = {
        "labels": shown.labels,
        "chosen": chosen,
        "confidence": confidences(logits),
        "top1": chosen == shown.labels,
    }
    if logits.shape[1] > _TOP:
        rows["top5"] = better < _TOP
    if shown.boxes is not None:
        rows["pointing"] = points(maps[:, 0], shown.boxes)
        rows["pointing_chance"] = chance(shown.boxes)
        rows["energy_inside"] = energy_inside(maps[:, 0], shown.boxes)
    return rows
