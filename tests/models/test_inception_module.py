"""What the bottlenecks of an inception module save: the lecture's example on a 28x28x256 input.

Naive, 1x1-128, 3x3-192, 5x5-96 and a 3x3 pool: 854M multiply-adds, and 672 maps to look at next.
With 1x1-64 before the larger windows and after the pool the slide says 358M; what it adds up is
271M.
"""

import pytest
import torch

from models.catalog import architecture
from models.googlenet import NAIVE, PAPER, ConvReLU, Inception
from models.layers import layer_table
from models.table import LayerTable

PIXELS = 28 * 28


def table(row: tuple[int, ...], channels: int = 256) -> LayerTable:
    with torch.device("meta"):
        module = Inception(channels, row, ConvReLU, largest=5)
        return layer_table(module, torch.empty(1, channels, 28, 28))


def macs(row: tuple[int, ...]) -> dict[str, int]:
    """Of each convolution, by its name and what it sees."""
    return {f"{line.name} of {line.input[2]}": line.macs for line in table(row).layers if line.macs}


def test_naive() -> None:
    row = (128, 0, 192, 0, 96, 0)

    assert macs(row) == {
        "CONV1-128 of 256": PIXELS * 128 * 256,
        "CONV3-192 of 256": PIXELS * 192 * 9 * 256,
        "CONV5-96 of 256": PIXELS * 96 * 25 * 256,
    }
    assert round(table(row).macs / 1e6) == 854


def test_with_bottlenecks() -> None:
    row = (128, 64, 192, 64, 96, 64)
    terms = [
        PIXELS * 128 * 256,
        *(PIXELS * 64 * 256, PIXELS * 192 * 9 * 64),
        *(PIXELS * 64 * 256, PIXELS * 96 * 25 * 64),
        PIXELS * 64 * 256,
    ]
    assert sorted(line.macs for line in table(row).layers if line.macs) == sorted(terms)
    assert round(table(row).macs / 1e6) == 271


@pytest.mark.parametrize(
    ("row", "maps"), [((128, 0, 192, 0, 96, 0), 672), ((128, 64, 192, 64, 96, 64), 480)]
)
def test_the_maps_of_all_branches_lie_side_by_side(row: tuple[int, ...], maps: int) -> None:
    module = Inception(256, row, ConvReLU, largest=5)
    x = torch.randn(1, 256, 28, 28)
    y = module(x)

    assert y.shape == (1, module.out, 28, 28)
    assert module.out == maps
    if maps == 672:  # the pool branch passes its input on
        assert torch.equal(y[:, -256:], torch.nn.functional.max_pool2d(x, 3, 1, 1))


def test_without_bottlenecks_maps_pile_up() -> None:
    with torch.device("meta"):
        network = architecture("googlenet_naive").build(10)
    out = [network.get_submodule(name).out for name, row in NAIVE.items() if len(row) > 1]

    assert out == [416, 832, 1280, 1728, 2176, 2640, 3344, 4048, 4944]


def test_with_them_the_widths_are_those_of_the_table() -> None:
    """Table 1, column output size."""
    out = [row[0] + row[2] + row[4] + row[5] for row in PAPER.values() if len(row) > 1]

    assert out == [256, 480, 512, 512, 512, 528, 832, 832, 1024]
