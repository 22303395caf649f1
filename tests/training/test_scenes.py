"""A scene depends on its place alone, and its box is where its ink is."""

import hashlib
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from training.digits import digits
from training.scenes import FULL, _litter, _luma, scene, scenes

FLAT = replace(FULL, photograph=(0.0, 0.0), pieces=0)


def test_a_scene_is_the_same_alone_in_a_batch_and_in_another_process() -> None:
    batch = scenes("test", 7, 20, 5, side=64)
    image, label, box = scene("test", 7, 23, side=64)
    assert np.array_equal(batch.images[3], image)
    assert (int(batch.labels[3]), tuple(batch.boxes[3])) == (label, box)
    code = (
        "import hashlib; from training.scenes import scene; "
        "print(hashlib.sha256(scene('test', 7, 23, 64)[0].tobytes()).hexdigest())"
    )
    there = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    assert there.stdout.strip() == hashlib.sha256(image.tobytes()).hexdigest()


@pytest.mark.parametrize("other", [("train", 7, 23), ("test", 8, 23), ("test", 7, 33)])
def test_another_split_seed_or_place_is_another_scene(other: tuple[str, int, int]) -> None:
    split, seed, index = other
    image, _, _ = scene("test", 7, 23, side=64)
    different, _, _ = scene("train" if split == "train" else "test", seed, index, side=64)
    assert not np.array_equal(image, different)


def test_the_first_scenes_are_these_for_ever() -> None:
    """Boxes follow from every draw before them; bytes may change with Pillow's rounding."""
    assert scenes("test", 0, 0, 3).boxes.tolist() == [
        [99, 81, 192, 209],
        [10, 40, 71, 166],
        [6, 103, 80, 204],
    ]


def test_ten_scenes_in_a_row_show_ten_digits() -> None:
    assert scenes("train", 1, 30, 10, side=32).labels.tolist() == list(range(10))


@pytest.mark.parametrize("index", range(20))
def test_the_box_holds_all_ink_and_is_tight(index: int) -> None:
    image, _, (left, top, right, bottom) = scene("test", 1, index, difficulty=FLAT)
    ink = (image != image[0 if top else -1, 0 if left else -1]).any(2)
    lines, posts = np.flatnonzero(ink.any(1)), np.flatnonzero(ink.any(0))
    # the faintest rim of the ink may round to the paper's colour
    assert top <= lines[0] <= top + 2
    assert bottom - 3 <= lines[-1] < bottom
    assert left <= posts[0] <= left + 2
    assert right - 3 <= posts[-1] < right


def test_sizes_and_places_are_spread_over_what_is_promised() -> None:
    boxes = scenes("test", 2, 0, 200).boxes
    assert boxes.min() >= 0
    assert boxes.max() <= 224
    height = (boxes[:, 3] - boxes[:, 1]) / 224
    assert 0.15 < height.min() < 0.3
    assert 0.5 < height.max() < 0.75
    middles = (boxes[:, :2] + boxes[:, 2:]) / 448
    assert (middles.std(0) > 0.15).all()


def test_the_digit_stands_out_from_what_lies_behind() -> None:
    plain = replace(FULL, photograph=(0.0, 0.0), pieces=0)
    for index in range(20):
        image, _, (left, top, right, bottom) = scene("train", 5, index, difficulty=plain)
        paper = image[0 if top else -1, 0 if left else -1]
        inside = image[top:bottom, left:right].reshape(-1, 3).astype(int)
        ink = inside[np.abs(inside - paper).sum(1).argmax()]
        assert abs(_luma(ink.tolist()) - _luma(paper.tolist())) >= plain.contrast - 1


def test_pieces_never_touch_the_digit_and_are_small() -> None:
    rng, box = np.random.default_rng(0), (60, 60, 160, 160)
    painted = 0
    for _ in range(100):
        canvas = np.full((224, 224, 3), 128, np.uint8)
        _litter(rng, canvas, digits("train"), box, FULL)
        assert (canvas[60:160, 60:160] == 128).all()
        ink = (canvas != 128).any(2)
        painted += bool(ink.any())
        if ink.any():
            assert np.ptp(np.flatnonzero(ink.any(1))) < 0.15 * 224
            assert np.ptp(np.flatnonzero(ink.any(0))) < 0.15 * 224
    assert painted > 50


def test_the_largest_digit_is_cut_rather_than_refused() -> None:
    huge = replace(FULL, size=(0.99, 1.0))
    for index in range(20):
        _, _, (left, top, right, bottom) = scene("train", 1, index, 48, huge)
        assert 0 <= left < right <= 48
        assert 0 <= top < bottom <= 48
