"""The pointing game, energy and calibration, against what can be worked out by hand."""

import numpy as np
import pytest

from training.metrics import (
    Floats,
    calibration_error,
    chance,
    confidences,
    energy_inside,
    points,
)
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


def test_chance_counts_the_pixels_that_would_hit() -> None:
    hits = sum(bool(points(peak(r, c), BOX)[0]) for r in range(80, 101) for c in range(80, 101))
    corner = np.array([[100, 100, SIDE, SIDE]])
    # right and below there is only picture: the box, two strips of 15 and the corner's quarter
    side = SIDE - 100
    strips = side * side + 2 * 15 * side
    assert chance(corner)[0] * SIDE**2 == strips + hits - (15 + 15 + 1)


def test_energy_is_the_share_of_the_map_inside_the_box() -> None:
    even = np.full((1, 7, 7), 0.3, np.float32)
    assert energy_inside(even, np.array([[0, 0, 112, 56]]))[0] == pytest.approx(1 / 8)
    assert energy_inside(peak(100, 149), BOX)[0] == 1
    assert energy_inside(peak(100, 150), BOX)[0] == 0
    assert energy_inside(peak(0, 0) + 3 * peak(120, 120), BOX)[0] == pytest.approx(0.75)


def test_what_speaks_against_the_class_is_no_energy() -> None:
    assert energy_inside(peak(120, 120) - 5 * peak(0, 0), BOX)[0] == 1
    assert energy_inside(-peak(120, 120), BOX)[0] == 0


def test_confidence_is_the_largest_probability() -> None:
    logits = np.array([[0, 0], [np.log(3), 0], [1000, 0]], np.float32)
    assert confidences(logits) == pytest.approx([0.5, 0.75, 1])


def test_whoever_is_as_often_right_as_confident_is_calibrated() -> None:
    confidence = np.array([0.75, 0.75, 0.75, 0.75, 1.0])
    assert calibration_error(confidence, np.array([True, True, False, True, True])) == 0


def test_bins_are_open_below_and_closed_above_and_weighed_by_their_answers() -> None:
    # 0.19 and 0.2 = 3/15 share a bin, 0.21 lies in the next
    confidence, right = np.array([0.19, 0.2, 0.21]), np.array([False, True, True])
    expected = (abs((0 - 0.19) + (1 - 0.2)) + (1 - 0.21)) / 3
    assert calibration_error(confidence, right) == pytest.approx(expected)


def test_who_is_sure_and_wrong_could_not_be_worse() -> None:
    assert calibration_error(np.ones(4), np.zeros(4, np.bool_)) == 1
