"""What networks are measured on: digits, scenes, or a folder of somebody's pictures."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from models.card import Preprocessing
from models.labels import labels as label_set
from models.labels import synsets
from training.digits import Bytes, Integers
from training.feed import plain_digits
from training.folder import DataError, Folder, pixels
from training.recipe import Data
from training.scenes import scenes

TEST_SEED: Final = 0
SCENES: Final = 2000  # as on the shipped cards


@dataclass(frozen=True, slots=True)
class Batch:
    """`images` uint8 [n, h, w, c], `labels` [n], the objects' `boxes` [n, 4] where they are known.

    `unreadable` says why, of each file that should be in this batch and is not.
    """

    images: Bytes
    labels: Integers
    boxes: Integers | None = None
    unreadable: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class HeldOut:
    """So many `images`; `batches(n)` goes through all of them once, n at a time."""

    name: str
    images: int
    batches: Callable[[int], Iterator[Batch]]


def held_out(data: Data, images: int) -> HeldOut:
    """All held-out digits, or the first `images` held-out scenes."""
    return held_out_digits() if data == "digits" else _scenes(images)


def held_out_digits(*, inverted: bool = False) -> HeldOut:
    """Dark on light as in a photograph, or `inverted`."""
    images, labels = plain_digits("test")
    shown = 255 - images if inverted else images

    def batches(size: int) -> Iterator[Batch]:
        for start in range(0, len(labels), size):
            yield Batch(shown[start : start + size], labels[start : start + size])

    return HeldOut("digits", len(labels), batches)


def _scenes(images: int) -> HeldOut:
    def batches(size: int) -> Iterator[Batch]:
        for start in range(0, images, size):
            drawn = scenes("test", TEST_SEED, start, min(size, images - start))
            yield Batch(drawn.images, drawn.labels, drawn.boxes)

    return HeldOut("scenes", images, batches)


def held_out_folder(
    name: str,
    listed: Folder,
    names: tuple[str, ...],
    preprocessing: Preprocessing,
    images: int | None = None,
) -> HeldOut:
    """Pictures of a folder, as the service would decode them, for a network that knows `names`.

    All of them, or `images` evenly spaced ones. Raises `DataError` for a folder whose name is no
    class of the network.
    """
    outputs = np.array(outputs_of(listed.classes, names))
    count = min(images or len(listed.files), len(listed.files))
    places = np.linspace(0, len(listed.files), count, endpoint=False).astype(np.int64)

    def batches(size: int) -> Iterator[Batch]:
        for start in range(0, count, size):
            chosen = listed.take(places[start : start + size].tolist())
            yield _decoded(chosen.files, outputs[list(chosen.labels)], preprocessing)

    return HeldOut(name, count, batches)


def _decoded(files: tuple[Path, ...], labels: Integers, preprocessing: Preprocessing) -> Batch:
    seen, good, bad = [], [], []
    for file, label in zip(files, labels, strict=True):
        try:
            seen.append(pixels(file, preprocessing))
        except DataError as error:
            bad.append(str(error))
        else:
            good.append(label)
    p = preprocessing
    images = np.stack(seen) if seen else np.empty((0, p.size, p.size, p.channels), np.uint8)
    return Batch(images, np.array(good, np.int64), unreadable=tuple(bad))


def outputs_of(classes: tuple[str, ...], names: tuple[str, ...]) -> list[int]:
    """The output of the network that stands for each folder, where the outputs are called `names`.

    Folders are called as the classes are or, for the classes of ImageNet, by their WordNet numbers
    (n01440764). Raises `DataError` and names the folders that are neither.
    """
    place = {name: i for i, name in enumerate(names)}
    if names == label_set("imagenet"):
        place |= {synset: i for i, synset in enumerate(synsets())}
    if unknown := [name for name in classes if name not in place]:
        known = ", ".join(names[:10]) + (f" and {len(names) - 10} more" if names[10:] else "")
        raise DataError(
            f"the network has no class {', '.join(unknown[:5])}{' ...' if unknown[5:] else ''}: "
            f"name the folders after its classes, which are {known}"
        )
    return [place[name] for name in classes]
