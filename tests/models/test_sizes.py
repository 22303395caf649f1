"""The lecture's rule for the size of an output, against torch, and where it must refuse."""

from itertools import product

import pytest
import torch
from torch.nn.functional import max_pool2d

from models.sizes import DoesNotFit, Window


@pytest.mark.parametrize("up", [False, True])
def test_rounded_is_what_torch_makes(*, up: bool) -> None:
    for size, window, stride in product(range(1, 20), range(1, 8), range(1, 9)):
        for pad in range(window // 2 + 1):
            if size + 2 * pad < window:
                continue
            image = torch.empty(1, size, size, device="meta")
            made = max_pool2d(image, window, stride, pad, ceil_mode=up).shape[-1]
            assert Window(window, stride, pad).rounded(size, up=up) == made


@pytest.mark.parametrize(
    ("window", "size", "said"),
    [
        (
            Window(3, 3),
            7,
            "a filter of 3 at stride 3 does not fit a size of 7: (7 - 3 + 0)/3 + 1 = 2.33",
        ),
        (Window(11, 4, 2), 224, "(224 - 11 + 4)/4 + 1 = 55.25"),
        (Window(5), 4, "(4 - 5 + 0)/1 + 1 = 0"),
    ],
)
def test_a_filter_that_does_not_fit_is_refused_with_the_arithmetic(
    window: Window, size: int, said: str
) -> None:
    with pytest.raises(DoesNotFit) as error:
        window.output(size)
    assert said in str(error.value)


@pytest.mark.parametrize("filter_", [1, 3, 5, 7])
def test_half_a_filter_of_padding_keeps_the_size(filter_: int) -> None:
    assert Window(filter_, pad=(filter_ - 1) // 2).output(7) == 7


@pytest.mark.parametrize(
    ("window", "size", "up", "said"),
    [
        (Window(3, 2, 1), 224, False, "(224 - 3 + 2)/2 + 1 = 112.5, rounded down"),
        (Window(3, 2), 112, True, "(112 - 3 + 0)/2 + 1 = 55.5, rounded up"),
        (Window(2, 4, 1), 3, True, "(3 - 2 + 2)/4 + 1 = 1.75, rounded down"),
        (Window(2, 2), 224, True, None),
    ],
)
def test_rounding_is_said(window: Window, size: int, up: bool, said: str | None) -> None:
    assert window.rounding(size, up=up) == said
