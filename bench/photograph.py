"""The image that every client sends: a real photograph, 500 x 375 JPEG of about 44 kB."""

import io
from pathlib import Path

from PIL import Image

SIZE = (500, 375)
SOURCE = Path(__file__).parents[1] / "service" / "page" / "examples" / "coffee.jpg"


def photograph() -> bytes:
    """The bytes of the file. The centre of the source in 4:3."""
    with Image.open(SOURCE) as image:
        wide = image.height * SIZE[0] / SIZE[1]
        left = (image.width - wide) / 2
        box = (left, 0, left + wide, image.height)
        small = image.resize(SIZE, Image.Resampling.LANCZOS, box=box)
    file = io.BytesIO()
    small.save(file, "JPEG", quality=85)
    return file.getvalue()
