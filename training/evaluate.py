"""How good weights are, on digits and photographs they never saw, through what will serve.

Whatever answers is measured through one seam, `Answer`: the torch module here, or a serving engine.
The pointing game (Zhang et al. 2016, "Top-down Neural Attention by Excitation Backprop"): the map
of the true class, enlarged to the picture's size, has its peak on the digit's box or at most 15
pixels from it. Enlarged bilinearly (half-pixel centres, as Pillow and torch do); of equal peaks the
first in reading order counts; a constant map points nowhere and misses.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import torch
from torch.nn import functional

from models.architecture import Network
from models.card import Preprocessing
from models.served import Served
from service.engines import Engine
from training.digits import LABELS, Bytes, Integers
from training.feed import plain_digits
from training.recipe import Data
from training.scenes import SIDE, scenes

Floats = npt.NDArray[np.float32]
# images uint8 [n, h, w, c], asked [n, k] -> logits [n, classes], maps [n, k, h', w']
Answer = Callable[[Bytes, Integers], tuple[Floats, Floats]]

TEST_SEED: Final = 0
MARGIN: Final = 15  # pixels, at 224
_BATCH: Final = 25


@dataclass(frozen=True, slots=True)
class Batch:
    images: Bytes
    labels: Integers
    boxes: Integers | None = None


def from_network(network: Network, preprocessing: Preprocessing) -> Answer:
    """Answers as the exported graph will, in eager torch."""
    served = Served(network, preprocessing, len(LABELS)).eval()

    def answer(images: Bytes, asked: Integers) -> tuple[Floats, Floats]:
        with torch.inference_mode():
            logits, _, _, maps = served(torch.from_numpy(images), torch.from_numpy(asked))
        return logits.numpy(), maps.numpy()

    return answer


def from_engine(engine: Engine) -> Answer:
    """Answers of the very engine that serves."""

    def answer(images: Bytes, asked: Integers) -> tuple[Floats, Floats]:
        outputs = engine.run(images, asked)
        return outputs.logits, outputs.maps

    return answer


def evaluate(
    answer: Answer, data: Data, *, images: int, explained: int = 5, batch: int = _BATCH
) -> dict[str, float]:
    """Shares of 1 on `images` held-out pictures (digits: on all there are), by name.

    `explained` is k, the number of classes `answer` is asked about at once. `pointing_chance` is
    what a peak at a random pixel would reach.
    """
    if data == "digits":
        dark = _measure(answer, _digits(inverted=False, batch=batch), explained)
        light = _measure(answer, _digits(inverted=True, batch=batch), explained)
        return dark | {"top1_light_on_dark": light["top1"]}
    return _measure(answer, _scenes(images, batch), explained)


def _measure(answer: Answer, batches: Iterator[Batch], explained: int) -> dict[str, float]:
    rows: dict[str, list[npt.NDArray[Any]]] = {}
    for batch in batches:
        asked = np.full((len(batch.labels), explained), -1, np.int64)
        asked[:, 0] = batch.labels
        logits, maps = answer(batch.images, asked)
        better = (logits > np.take_along_axis(logits, batch.labels[:, None], 1)).sum(1)
        found = {"top1": better < 1, "top5": better < 5}
        if batch.boxes is not None:
            found["pointing"] = points(maps[:, 0], batch.boxes)
            found["pointing_chance"] = np.array([_chance(box) for box in batch.boxes])
        for name, values in found.items():
            rows.setdefault(name, []).append(values)
    figures = {name: float(np.concatenate(values).mean()) for name, values in rows.items()}
    return figures | {"test_images": float(sum(map(len, rows["top1"])))}


def _digits(*, inverted: bool, batch: int) -> Iterator[Batch]:
    images, labels = plain_digits("test")
    shown = 255 - images if inverted else images
    for start in range(0, len(labels), batch):
        yield Batch(shown[start : start + batch], labels[start : start + batch])


def _scenes(images: int, batch: int) -> Iterator[Batch]:
    for start in range(0, images, batch):
        drawn = scenes("test", TEST_SEED, start, min(batch, images - start))
        yield Batch(drawn.images, drawn.labels, drawn.boxes)


def points(maps: Floats, boxes: Integers) -> npt.NDArray[np.bool_]:
    """Whether the peak of each map [n, h', w'] lies on its box [n, 4] or within the margin."""
    large = functional.interpolate(
        torch.from_numpy(maps)[:, None], size=(SIDE, SIDE), mode="bilinear", align_corners=False
    ).flatten(1)
    row, column = np.divmod(large.numpy().argmax(1), SIDE)
    varied = (large.amax(1) > large.amin(1)).numpy()
    near = _distance(column, boxes[:, 0], boxes[:, 2]) + _distance(row, boxes[:, 1], boxes[:, 3])
    return np.asarray(varied & (near <= MARGIN**2))


def _distance(place: Integers, first: Integers, end: Integers) -> Integers:
    """The squared distance, along one axis, of a pixel from the pixels `first` to `end` - 1."""
    return np.asarray(np.maximum(0, np.maximum(first - place, place - (end - 1))) ** 2)


def _chance(box: Integers) -> float:
    place = np.arange(SIDE)
    across, down = (_distance(place, box[i], box[i + 2]) for i in (0, 1))
    return float((across[None] + down[:, None] <= MARGIN**2).mean())
