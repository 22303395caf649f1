"""The fractal against equation 1 of its paper, written out."""

import pytest
import torch

from models.fractalnet import ConvNormReLU, Fractal, Join


def test_three_columns_are_equation_1_with_its_joins_merged() -> None:
    torch.manual_seed(1)
    block = Fractal(2, 4, 3).eval()
    one, two = block.first, block.second
    assert isinstance(one, Fractal)
    assert isinstance(two, Fractal)
    z = torch.randn(1, 2, 6, 6)

    middle = (one.second(one.first(z)) + one.conv(z)) / 2
    end = (two.second(two.first(middle)) + two.conv(middle) + block.conv(z)) / 3

    assert torch.allclose(block(z), end)


@pytest.mark.parametrize("columns", [2, 3, 4])
def test_column_c_has_half_the_convolutions_of_the_one_before_it(columns: int) -> None:
    block = Fractal(1, 1, columns)
    joins = [m for m in block.modules() if isinstance(m, Join)]
    sizes: list[int] = []
    for join in joins:
        join.register_forward_pre_hook(lambda _, args: sizes.append(len(args[0])))
    block(torch.zeros(2, 1, 4, 4))

    # one join after every second convolution of the deepest column, of all that end there
    assert sum(isinstance(m, ConvNormReLU) for m in block.modules()) == 2**columns - 1
    assert len(sizes) == 2 ** (columns - 2)
    assert max(sizes) == sizes[-1] == columns
