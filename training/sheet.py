"""What a network looks at, on one picture: scenes as they come, its best and its worst maps.

The map is the true class's, as the service paints it; the frame is the digit's box.
"""

from collections.abc import Iterator
from typing import Final

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from service.model import scaled
from service.overlay import overlay
from training.digits import LABELS, Integers
from training.evaluate import Answer, Evaluation
from training.held_out import TEST_SEED
from training.scenes import scenes

COLUMNS: Final = 10
_SIDE: Final = 88  # of a scene, in pixels
_GAP: Final = 4
_LINE: Final = 14  # of text
_COLOURS: Final = 256  # so that a sheet has a quarter of a megabyte


def rows(found: Evaluation) -> dict[str, Integers]:
    """Titles and places of held-out scenes, by the share of the map's energy in the digit's box."""
    order = np.argsort(found.values["energy_inside"], kind="stable")
    return {
        "the first scenes": np.arange(COLUMNS),
        "most of the map inside the box": order[::-1][:COLUMNS],
        "least of the map inside the box": order[:COLUMNS],
    }


def sheet(answer: Answer, found: Evaluation, explained: int) -> Image.Image:
    """`found` says how `answer` did on held-out scenes, which it is asked about once more.

    `explained` is k, the number of classes asked about at once.
    """
    chosen = rows(found)
    width, height = COLUMNS * (_SIDE + _GAP), len(chosen) * (_SIDE + 2 * _LINE + _GAP)
    page = Image.new("RGB", (width, height), "white")
    draw = ImageDraw.Draw(page)
    font = ImageFont.load_default(11)
    for row, (title, places) in enumerate(chosen.items()):
        top = row * (_SIDE + 2 * _LINE + _GAP)
        draw.text((0, top), title, "black", font)
        for column, (place, tile) in enumerate(
            zip(places, _tiles(answer, places, explained), strict=True)
        ):
            left = column * (_SIDE + _GAP)
            page.paste(tile, (left, top + _LINE))
            draw.text((left, top + _LINE + _SIDE), _caption(found, int(place)), "black", font)
    return page.quantize(_COLOURS)


def _tiles(answer: Answer, places: Integers, explained: int) -> Iterator[Image.Image]:
    for place in places:
        drawn = scenes("test", TEST_SEED, int(place), 1)
        asked = np.full((1, explained), -1, np.int64)
        asked[0, 0] = drawn.labels[0]
        _, maps = answer(drawn.images, asked)
        picture = overlay(scaled(maps[0, 0]), drawn.images[0])
        left, top, right, bottom = (int(edge) for edge in drawn.boxes[0])
        ImageDraw.Draw(picture).rectangle((left, top, right - 1, bottom - 1), None, "white", 2)
        yield picture.resize((_SIDE, _SIDE), Image.Resampling.LANCZOS)


def _caption(found: Evaluation, place: int) -> str:
    true, named = (LABELS[classes[place]] for classes in (found.labels, found.chosen))
    wrong = "" if true == named else f" (says {named})"
    return f"{true}{wrong}: {found.values['energy_inside'][place]:.0%}"
