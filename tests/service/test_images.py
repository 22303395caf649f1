"""Decoding agrees with torchvision's geometry done the plain way, and nothing odd gets through."""

import io
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageOps
from sklearn.datasets import load_sample_image

from models.card import Interpolation, Preprocessing
from service.errors import BadImage, TooLarge
from service.images import FILTERS, ORIENTATION, QUICK, SEGMENTS, UPRIGHT, decode, quick

LIMIT = 50_000_000
IMAGENET = Preprocessing(3, 224, 256, "bilinear", (0.5,) * 3, (0.5,) * 3)


def encoded(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


@pytest.fixture(scope="module")
def photograph() -> Image.Image:
    return Image.fromarray(load_sample_image("china.jpg"))  # 640 x 427


def exact(image: Image.Image, p: Preprocessing) -> NDArray[np.uint8]:
    """Resize the shorter side, then crop the centre, in two whole steps."""
    image = ImageOps.exif_transpose(image).convert("L" if p.channels == 1 else "RGB")
    w, h = image.size
    long = int(p.resize * max(w, h) / min(w, h))
    image = image.resize((p.resize, long) if w <= h else (long, p.resize), FILTERS[p.interpolation])
    left, top = round((image.width - p.size) / 2), round((image.height - p.size) / 2)
    crop = image.crop((left, top, left + p.size, top + p.size))
    return np.asarray(crop).reshape(p.size, p.size, -1)


def error(found: NDArray[np.uint8], expected: NDArray[np.uint8]) -> float:
    return float(np.abs(found.astype(float) - expected.astype(float)).mean())


@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic"])
@pytest.mark.parametrize("size", [(640, 427), (427, 640), (500, 375), (257, 256), (224, 224)])
def test_lossless_images_are_exact(
    photograph: Image.Image, size: tuple[int, int], interpolation: Interpolation
) -> None:
    image = photograph.resize(size)
    p = Preprocessing(3, 224, 256, interpolation, (0.5,) * 3, (0.5,) * 3)
    assert error(decode(encoded(image), p, LIMIT).pixels, exact(image, p)) < 0.3  # of 255


@pytest.mark.parametrize("size", [(640, 427), (1411, 1411), (3000, 4000)])
def test_jpegs_decoded_at_a_fraction_stay_close(
    photograph: Image.Image, size: tuple[int, int]
) -> None:
    data = encoded(photograph.resize(size), "JPEG", quality=92)
    found = decode(data, IMAGENET, LIMIT).pixels
    assert error(found, exact(Image.open(io.BytesIO(data)), IMAGENET)) < 1.5


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_obeyed(photograph: Image.Image, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    # asymmetric in size and content, so that every wrong turn shows
    data = encoded(photograph.resize((401, 300)), exif=exif)
    expected = exact(Image.open(io.BytesIO(data)), IMAGENET)
    assert error(decode(data, IMAGENET, LIMIT).pixels, expected) < 0.5


def test_every_turn_is_one_that_pillow_makes(photograph: Image.Image) -> None:
    image = photograph.resize((40, 30))
    for orientation, turn in UPRIGHT.items():
        exif = Image.Exif()
        exif[0x0112] = orientation
        upright = ImageOps.exif_transpose(Image.open(io.BytesIO(encoded(image, exif=exif))))
        assert np.array_equal(np.asarray(image.transpose(turn)), np.asarray(upright))


def test_the_box_says_what_the_network_saw(photograph: Image.Image) -> None:
    left, top, right, bottom = decode(encoded(photograph), IMAGENET, LIMIT).box
    assert top == pytest.approx(16 / 256)
    assert bottom == pytest.approx(240 / 256)
    assert (left + right) / 2 == pytest.approx(0.5, abs=0.002)
    assert (right - left) * 640 == pytest.approx((bottom - top) * 427, abs=1)


GREY = np.arange(64 * 64, dtype=np.uint8).reshape(64, 64)
ODD: dict[str, Callable[[], bytes]] = {
    "16 bits": lambda: encoded(Image.fromarray(GREY.astype(np.uint16) * 257)),
    "palette": lambda: encoded(Image.fromarray(GREY).convert("P")),
    "CMYK": lambda: encoded(Image.fromarray(GREY).convert("CMYK"), "JPEG", quality=100),
    "grey and alpha": lambda: encoded(Image.fromarray(GREY).convert("LA")),
    "one bit": lambda: encoded(Image.fromarray(GREY).convert("1", dither=Image.Dither.NONE)),
    "WebP": lambda: encoded(Image.fromarray(GREY).convert("RGB"), "WEBP", lossless=True),
    "GIF": lambda: encoded(Image.fromarray(GREY), "GIF"),
    "BMP": lambda: encoded(Image.fromarray(GREY), "BMP"),
    "TIFF": lambda: encoded(Image.fromarray(GREY), "TIFF"),
}


@pytest.mark.parametrize("kind", ODD)
@pytest.mark.parametrize("channels", [1, 3])
def test_odd_kinds_become_plain(kind: str, channels: int) -> None:
    p = Preprocessing(channels, 64, 64, "bilinear", (0.5,) * channels, (0.5,) * channels)
    pixels = decode(ODD[kind](), p, LIMIT).pixels
    expected = np.where(GREY >= 128, 255, 0) if kind == "one bit" else GREY
    assert pixels.shape == (64, 64, channels)
    assert pixels.dtype == np.uint8
    assert error(pixels, expected[:, :, None].astype(np.uint8)) < 3


def test_alpha_is_composed_on_white() -> None:
    image = Image.new("RGBA", (64, 64), (255, 0, 0, 0))
    assert decode(encoded(image), IMAGENET, LIMIT).pixels.min() == 255


def test_an_animation_shows_its_first_frame() -> None:
    frames = [Image.new("RGB", (64, 64), colour) for colour in ("red", "blue")]
    data = encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])
    assert decode(data, IMAGENET, LIMIT).pixels[0, 0].tolist() == [255, 0, 0]


