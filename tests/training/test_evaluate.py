"""The pointing game, and figures that mean what they say."""

import numpy as np
import pytest

from service.engines import Outputs
from training.digits import Bytes, Integers
from training.evaluate import Floats, evaluate, from_engine, points
from training.scenes import SIDE

BOX = np.array([[100, 100, 150, 150]])


def peak(row: int, column: int) -> Floats:
    maps = np.zeros((1, SIDE, SIDE), np.float32)
    maps[0, row, column] = 1
    return maps


@pytest.mark.parametrize(
    ("row", "column", "hit"),
    [
        (100, 100, True),
        (149, 149, True),
        (120, 85, True),  #  15 pixels to the left of the box
        (120, 84, False),
        (164, 120, True),  # 15 pixels below the last row, 149
        (165, 120, False),
        (88, 91, True),  #   12 and 9 away: exactly 15
        (88, 90, False),
    ],
)
def test_a_peak_hits_the_box_and_fifteen_pixels_around(row: int, column: int, hit: bool) -> None:
    assert points(peak(row, column), BOX).tolist() == [hit]


def test_a_map_is_enlarged_to_the_picture_first() -> None:
    maps = np.zeros((1, 7, 7), np.float32)
    maps[0, 3, 3] = 1  # the middle one of 7 cells of 32 pixels: its middle is at 111.5
    assert points(maps, np.array([[111, 111, 113, 113]])).all()
    assert not points(maps, np.array([[0, 0, 90, 90]])).any()


def test_a_map_of_one_value_points_nowhere() -> None:
    assert not points(np.full((1, 7, 7), 0.5, np.float32), np.array([[0, 0, SIDE, SIDE]])).any()


def test_of_equal_peaks_the_first_in_reading_order_counts() -> None:
    both = peak(0, 0) + peak(120, 120)
    assert not points(both, BOX).any()


def test_who_knows_the_answer_gets_all_of_it() -> None:
    def answer(images: Bytes, asked: Integers) -> tuple[Floats, Floats]:
        assert images.dtype == np.uint8
        assert asked.shape == (len(images), 5)
        assert (asked[:, 1:] == -1).all()
        logits = np.eye(10, dtype=np.float32)[asked[:, 0]]
        return logits, np.zeros((len(images), 5, 7, 7), np.float32)

    figures = evaluate(answer, "scenes", images=30, batch=20)
    assert figures["top1"] == figures["top5"] == 1
    assert figures["pointing"] == 0
    assert 0.1 < figures["pointing_chance"] < 0.5
    assert figures["test_images"] == 30


def test_who_always_says_the_same_is_right_once_in_ten() -> None:
    def answer(images: Bytes, asked: Integers) -> tuple[Floats, Floats]:
        logits = np.tile(np.arange(10, dtype=np.float32), (len(asked), 1))
        return logits, np.zeros((len(images), 5, 10, 10), np.float32)

    figures = evaluate(answer, "digits", images=0)
    assert figures["top1"] == pytest.approx(0.1, abs=0.02)
    assert figures["top5"] == pytest.approx(0.5, abs=0.02)
    assert figures["test_images"] == 359
    assert "pointing" not in figures


class Knowing:
    """An engine that gives the class it is asked about, and maps of its own shape."""

    name, precision, device, max_batch, lanes = "knowing", "fp32", "CPU", 32, 1

    def run(self, images: Bytes, asked: Integers, *, alone: bool = False) -> Outputs:
        del images, alone
        logits = np.eye(10, dtype=np.float32)[asked[:, 0]]
        maps = np.zeros((*asked.shape, 13, 13), np.float32)
        return Outputs(logits, np.ones(asked.shape, np.float32), asked, maps)

    def close(self) -> None:
        """Nothing is held."""


def test_an_engine_is_measured_through_the_same_seam() -> None:
    figures = evaluate(from_engine(Knowing()), "scenes", images=10)
    assert (figures["top1"], figures["pointing"]) == (1, 0)
