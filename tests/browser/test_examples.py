"""The examples: small, listed for the page, and each with its source and licence."""

import json
from pathlib import Path

import pytest
from PIL import Image

EXAMPLES = Path(__file__).parents[2] / "service" / "page" / "examples"
PICTURES = sorted(p for p in EXAMPLES.iterdir() if p.suffix in {".jpg", ".png"})


def test_the_list_names_every_picture_and_no_other() -> None:
    listed = json.loads((EXAMPLES / "index.json").read_text(encoding="utf-8"))
    assert sorted(item["file"] for item in listed) == [p.name for p in PICTURES]
    assert all(item["title"] and item["alt"] for item in listed)


@pytest.mark.parametrize("picture", PICTURES, ids=lambda p: p.name)
def test_a_picture_is_small_and_its_licence_is_told(picture: Path) -> None:
    with Image.open(picture) as image:
        assert max(image.size) <= 640
    assert picture.stat().st_size < 80_000
    family = picture.name if "scene" not in picture.name else "scene-*.jpg"
    assert f"`{family}`" in (EXAMPLES / "LICENSES.md").read_text(encoding="utf-8")
