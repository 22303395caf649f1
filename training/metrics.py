"""What a measurement is, given the answers: of the classes named, and of the maps.

The pointing game (Zhang et al. 2016, "Top-down Neural Attention by Excitation Backprop"): the map
of the true class, enlarged to the picture's size, has its peak on the object's box or at most 15
pixels from it. Enlarged bilinearly (half-pixel centres, as Pillow and torch do); of equal peaks the
first in reading order counts; a constant map points nowhere and misses.
"""

from typing import Any, Final

import numpy as np
import numpy.typing as npt
import torch
from torch.nn import functional

from training.digits import Integers
from training.scenes import SIDE

Floats = npt.NDArray[np.float32]
Reals = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

MARGIN: Final = 15  # pixels, at 224
BINS: Final = 15


def confidences(logits: Floats) -> Reals:
    """The largest probability (softmax) of each row [n, classes]: [n]."""
    return np.asarray(torch.from_numpy(logits).double().softmax(1).amax(1).numpy())


def calibration_error(confidence: Reals, right: Flags) -> float:
    """Expected calibration error, 0..1, of answers [n] (Guo et al. 2017, equation 3).

    Answers fall into 15 bins of equal width, each open below and closed above; the gaps between
    accuracy and mean confidence are weighed by the share of answers in the bin.
    """
    bins = np.clip(np.ceil(confidence * BINS).astype(np.int64) - 1, 0, BINS - 1)
    gaps = np.bincount(bins, weights=right - confidence, minlength=BINS)
    return float(np.abs(gaps).sum() / len(confidence))


def points(maps: Floats, boxes: Integers) -> Flags:
    """Whether the peak of each map [n, h', w'] lies on its box [n, 4] or within the margin."""
    large = _enlarged(maps).flatten(1)
    row, column = np.divmod(large.numpy().argmax(1), SIDE)
    varied = (large.amax(1) > large.amin(1)).numpy()
    near = _distance(column, boxes[:, 0], boxes[:, 2]) + _distance(row, boxes[:, 1], boxes[:, 3])
    return np.asarray(varied & (near <= MARGIN**2))


def chance(boxes: Integers) -> Reals:
    """What share of all pixels, as peaks, would hit each box [n, 4]."""
    place = np.arange(SIDE)
    return np.array([_near(place, box).mean() for box in boxes])


def _near(place: Integers, box: Integers) -> Flags:
    across, down = (_distance(place, box[i], box[i + 2]) for i in (0, 1))
    return np.asarray(across[None] + down[:, None] <= MARGIN**2)


def _distance(place: Integers, first: Integers, end: Integers) -> Integers:
    """The squared distance, along one axis, of a pixel from the pixels `first` to `end` - 1."""
    return np.asarray(np.maximum(0, np.maximum(first - place, place - (end - 1))) ** 2)


def energy_inside(maps: Floats, boxes: Integers) -> Reals:
    """The share of each rectified map's sum [n, h', w'] that lies in its box [n, 4], no margin.

    The "energy-based pointing game" of Wang et al. 2020 (Score-CAM). The map is rectified, then
    enlarged as in the pointing game; one without a positive value has no share inside: 0.
    """
    large = _enlarged(maps.clip(min=0)).double().numpy()
    shares = [_share(map_, box) for map_, box in zip(large, boxes, strict=True)]
    return np.array(shares, np.float64)


def _share(energy: npt.NDArray[Any], box: Integers) -> float:
    left, top, right, bottom = box
    total = energy.sum()
    return float(energy[top:bottom, left:right].sum() / total) if total > 0 else 0.0


def _enlarged(maps: Floats) -> torch.Tensor:
    return functional.interpolate(
        torch.from_numpy(maps)[:, None], size=(SIDE, SIDE), mode="bilinear", align_corners=False
    )[:, 0]
