"""A user's own pictures: one folder a class, as torchvision's ImageFolder has them.

    birds/blackbird/1.jpg
    birds/blackbird/2.jpg
    birds/robin/a.png

Classes are the folders' names in sorted order, so a label is the place of its class. Every visible
file below a class is taken for a picture, whatever its name ends in; `pixels` says if it is none.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from models.card import Preprocessing
from service.errors import BadImage, TooLarge
from service.images import Pixels, decode

MAX_PIXELS: Final = 50_000_000  # as the service, unless it is told otherwise


class DataError(ValueError):
    """A folder that cannot be used; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Folder:
    """`files[i]` shows `classes[labels[i]]`; the files are sorted, class by class."""

    classes: tuple[str, ...]
    files: tuple[Path, ...]
    labels: tuple[int, ...]

    def take(self, places: list[int]) -> "Folder":
        """The same classes with only the files at `places`."""
        files = tuple(self.files[i] for i in places)
        return Folder(self.classes, files, tuple(self.labels[i] for i in places))


def folder(path: Path) -> Folder:
    """Lists what is there and opens nothing.

    Raises `DataError` where `path` is no folder, has no folders in it, or one of them is empty.
    """
    if not path.is_dir():
        raise DataError(f"{path} is no folder: give one that has a folder of pictures a class")
    places = sorted(p for p in path.iterdir() if p.is_dir() and not p.name.startswith("."))
    if not places:
        raise DataError(f"{path} has no folders in it: put the pictures of each class into one")
    found = [_files(place) for place in places]
    if empty := [p.name for p, files in zip(places, found, strict=True) if not files]:
        raise DataError(
            f"no files in {path} for {', '.join(empty)}: add pictures or remove the empty folders"
        )
    labels = tuple(label for label, files in enumerate(found) for _ in files)
    return Folder(tuple(p.name for p in places), tuple(f for fs in found for f in fs), labels)


def _files(place: Path) -> list[Path]:
    return sorted(p for p in place.rglob("*") if p.is_file() and not p.name.startswith("."))


def pixels(file: Path, preprocessing: Preprocessing) -> Pixels:
    """What the service would show the network: uint8 [size, size, channels].

    Raises `DataError` for a file that is no picture or is broken.
    """
    try:
        return decode(file.read_bytes(), preprocessing, MAX_PIXELS).pixels
    except (BadImage, TooLarge, OSError) as error:
        raise DataError(f"{file}: {error}") from error


def readable(listed: Folder, preprocessing: Preprocessing) -> tuple[Folder, tuple[str, ...]]:
    """Decodes every file once: those that can be, and why not for each of the others.

    Raises `DataError` if that leaves a class without pictures.
    """
    good, bad = [], []
    for place, file in enumerate(listed.files):
        try:
            pixels(file, preprocessing)
        except DataError as error:
            bad.append(str(error))
        else:
            good.append(place)
    left = listed.take(good)
    if lost := sorted(set(range(len(listed.classes))) - set(left.labels)):
        names = ", ".join(listed.classes[label] for label in lost)
        raise DataError(f"no picture of {names} can be read; the first is {bad[0]}")
    return left, tuple(bad)


def split(whole: Folder, share: float, seed: int) -> tuple[Folder, Folder]:
    """The larger part to learn from, and about `share` of each class to hold out.

    Stratified, the same for the same seed; at least one picture of a class lies on either side.
    Raises `DataError` for a class of one picture.
    """
    if not 0 < share < 1:
        raise DataError(f"the share held out is {share}: it must lie between 0 and 1")
    rng = np.random.default_rng(seed)
    labels = np.array(whole.labels)
    held: list[int] = []
    for label, name in enumerate(whole.classes):
        places = np.flatnonzero(labels == label)
        if len(places) < 2:
            raise DataError(f"{name} has one picture: to hold one out, each class needs two")
        count = min(max(round(len(places) * share), 1), len(places) - 1)
        held += rng.permutation(places)[:count].tolist()
    out = set(held)
    rest = [i for i in range(len(labels)) if i not in out]
    return whole.take(rest), whole.take(sorted(held))
