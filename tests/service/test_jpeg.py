"""What nvImageCodec decodes goes through the same geometry, and what it cannot, Pillow decodes."""

import io
import logging
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from models.card import Preprocessing
from service import PAGE, jpeg
from service.engines.device import no_driver
from service.errors import BadImage
from service.images import ORIENTATION, View, decode

PHOTOGRAPHS = sorted((PAGE / "examples").glob("*.jpg"))
WHOLE = Preprocessing(3, 400, 448, "bilinear", (0.5,) * 3, (0.25,) * 3)
PART = Preprocessing(3, 64, 64, "bilinear", (0.5,) * 3, (0.25,) * 3)  # Pillow decodes less
GREY = Preprocessing(1, 32, 32, "bilinear", (0.5,), (0.25,))
CPU_ONLY = -99999  # NVIMGCODEC_DEVICE_CPU_ONLY


def view(data: bytes, seen: Preprocessing = WHOLE) -> View:
    return decode(data, seen, 10**8)


def file(image: Image.Image, **how: object) -> bytes:
    out = io.BytesIO()
    image.save(out, "JPEG", **how)
    return out.getvalue()


@pytest.fixture
def opener() -> Iterator[None]:
    """Pillow's own comes back."""
    Image.preinit()
    before = Image.OPEN["JPEG"]
    yield
    Image.OPEN["JPEG"] = before


@pytest.fixture
def asked(opener: None) -> list[int]:
    """The heights that nvImageCodec's back end for CPUs gave, 0 for what it could not decode."""
    del opener
    pytest.importorskip("nvidia.nvimgcodec", reason="nvImageCodec is for Linux")
    inner, seen = jpeg.nvimgcodec(CPU_ONLY, ["CPU_ONLY"]), list[int]()

    def noted(data: bytes) -> NDArray[np.uint8] | None:
        pixels = inner(data)
        seen.append(0 if pixels is None else len(pixels))
        return pixels

    jpeg.install(noted)
    return seen


def difference(one: View, other: View) -> NDArray[np.int_]:
    """Of the pixels, in levels of 255."""
    assert one.box == other.box
    levels: NDArray[np.int_] = np.abs(one.pixels.astype(int) - other.pixels.astype(int))
    return levels


@pytest.fixture
def by_pillow() -> dict[Path, tuple[View, View]]:
    return {p: (view(p.read_bytes()), view(p.read_bytes(), PART)) for p in PHOTOGRAPHS}


def test_the_network_sees_the_same_pixels(
    by_pillow: dict[Path, tuple[View, View]], asked: list[int]
) -> None:
    """Exactly where Pillow decodes the whole image too, and nearly where it decodes less."""
    assert len(by_pillow) > 5
    for photograph, (full, less) in by_pillow.items():
        data = photograph.read_bytes()
        assert difference(view(data), full).max() == 0
        assert difference(view(data, PART), less).mean() < 4
    assert len(asked) == 2 * len(by_pillow)
    assert all(asked)


@pytest.mark.gpu
def test_a_real_gpu_sees_nearly_the_same_pixels(
    by_pillow: dict[Path, tuple[View, View]], opener: None
) -> None:
    del opener
    pytest.importorskip("nvidia.nvimgcodec")
    inner, seen = jpeg.nvimgcodec(), list[bool]()

    def noted(data: bytes) -> NDArray[np.uint8] | None:
        pixels = inner(data)
        seen.append(pixels is not None)
        return pixels

    jpeg.install(noted)
    for photograph, (full, _) in by_pillow.items():
        levels = difference(view(photograph.read_bytes()), full)
        assert levels.mean() < 3, photograph.name
    assert all(seen)


@pytest.mark.parametrize("turn", range(1, 9))
def test_an_image_is_turned_once(turn: int, opener: None) -> None:
    exif = Image.Exif()
    exif[ORIENTATION] = turn
    data = file(Image.linear_gradient("L").resize((90, 60)).convert("RGB"), exif=exif)
    expected = view(data, PART)
    pytest.importorskip("nvidia.nvimgcodec", reason="nvImageCodec is for Linux")
    jpeg.install(jpeg.nvimgcodec(CPU_ONLY, ["CPU_ONLY"]))
    assert difference(view(data, PART), expected).max() <= 1
    del opener


@pytest.mark.parametrize("mode", ["L", "CMYK"])
def test_other_modes_are_pillow_s(mode: str, asked: list[int]) -> None:
    data = file(Image.linear_gradient("L").convert(mode))
    assert view(data, GREY).pixels.shape == (32, 32, 1)
    assert asked == []


def test_a_broken_file_is_said_as_before(asked: list[int]) -> None:
    data = PHOTOGRAPHS[0].read_bytes()
    with pytest.raises(BadImage, match="truncated"):
        view(data[: len(data) // 2])
    assert asked == [0]


def test_what_it_cannot_decode_pillow_does(
    by_pillow: dict[Path, tuple[View, View]], opener: None
) -> None:
    del opener
    jpeg.install(lambda _data: None)
    full, _ = by_pillow[PHOTOGRAPHS[0]]
    assert difference(view(PHOTOGRAPHS[0].read_bytes()), full).max() == 0


@pytest.mark.skipif(not no_driver(), reason="there is a GPU, so it is used")
def test_without_a_gpu_the_log_says_why_the_cpu_decodes(
    opener: None, caplog: pytest.LogCaptureFixture
) -> None:
    del opener
    before = Image.OPEN["JPEG"]
    with caplog.at_level(logging.WARNING):
        jpeg.use_gpu()
    (said,) = caplog.messages
    assert said.startswith("JPEGs are decoded on the CPU: nvImageCodec needs a GPU, and there is")
    assert Image.OPEN["JPEG"] is before
