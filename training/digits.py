"""Scikit-learn's 1797 handwritten digits, split once: whoever asks gets the same two halves.

Every digit is 8x8 cells of ink, 0 (paper) to 16 (full ink). `digits("test")` is never trained on,
neither on its own nor inside a scene.
"""

from dataclasses import dataclass
from functools import cache
from typing import Final, Literal

import numpy as np
import numpy.typing as npt
from sklearn.datasets import load_digits

Split = Literal["train", "test"]
Bytes = npt.NDArray[np.uint8]
Integers = npt.NDArray[np.int64]

LABELS: Final = tuple("0123456789")
CELLS: Final = 8
FULL_INK: Final = 16
SPLIT_SEED: Final = 20241
TEST_SHARE: Final = 0.2


@dataclass(frozen=True, slots=True)
class Digits:
    """`ink` uint8 [n, 8, 8] in 0..255, `labels` [n], `rows`: their places in the data set [n]."""

    ink: Bytes
    labels: Integers
    rows: Integers

    def of(self, label: int) -> Integers:
        """The places, in these arrays, of the digits that show `label`."""
        return np.flatnonzero(self.labels == label)


@cache
def digits(split: Split) -> Digits:
    """One half of the data set; each label is split on its own, so both halves are balanced."""
    data = load_digits()
    labels = data.target.astype(np.int64)
    order = np.random.default_rng(SPLIT_SEED).permutation(len(labels))
    test = np.zeros(len(labels), dtype=bool)
    for label in range(len(LABELS)):
        rows = order[labels[order] == label]
        test[rows[: round(len(rows) * TEST_SHARE)]] = True
    rows = np.flatnonzero(test if split == "test" else ~test)
    ink = (data.images[rows] * 255 / FULL_INK).round().astype(np.uint8)
    return Digits(ink=ink, labels=labels[rows], rows=rows)
