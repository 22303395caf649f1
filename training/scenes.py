"""Digit scenes: one real digit on a piece of a real photograph, and where it lies.

A scene follows from `(split, seed, index)`, resolution and difficulty, the same on every machine:
NumPy's PCG64 chooses, Pillow's 8-bit resampling and integers paint, and no sine, exponential or
normal deviate (whose last bit is the C library's) takes part.

The difficulty is ours to choose, and `FULL` is what is reported: the digit takes 0.25 to 0.6 of
the side, is slanted by up to 0.3, tilted by up to 0.15 and stretched by up to 1.2, in one random
colour whose luma is at least 80 (of 255) lighter or darker than the photograph behind it; the
photograph keeps 0.4 to 0.9 of its contrast; up to six pieces of other digits, each at most 0.15
of the side, lie about but never on the digit. Such a scene is easy for a person.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from PIL import Image

from training.digits import CELLS, LABELS, Bytes, Digits, Integers, Split, digits
from training.photographs import photographs

SIDE: Final = 224
Box = tuple[int, int, int, int]  # left, top, right, bottom; right and bottom are outside

_PAD: Final = 2  # cells of paper around the digit, for the bicubic kernel to reach into
_PATCH: Final = 1.6  # the patch drawn, in digits: room for slant and stretch
# A steep edge: the digits were scanned, so blowing up 8x8 cells must not leave fog around them.
_EDGE: Final = np.array([min(255, max(0, (ink - 72) * 3)) for ink in range(256)], np.uint8)


@dataclass(frozen=True, slots=True)
class Difficulty:
    """Ranges are (least, most). `photograph` 0 is a flat colour, 1 the photograph untouched.

    `recolour` shuffles and inverts the photograph's colour channels: thirteen photographs are
    few, and the digit must not be found by what is unusual in them. For training only.
    """

    size: tuple[float, float] = (0.25, 0.6)
    photograph: tuple[float, float] = (0.4, 0.9)
    slant: float = 0.3
    tilt: float = 0.15
    stretch: float = 1.2
    contrast: int = 80
    pieces: int = 6
    recolour: bool = False


FULL: Final = Difficulty()


@dataclass(frozen=True, slots=True)
class Scenes:
    """`images` uint8 [n, side, side, 3], `labels` [n], `boxes` [n, 4] as `Box`."""

    images: Bytes
    labels: Integers
    boxes: Integers


def scenes(
    split: Split, seed: int, start: int, count: int, side: int = SIDE, difficulty: Difficulty = FULL
) -> Scenes:
    """Scenes `start` to `start + count`; ten in a row show ten different digits."""
    drawn = [scene(split, seed, start + i, side, difficulty) for i in range(count)]
    return Scenes(
        images=np.stack([image for image, _, _ in drawn]),
        labels=np.array([label for _, label, _ in drawn], dtype=np.int64),
        boxes=np.array([box for _, _, box in drawn], dtype=np.int64),
    )


def scene(
    split: Split, seed: int, index: int, side: int = SIDE, difficulty: Difficulty = FULL
) -> tuple[Bytes, int, Box]:
    """One scene uint8 [side, side, 3], its label and the box of its ink."""
    rng = np.random.default_rng([("train", "test").index(split), seed, index])
    source, label = digits(split), index % len(LABELS)
    canvas = _background(rng, split, side, difficulty)
    mask = _digit(rng, source, label, side * rng.uniform(*difficulty.size), difficulty)
    mask = mask[:side, :side]
    height, width = mask.shape
    left, top = _place(rng, side - width), _place(rng, side - height)
    box = (left, top, left + width, top + height)
    for _ in range(rng.integers(difficulty.pieces + 1)):
        _litter(rng, canvas, source, box, difficulty)
    _paint(rng, canvas, mask, left, top, difficulty.contrast)
    return canvas, label, box


def _place(rng: np.random.Generator, room: int) -> int:
    return int(rng.integers(max(room, 0) + 1))


def _background(rng: np.random.Generator, split: Split, side: int, difficulty: Difficulty) -> Bytes:
    pictures = photographs(split)
    photograph = pictures[rng.integers(len(pictures))]
    crop = int(min(photograph.size) * rng.uniform(0.4, 1.0))
    left, top = (_place(rng, full - crop) for full in photograph.size)
    area = (left, top, left + crop, top + crop)
    reduced = photograph.resize((side, side), Image.Resampling.BILINEAR, area, reducing_gap=1.0)
    canvas = np.asarray(reduced)
    if rng.integers(2):
        canvas = canvas[:, ::-1]
    if difficulty.recolour:
        canvas = canvas[..., rng.permutation(3)] ^ np.uint8(255 * rng.integers(2))
    keep = int(256 * rng.uniform(*difficulty.photograph))  # of 256
    fade = rng.integers(40, 216, 3) * (256 - keep)  # towards a random colour
    mixed: Bytes = (canvas * np.uint16(keep) + fade.astype(np.uint16) >> 8).astype(np.uint8)
    return mixed


def _digit(
    rng: np.random.Generator, source: Digits, label: int, size: float, difficulty: Difficulty
) -> Bytes:
    """The ink of one digit of that label, slanted and stretched, cut to where ink is."""
    ink = source.ink[rng.choice(source.of(label))]
    return _slanted(rng, ink, size, difficulty)


def _slanted(rng: np.random.Generator, ink: Bytes, size: float, difficulty: Difficulty) -> Bytes:
    """`ink` with its longer side drawn `size` pixels long, cut to where ink is."""
    slant = rng.uniform(-difficulty.slant, difficulty.slant)
    tilt = rng.uniform(-difficulty.tilt, difficulty.tilt)
    stretch = rng.uniform(1, difficulty.stretch)
    if rng.integers(2):
        stretch = 1 / stretch
    rows, columns = ink.shape
    cell = size / max(rows, columns)  # pixels
    across, down = (int(_PATCH * n * cell) + 2 for n in (columns, rows))
    x, y = stretch / cell, 1 / cell  # cells a pixel
    middle = columns / 2 + _PAD, rows / 2 + _PAD
    matrix = (
        *(x, slant * y, middle[0] - x * across / 2 - slant * y * down / 2),
        *(tilt * x, y, middle[1] - tilt * x * across / 2 - y * down / 2),
    )
    padded = np.zeros((rows + 2 * _PAD, columns + 2 * _PAD), np.uint8)
    padded[_PAD:-_PAD, _PAD:-_PAD] = ink
    patch = Image.fromarray(padded).transform(
        (across, down), Image.Transform.AFFINE, matrix, Image.Resampling.BICUBIC
    )
    drawn = _EDGE[np.asarray(patch)]
    lines, posts = np.flatnonzero(drawn.any(1)), np.flatnonzero(drawn.any(0))
    if not len(lines):  # too faint a piece to leave a mark
        lines = posts = np.zeros(1, np.int64)
    cut: Bytes = drawn[lines[0] : lines[-1] + 1, posts[0] : posts[-1] + 1]
    return cut


def _litter(
    rng: np.random.Generator, canvas: Bytes, source: Digits, box: Box, difficulty: Difficulty
) -> None:
    """Paints a piece of some digit, four cells wide and high, unless it would touch `box`."""
    side = len(canvas)
    row, column = (int(n) for n in rng.integers(CELLS - 3, size=2))
    ink = source.ink[rng.integers(len(source.ink)), row : row + 4, column : column + 4]
    mask = _slanted(rng, ink, side * rng.uniform(0.06, 0.1), difficulty)
    height, width = mask.shape
    left, top = _place(rng, side - width), _place(rng, side - height)
    apart = left >= box[2] or box[0] >= left + width or top >= box[3] or box[1] >= top + height
    if apart:
        _paint(rng, canvas, mask, left, top, difficulty.contrast)


def _paint(
    rng: np.random.Generator, canvas: Bytes, mask: Bytes, left: int, top: int, contrast: int
) -> None:
    """Lays one colour through `mask`, its luma at least `contrast` from what lies behind."""
    height, width = mask.shape
    behind = canvas[top : top + height, left : left + width]
    shade = _luma([int(v) for v in behind.mean((0, 1), dtype=np.float64)])
    colours = rng.integers(256, size=(12, 3)).tolist()
    colours.append([0, 0, 0] if shade >= 128 else [255, 255, 255])  # the one that always differs
    colour = next(c for c in colours if abs(_luma(c) - shade) >= contrast)
    ink = mask[..., None].astype(np.int32)
    behind[:] = (behind * (255 - ink) + np.array(colour, np.int32) * ink + 127) // 255


def _luma(colour: list[int]) -> int:
    red, green, blue = colour
    return (299 * red + 587 * green + 114 * blue) // 1000
