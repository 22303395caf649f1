"""What a network is trained on, made to fit any network: digits, scenes, or a user's folder."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Final

import numpy as np
from PIL import Image

from models.architecture import Architecture
from models.card import Preprocessing
from service.images import FILTERS
from training.digits import LABELS, Bytes, digits
from training.feed import PREPROCESSING, Batch, Feed, feed, fitted, plain_digits
from training.folder import Folder, folder, pixels, readable, split
from training.recipe import Data, Phase, difficulty
from training.scenes import scenes
from training.ship import trained_on

VALIDATION_SEED: Final = 2**31  # of the pictures between the epochs; no run has this seed
VALIDATION: Final = 200  # of them
TEST_SCENES: Final = 500
SHARE: Final = 0.2  # of a folder that is held out
SPLIT_SEED: Final = 1  # whatever the run's seed, so that runs can be compared
CACHED: Final = 2000  # decoded pictures of a folder: 0.4 GB at 256 pixels
AREA: Final = (0.5, 1.0)  # of a picture that a training crop shows
RATIO: Final = (3 / 4, 4 / 3)  # of its width to its height
_BATCH: Final = 25


@dataclass(frozen=True, slots=True)
class Pictures:
    """A stream to learn from, and fixed pictures that it never shows.

    `validation` is looked at after every epoch. `held_out` is what the card's figures are measured
    on: the test half of digits and scenes, which is not looked at before; of a folder it is the
    validation split again. An epoch is as many pictures as there are to learn from.
    """

    name: str
    words: str
    labels: tuple[str, ...]
    epoch: int
    feed: Feed
    validation: tuple[Batch, ...]
    held_out: Callable[[], Iterator[Batch]]
    measured: str = "test_images"  # the card's name for how many are held out
    skipped: tuple[str, ...] = ()  # unreadable files, and why


def labels(data: str) -> tuple[str, ...]:
    """The classes, before any picture is opened. Raises `DataError`."""
    return LABELS if data in {"digits", "scenes"} else folder(Path(data)).classes


def preprocessing(architecture: Architecture, data: str) -> Preprocessing:
    """How pictures become the input of a network that starts at random."""
    size, channels = architecture.size, architecture.channels
    if data == "digits":
        ink = PREPROCESSING["digits"]
        mean, std = ink.mean * channels, ink.std * channels
        return Preprocessing(channels, size, size, "bilinear", mean, std)
    resize = size if data == "scenes" or size < 64 else round(size * 256 / 224)
    return Preprocessing(channels, size, resize, "bilinear", (0.5,) * channels, (0.25,) * channels)


def pictures(data: str, prepared: Preprocessing, seed: int, *, flip: bool) -> Pictures:
    """`data` is digits, scenes or the path of a folder. Raises `DataError`."""
    if data in {"digits", "scenes"}:
        return _made("digits" if data == "digits" else "scenes", prepared, seed)
    return _own(Path(data), prepared, seed, flip=flip)


def _made(data: Data, p: Preprocessing, seed: int) -> Pictures:
    def shown(seed: int) -> Feed:
        draw = feed(data, seed)

        def batch(place: int, phase: Phase) -> Batch:
            images, labels = draw(place, phase)
            return fitted(images, phase.side, p.channels), labels

        return batch

    phase = Phase(1.0, p.size, _BATCH, difficulty(data))
    fresh = shown(VALIDATION_SEED)
    return Pictures(
        name=data,
        words=trained_on(data),
        labels=LABELS,
        epoch=len(digits("train").labels),
        feed=shown(seed),
        validation=tuple(fresh(place, phase) for place in range(0, VALIDATION, _BATCH)),
        held_out=lambda: _test(data, p),
    )


def _test(data: Data, p: Preprocessing) -> Iterator[Batch]:
    if data == "digits":
        images, labels = plain_digits("test")
        for start in range(0, len(labels), _BATCH):
            part = slice(start, start + _BATCH)
            yield fitted(images[part], p.size, p.channels), labels[part]
        return
    for start in range(0, TEST_SCENES, _BATCH):
        drawn = scenes("test", 0, start, _BATCH, p.size)
        yield fitted(drawn.images, p.size, p.channels), drawn.labels


def _own(path: Path, p: Preprocessing, seed: int, *, flip: bool) -> Pictures:
    whole, skipped = readable(folder(path), p)
    learned, held = split(whole, SHARE, SPLIT_SEED)
    name = path.resolve().name
    return Pictures(
        name=name,
        words=f"{len(learned.files)} pictures of {len(whole.classes)} classes in {name}",
        labels=whole.classes,
        epoch=len(learned.files),
        feed=_augmented(learned, p, seed, flip=flip),
        validation=tuple(_plain(held, p)),
        held_out=lambda: _plain(held, p),
        measured="validation_images",
        skipped=skipped,
    )


def _plain(held: Folder, p: Preprocessing) -> Iterator[Batch]:
    """Exactly what the service would show the network."""
    for start in range(0, len(held.files), _BATCH):
        part = slice(start, start + _BATCH)
        images = np.stack([pixels(file, p) for file in held.files[part]])
        yield images, np.array(held.labels[part], np.int64)


def _augmented(learned: Folder, p: Preprocessing, seed: int, *, flip: bool) -> Feed:
    """Every file once an epoch, in random order: decoded as the service does, then cropped."""
    square = replace(p, size=p.resize)  # the middle square, whole

    @lru_cache(CACHED)
    def decoded(row: int) -> Bytes:
        return pixels(learned.files[row], square)

    @lru_cache(2)
    def order(epoch: int) -> list[int]:
        rows: list[int] = np.random.default_rng([seed, epoch]).permutation(count).tolist()
        return rows

    count = len(learned.files)

    def batch(place: int, phase: Phase) -> Batch:
        rows = [order(at // count)[at % count] for at in range(place, place + phase.batch)]
        generators = (np.random.default_rng([seed, place + i, 1]) for i in range(phase.batch))
        images = [
            _crop(decoded(row), rng, phase.side, p, flip=flip)
            for row, rng in zip(rows, generators, strict=True)
        ]
        return np.stack(images), np.array([learned.labels[row] for row in rows], np.int64)

    return batch


def _crop(
    image: Bytes, rng: np.random.Generator, side: int, p: Preprocessing, *, flip: bool
) -> Bytes:
    """A random part of the picture [h, w, c] as [side, side, c], mirrored in half of the cases."""
    full = len(image)
    ratio = np.exp(rng.uniform(*np.log(RATIO)))
    area = full * full * rng.uniform(*AREA)
    width, height = (min(full, (area * r) ** 0.5) for r in (ratio, 1 / ratio))
    left, top = rng.uniform(0, full - width), rng.uniform(0, full - height)
    picture = Image.fromarray(image.squeeze(-1) if p.channels == 1 else image)
    box = (left, top, left + width, top + height)
    part = np.asarray(picture.resize((side, side), FILTERS[p.interpolation], box))
    part = part.reshape(side, side, p.channels)
    return part[:, ::-1] if flip and rng.integers(2) else part
