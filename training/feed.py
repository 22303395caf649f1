"""What a network is shown: a picture without end, addressed by its place in the stream.

The same place shows the same picture, so a run that stopped resumes where it was. Ten places in a
row show the ten labels.
"""

from collections.abc import Callable
from typing import Final

import numpy as np
from PIL import Image

from models.card import Preprocessing
from training.digits import LABELS, Bytes, Integers, Split, digits
from training.recipe import Data, Phase
from training.scenes import FULL, scenes

Batch = tuple[Bytes, Integers]  # pictures uint8 [n, h, w, c], labels [n]
Feed = Callable[[int, Phase], Batch]  # place in the stream, phase -> one batch

PREPROCESSING: Final[dict[Data, Preprocessing]] = {
    # Dark ink on white paper, as in a photograph of a digit. The lecture's numbers (LeCun 1998,
    # section III.B): paper -0.1 and ink 1.175. Paper is the *larger* pixel, so the scale
    # 1 / (-0.1 - 1.175) is negative: the picture is inverted by its normalisation.
    "digits": Preprocessing(
        channels=1,
        size=32,
        resize=32,
        interpolation="bilinear",
        mean=(1.175 / 1.275,),
        std=(-1 / 1.275,),
    ),
    "scenes": Preprocessing(
        channels=3,
        size=224,
        resize=224,
        interpolation="bilinear",
        mean=(0.5, 0.5, 0.5),
        std=(0.25, 0.25, 0.25),
    ),
}

LENET_SIDE: Final = 32


def feed(data: Data, seed: int) -> Feed:
    """The stream of training pictures that `seed` gives."""
    if data == "digits":
        return lambda place, phase: _digit_batch(seed, place, phase.batch)
    return lambda place, phase: _scene_batch(seed, place, phase)


def _scene_batch(seed: int, place: int, phase: Phase) -> Batch:
    difficulty = phase.difficulty or FULL
    drawn = scenes("train", seed, place, phase.batch, phase.side, difficulty)
    return drawn.images, drawn.labels


def _digit_batch(seed: int, place: int, batch: int) -> Batch:
    drawn = [_wobbly_digit(seed, place + i) for i in range(batch)]
    return np.stack([image for image, _ in drawn]), np.array([label for _, label in drawn])


def _wobbly_digit(seed: int, place: int) -> tuple[Bytes, int]:
    """One training digit, moved, slanted, scaled; every second one light on dark."""
    rng = np.random.default_rng([seed, place])
    source, label = digits("train"), place % len(LABELS)
    ink = source.ink[rng.choice(source.of(label))]
    zoom = rng.uniform(0.9, 1.5) / 4  # cells a pixel: 8 cells over 32 pixels
    stretch = rng.uniform(0.85, 1.15)
    slant, tilt = rng.uniform(-0.25, 0.25, 2)
    shift = 4 + 2 + rng.uniform(-0.6, 0.6, 2)  # middle of the digit, inside two cells of paper
    half = LENET_SIDE / 2
    matrix = (
        *(zoom * stretch, slant * zoom, shift[0] - half * zoom * (stretch + slant)),
        *(tilt * zoom, zoom, shift[1] - half * zoom * (tilt + 1)),
    )
    padded = Image.fromarray(np.pad(ink, 2))
    size, affine = (LENET_SIDE, LENET_SIDE), Image.Transform.AFFINE
    drawn = np.asarray(padded.transform(size, affine, matrix, Image.Resampling.BICUBIC))
    dark, light = rng.integers(0, 70), rng.integers(170, 256)
    shown = (light * (255 - drawn.astype(np.int64)) + dark * drawn) // 255
    if rng.integers(2):
        shown = 255 - shown
    return shown.astype(np.uint8)[..., None], label


def fitted(images: Bytes, side: int, channels: int) -> Bytes:
    """The pictures [n, h, w, c] as [n, side, side, channels]: enlarged, made grey or coloured."""
    if images.shape[1:] == (side, side, channels):
        return images
    mode = "L" if channels == 1 else "RGB"
    pictures = [
        Image.fromarray(image.squeeze(-1) if image.shape[-1] == 1 else image) for image in images
    ]
    resized = [p.convert(mode).resize((side, side), Image.Resampling.BILINEAR) for p in pictures]
    return np.stack([np.asarray(p).reshape(side, side, channels) for p in resized])


def plain_digits(split: Split) -> Batch:
    """All digits of one half as they are: scaled to 32x32, dark on white [n, 32, 32, 1]."""
    source = digits(split)
    size = (LENET_SIDE, LENET_SIDE)
    large = [Image.fromarray(ink).resize(size, Image.Resampling.BICUBIC) for ink in source.ink]
    return 255 - np.stack([np.asarray(picture) for picture in large])[..., None], source.labels
