"""From the bytes of an image to the pixels a network sees, in torchvision's geometry.

Resize the shorter side, crop the centre: both folded into one `resize(box=…)` of the region that
survives. A JPEG is decoded at 1/2, 1/4 or 1/8 when that still covers the wanted size. Everything
is checked before it is decoded. Runs in a worker thread: Pillow releases the interpreter lock.
"""

import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from models.card import Preprocessing
from service.errors import BadImage, TooLarge

Pixels = NDArray[np.uint8]  # [height, width, channels]

FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "PPM", "AVIF")
FILTERS = {"bilinear": Image.Resampling.BILINEAR, "bicubic": Image.Resampling.BICUBIC}
ORIENTATION = 0x0112  # the EXIF tag
UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
Box = tuple[float, float, float, float]  # left, top, right, bottom

QUICK = 2**19  # bytes; such a JPEG has tens of megapixels at the very most, mostly one
SEQUENTIAL = (b"\xff\xc0", b"\xff\xc1")  # a frame in one pass (ITU-T T.81, table B.1)
BEFORE_FRAME = frozenset((0xC4, 0xDB, 0xDD, *range(0xE0, 0xF0), 0xFE))  # tables, APPn, comments
SEGMENTS = 64  # a photograph has some twenty; more would hold up the event loop

Image.MAX_IMAGE_PIXELS = None  # `max_pixels` below is the limit, and it answers 413


@dataclass(frozen=True, slots=True)
class View:
    """What a network sees of an image; `box` is where that lies, in shares of the upright image."""

    pixels: Pixels
    box: Box


def decode(data: bytes, preprocessing: Preprocessing, max_pixels: int) -> View:
    """The network's view of an image file. Raises `BadImage`, `TooLarge`."""
    return decode_for([preprocessing], data, max_pixels)[0]


def quick(data: bytes) -> bool:
    """Whether decoding it takes milliseconds: a JPEG can be read at an eighth, in one pass.

    Not so a progressive one: it may have any number of passes, each over the whole image.
    """
    if len(data) > QUICK or not data.startswith(b"\xff\xd8"):
        return False
    at = 2  # then segments: 0xFF, its kind, two bytes with the length of all but these two
    for _ in range(SEGMENTS):
        head = data[at : at + 4]
        if len(head) < 4 or head[0] != 0xFF or head[1] not in BEFORE_FRAME:
            break
        at += 2 + max(2, int.from_bytes(head[2:]))
    return data[at : at + 2] in SEQUENTIAL


def decode_for(networks: Sequence[Preprocessing], data: bytes, max_pixels: int) -> list[View]:
    """What each network sees of an image file, which is decoded once, as large as any needs it.

    Animated: the first frame. EXIF orientation is obeyed, alpha composed on white; 16-bit, CMYK
    and palette images are converted. Raises `BadImage`, or `TooLarge` before decoding anything.
    """
    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as image:
            if image.width * image.height > max_pixels:
                raise TooLarge(
                    f"the image has {image.width} x {image.height} pixels, the limit is "
                    f"{max_pixels / 1e6:.0f} megapixels: send a smaller one"
                )
            return _views(image, networks)
    except UnidentifiedImageError:
        known = ", ".join(FORMATS)
        raise BadImage(f"the {len(data)} bytes are no image file; known are {known}") from None
    except (OSError, SyntaxError, ValueError, EOFError, MemoryError) as error:
        raise BadImage(f"the image is broken or incomplete: {error}") from error


def _views(image: Image.Image, networks: Sequence[Preprocessing]) -> list[View]:
    orientation = image.getexif().get(ORIENTATION, 1)
    stored = image.size
    # the file may be larger than needed by 2, 4 or 8: then decode that much less of it
    mode = "RGB" if any(p.channels == 3 for p in networks) else "L"
    scale = max(p.resize for p in networks) / min(stored)
    drafted = image.draft(mode, (round(stored[0] * scale), round(stored[1] * scale)))
    # an odd side leaves half a pixel that counts for the geometry: Pillow tells the exact size
    size = drafted[1][2:] if drafted else stored
    flat = flatten(image, mode)
    return [_view(flat, size, stored, orientation, p) for p in networks]


def _view(
    flat: Image.Image,
    size: tuple[float, float],
    stored: tuple[int, int],
    orientation: int,
    p: Preprocessing,
) -> View:
    """One network's region of the decoded image, of which the file's is `size` pixels here."""
    width, height = stored if orientation < 5 else stored[::-1]
    box = centre(width, height, p.resize, p.size)
    share = (box[0] / width, box[1] / height, box[2] / width, box[3] / height)
    left, top, right, bottom = unturn(share, orientation)
    wide, high = size
    small = flat.resize(
        (p.size, p.size),
        FILTERS[p.interpolation],
        box=(left * wide, top * high, right * wide, bottom * high),
    )
    if p.channels == 1 and small.mode != "L":
        small = small.convert("L")
    if orientation in UPRIGHT:
        small = small.transpose(UPRIGHT[orientation])
    return View(np.asarray(small).reshape(p.size, p.size, -1), share)


def centre(width: int, height: int, resize: int, size: int) -> Box:
    """The region that survives resizing the shorter side and cropping the centre `size`."""
    if width <= height:
        wide, high = resize, int(resize * height / width)
    else:
        wide, high = int(resize * width / height), resize
    left, top = round((wide - size) / 2), round((high - size) / 2)
    x, y = width / wide, height / high
    return left * x, top * y, (left + size) * x, (top + size) * y


def unturn(share: Box, orientation: int) -> Box:
    """The same region in the image as it is stored, given in shares of the upright image."""
    left, top, right, bottom = share
    match orientation:
        case 2:
            return 1 - right, top, 1 - left, bottom
        case 3:
            return 1 - right, 1 - bottom, 1 - left, 1 - top
        case 4:
            return left, 1 - bottom, right, 1 - top
        case 5:
            return top, left, bottom, right
        case 6:
            return top, 1 - right, bottom, 1 - left
        case 7:
            return 1 - bottom, 1 - right, 1 - top, 1 - left
        case 8:
            return 1 - bottom, left, 1 - top, right
        case _:
            return share


def flatten(image: Image.Image, mode: str) -> Image.Image:
    """The image in `mode` ("L" or "RGB"), alpha on white, 16 bits brought down to 8."""
    if image.mode.startswith(("I", "F")):
        values = np.asarray(image, dtype=np.float64)
        top = 65535 if values.max(initial=0) > 255 else 255
        image = Image.fromarray((values.clip(0, top) * (255 / top)).astype(np.uint8))
    if image.has_transparency_data:
        image = image.convert("RGBA")
        white = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(white, image)
    return image if image.mode == mode else image.convert(mode)
