"""A class activation map as a picture: colours from the inferno scale, over the photograph."""

import base64
import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image

# nine points of matplotlib's inferno (CC0), equal steps, linear between them
POINTS = np.array(
    [
        (0, 0, 4),
        (31, 12, 72),
        (85, 15, 109),
        (136, 34, 106),
        (186, 54, 85),
        (227, 89, 51),
        (249, 140, 10),
        (249, 201, 50),
        (252, 255, 164),
    ]
)
PALETTE = [
    round(float(value))
    for step in np.linspace(0, len(POINTS) - 1, 256)
    for value in (np.interp(step, range(len(POINTS)), channel) for channel in POINTS.T)
]
OPACITY = 0.65  # of the map's peak over the photograph; less where the map is low


def heatmap(values: NDArray[np.float32], side: int) -> Image.Image:
    """The map [h, w] of 0..1 in colours, `side` x `side` pixels."""
    image = _grey(values, side)
    image.putpalette(PALETTE)
    return image.convert("RGB")


def overlay(values: NDArray[np.float32], photograph: NDArray[np.uint8]) -> Image.Image:
    """The map over what the network saw: pixels [side, side, 1 or 3]."""
    side = photograph.shape[0]
    below = Image.fromarray(photograph.squeeze()).convert("RGB")
    mask = _grey(values, side).point(lambda value: round(OPACITY * (51 + 0.8 * value)))
    return Image.composite(heatmap(values, side), below, mask)


def _grey(values: NDArray[np.float32], side: int) -> Image.Image:
    image = Image.fromarray((values * 255).round().astype(np.uint8))
    return image.resize((side, side), Image.Resampling.BICUBIC)


def png(image: Image.Image) -> bytes:
    out = io.BytesIO()
    image.save(out, "PNG", compress_level=1)  # PNG encoding frees the lock; level 1 is 7 x faster
    return out.getvalue()


def data_url(image: Image.Image) -> str:
    return "data:image/png;base64," + base64.b64encode(png(image)).decode()
