"""The photographs behind the digits: those that scikit-learn and scikit-image install.

Nothing is downloaded. The two halves share no photograph, nor two views of one place (the
motorcycle is a stereo pair, so both its pictures train). Pictures with writing are left out: a
page of text would bring digits of its own.
"""

from functools import cache
from importlib.resources import files
from typing import Final

from PIL import Image

from training.digits import Split

PHOTOGRAPHS: Final[dict[Split, tuple[str, ...]]] = {
    "train": (
        "sklearn.datasets/images/china.jpg",
        "skimage/data/astronaut.png",
        "skimage/data/chelsea.png",
        "skimage/data/coffee.png",
        "skimage/data/hubble_deep_field.jpg",
        "skimage/data/ihc.png",
        "skimage/data/motorcycle_left.png",
        "skimage/data/motorcycle_right.png",
        "skimage/data/brick.png",
        "skimage/data/grass.png",
        "skimage/data/moon.png",
        "skimage/data/coins.png",
        "skimage/data/cell.png",
    ),
    "test": (
        "sklearn.datasets/images/flower.jpg",
        "skimage/data/rocket.jpg",
        "skimage/data/camera.png",
        "skimage/data/retina.jpg",
        "skimage/data/gravel.png",
    ),
}
SHORTER_SIDE: Final = 448  # enough for a crop at 224, and small enough to be cropped quickly


@cache
def photographs(split: Split) -> tuple[Image.Image, ...]:
    """The photographs of one half, in RGB, the shorter side at most 448 pixels."""
    return tuple(_read(name) for name in PHOTOGRAPHS[split])


def _read(name: str) -> Image.Image:
    package, _, path = name.partition("/")
    with (files(package) / path).open("rb") as file, Image.open(file) as picture:
        photograph = picture.convert("RGB")
    shrink = SHORTER_SIDE / min(photograph.size)
    if shrink >= 1:
        return photograph
    width, height = photograph.size
    return photograph.resize((round(width * shrink), round(height * shrink)), Image.Resampling.BOX)
