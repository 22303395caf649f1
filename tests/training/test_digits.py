"""The two halves of the digits, and what LeNet sees of them."""

import numpy as np
from sklearn.datasets import load_digits

from training.digits import LABELS, digits
from training.feed import PREPROCESSING, feed, plain_digits
from training.photographs import PHOTOGRAPHS, photographs
from training.recipe import recipe


def test_every_digit_is_in_exactly_one_half() -> None:
    train, test = digits("train").rows, digits("test").rows
    assert np.array_equal(np.sort(np.concatenate([train, test])), np.arange(1797))


def test_no_picture_of_one_half_is_in_the_other_under_another_row() -> None:
    train = {ink.tobytes() for ink in digits("train").ink}
    assert not train & {ink.tobytes() for ink in digits("test").ink}


def test_the_halves_hold_the_same_share_of_every_label() -> None:
    for label in range(len(LABELS)):
        test, train = len(digits("test").of(label)), len(digits("train").of(label))
        assert abs(test / (test + train) - 0.2) < 0.005


def test_the_split_is_this_one_for_ever() -> None:
    """A shipped network's figures are worth nothing if it moves."""
    assert digits("test").rows[:8].tolist() == [0, 2, 5, 7, 10, 13, 16, 19]
    assert len(digits("test").rows) == 359


def test_ink_is_scaled_to_bytes_and_labels_are_the_data_sets_own() -> None:
    half, data = digits("test"), load_digits()
    assert half.ink.max() == 255
    assert np.array_equal(half.labels, data.target[half.rows])
    assert np.abs(half.ink / 255 * 16 - data.images[half.rows]).max() < 0.05


def test_no_photograph_is_in_both_halves() -> None:
    assert not set(PHOTOGRAPHS["train"]) & set(PHOTOGRAPHS["test"])
    both = {"skimage/data/motorcycle_left.png", "skimage/data/motorcycle_right.png"}
    assert both <= set(PHOTOGRAPHS["train"]), "a stereo pair shows one place twice"
    assert all(p.mode == "RGB" for half in ("train", "test") for p in photographs(half))


def test_lenet_sees_paper_as_minus_a_tenth_and_ink_as_1_175() -> None:
    preparation = PREPROCESSING["digits"]
    paper, ink = ((pixel - preparation.mean[0]) / preparation.std[0] for pixel in (1.0, 0.0))
    assert (round(paper, 6), round(ink, 6)) == (-0.1, 1.175)
    images, labels = plain_digits("test")
    assert images.shape == (359, 32, 32, 1)
    assert images[labels == 1].mean() > 128, "most of a one is white paper"


def test_the_stream_of_digits_repeats_and_shows_both_polarities() -> None:
    phase = recipe("lenet5_plain", "digits").phase(0)
    images, labels = feed("digits", 3)(40, phase)
    again, _ = feed("digits", 3)(40, phase)
    other, _ = feed("digits", 4)(40, phase)
    assert np.array_equal(images, again)
    assert not np.array_equal(images, other)
    assert labels[:10].tolist() == list(range(10))
    lit = (images[:, 0, 0, 0] > 128).mean()
    assert 0.2 < lit < 0.8