def png_of(width: int, height: int) -> bytes:
    """A PNG of zeros, as small as such a file can be: 200 megapixels in about 100 kB."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        check = zlib.crc32(kind + data).to_bytes(4, "big")
        return len(data).to_bytes(4, "big") + kind + data + check

    header = width.to_bytes(4, "big") + height.to_bytes(4, "big") + bytes([1, 0, 0, 0, 0])
    rows = zlib.compress(bytes((width // 8 + 1) * height), 9)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
    )


def test_a_bomb_is_refused_before_it_is_decoded() -> None:
    data = png_of(20_000, 10_000)
    assert len(data) < 100_000
    with pytest.raises(TooLarge, match="20000 x 10000 pixels, the limit is 50 megapixels"):
        decode(data, IMAGENET, LIMIT)


def test_what_is_no_image_is_said(photograph: Image.Image) -> None:
    jpeg = encoded(photograph, "JPEG")
    for data in (b"hello", b"\x89PNG\r\n\x1a\n", jpeg[: len(jpeg) // 2], jpeg[:20], b"<svg/>"):
        with pytest.raises(BadImage):
            decode(data, IMAGENET, LIMIT)


def test_every_cut_of_a_file_is_an_answer_not_a_crash() -> None:
    small = Image.fromarray(GREY).convert("RGB")
    for kind in ("JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP"):
        data = encoded(small, kind)
        for end in range(0, len(data), max(1, len(data) // 40)):
            try:
                decode(data[:end], IMAGENET, LIMIT)
            except BadImage:
                continue


def test_examples_of_the_page_decode() -> None:
    examples = Path(__file__).parents[2] / "service" / "page" / "examples"
    for file in examples.glob("*.jpg"):
        assert decode(file.read_bytes(), IMAGENET, LIMIT).pixels.shape == (224, 224, 3)


def jpeg(**options: object) -> bytes:
    return encoded(Image.new("RGB", (64, 48)), "JPEG", **options)


def exif() -> bytes:
    tags = Image.Exif()
    tags[ORIENTATION] = 3
    return tags.tobytes() + b"\xff\xc2" * 9  # a thumbnail may be progressive


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (jpeg(), True),
        (jpeg(exif=exif(), comment=b"\xff\xc2", optimize=True), True),
        (jpeg(progressive=True), False),
        (jpeg(exif=exif(), progressive=True), False),
        (encoded(Image.new("RGB", (64, 48))), False),
        (jpeg() + bytes(QUICK), False),
        (jpeg()[:30], False),
        (b"\xff\xd8", False),
        (b"", False),
        # a marker without a length (TEM), so that what follows is not its length but a frame
        (b"\xff\xd8\xff\x01\xff\xc2" + bytes(0xFFC0) + b"\xff\xc0", False),
        # as long as the two bytes that say so: nothing is skipped
        (b"\xff\xd8\xff\xfe\x00\x00\xff\xc2", False),
        (b"\xff\xd8" + b"\xff\xfe\x00\x02" * SEGMENTS + jpeg()[2:], False),
        (b"\xff\xd8" + b"\xff\xfe\x00\x02" * (SEGMENTS // 2) + jpeg()[2:], True),
    ],
    ids=[
        *("baseline", "with EXIF and a comment", "progressive", "progressive, EXIF", "PNG"),
        *("large", "cut off", "start only", "empty", "no length", "length 0"),
        *("endless comments", "many comments"),
    ],
)
def test_only_baseline_jpegs_of_ordinary_size_are_quick(data: bytes, expected: bool) -> None:
    assert quick(data) == expected
