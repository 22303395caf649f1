"""The contact sheet of a network's maps."""

import numpy as np

from training.digits import Bytes, Integers
from training.evaluate import examine
from training.held_out import held_out
from training.metrics import Floats
from training.sheet import COLUMNS, rows, sheet


def always_zero(images: Bytes, asked: Integers) -> tuple[Floats, Floats]:
    """An answer with a map that is warm in the upper left corner."""
    maps = np.zeros((*asked.shape, 7, 7), np.float32)
    maps[:, :, :3, :3] = 2
    return np.eye(10, dtype=np.float32)[np.zeros(len(images), np.int64)], maps


def test_the_rows_are_the_first_scenes_and_the_extremes() -> None:
    found = examine(always_zero, held_out("scenes", 40), explained=1)
    energy = found.values["energy_inside"]
    first, best, worst = rows(found).values()

    assert first.tolist() == list(range(COLUMNS))
    assert energy[best].tolist() == sorted(energy.tolist(), reverse=True)[:COLUMNS]
    assert energy[worst].tolist() == sorted(energy.tolist())[:COLUMNS]
    assert found.metrics["energy_inside"] == np.mean(energy)


def test_a_sheet_shows_three_rows_painted_over_the_scenes() -> None:
    found = examine(always_zero, held_out("scenes", COLUMNS), explained=1)
    page = sheet(always_zero, found, 1)
    assert page.mode == "P"
    width, height = page.size
    assert 6 < 3 * width / height < 9
    tile = np.asarray(page.convert("RGB"))[14:102, :88].astype(int)
    warm, cold = tile[:40, :40].mean((0, 1)), tile[48:, 48:].mean((0, 1))
    assert warm[0] - warm[2] > cold[0] - cold[2] + 50, "red above blue where the map is warm"
