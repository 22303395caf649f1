"""NASNet's padding against TensorFlow's rule, and how its cells are strung together."""

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from models.catalog import architecture
from models.nasnet_cells import NORMAL, Kind, operation, reduction, separable


def covered(size: int, window: int, stride: int) -> list[range]:
    """What each window sees of a row, by the rule in TensorFlow's notes on "SAME"."""
    count = math.ceil(size / stride)
    padding = max((count - 1) * stride + window - size, 0)
    starts = [i * stride - padding // 2 for i in range(count)]
    return [range(max(start, 0), min(start + window, size)) for start in starts]


def reference(x: Tensor, window: int, stride: int, reduce: Callable[[Tensor], Tensor]) -> Tensor:
    places = covered(x.shape[2], window, stride)
    rows = [[reduce(x[0, 0, v.start : v.stop, h.start : h.stop]) for h in places] for v in places]
    return torch.stack([torch.stack(row) for row in rows])


@pytest.mark.parametrize("size", [7, 8])
@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize(
    ("name", "reduce"), [("max3", torch.max), ("avg3", torch.mean)], ids=["max3", "avg3"]
)
def test_pools_look_at_nothing_but_the_map(
    size: int, stride: int, name: str, reduce: Callable[[Tensor], Tensor]
) -> None:
    x = torch.randn(1, 1, size, size, generator=torch.Generator().manual_seed(size)) - 3
    pooled = operation(name, 1, 1, stride)(x)[0, 0]

    assert torch.allclose(pooled, reference(x, 3, stride, reduce))


@pytest.mark.parametrize("size", [7, 8])
def test_the_other_average_counts_the_zeros(size: int) -> None:
    x = torch.randn(1, 1, size, size, generator=torch.Generator().manual_seed(size))
    pooled = operation("avg3+0", 1, 1, 2)(x)[0, 0]

    assert torch.allclose(pooled, reference(x, 3, 2, torch.sum) / 9)


@pytest.mark.parametrize("size", [7, 8])
@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("window", [3, 5, 7])
def test_convolutions_are_padded_with_zeros(size: int, stride: int, window: int) -> None:
    x = torch.randn(1, 1, size, size, generator=torch.Generator().manual_seed(window))
    layers = separable(1, 1, window, stride)
    for layer in layers:
        for weight in layer.parameters():
            nn.init.ones_(weight)

    with torch.no_grad():
        summed = layers(x)[0, 0]

    assert torch.allclose(summed, reference(x, window, stride, torch.sum), atol=1e-5)


@pytest.mark.parametrize("kind", [NORMAL, reduction("avg3")], ids=["normal", "reduction"])
def test_a_cell_wastes_nothing(kind: Kind) -> None:
    used = {step.split()[1] for pair in kind.steps for step in pair}

    assert {"h", "h-1", *(f"y{i}" for i in range(5))} == used | set(kind.output)


@pytest.mark.parametrize(
    ("name", "taken_over"), [("nasnet_a_large", True), ("nasnet_a_mobile", False)]
)
def test_what_the_cells_around_a_reduction_take(name: str, *, taken_over: bool) -> None:
    row = architecture(name)
    taken: dict[str, tuple[Tensor, Tensor]] = {}
    with torch.device("meta"):
        network = row.build(row.classes).eval()
        for key in ("reduction_cell_0", "cell_6", "cell_7"):
            network.get_submodule(key).register_forward_pre_hook(
                lambda _, args, key=key: taken.update({key: args})
            )
        network(torch.empty(1, 3, row.size, row.size))

    before, here = taken["reduction_cell_0"]
    assert taken["cell_6"][0] is (before if taken_over else here)
    assert taken["cell_7"][0] is taken["cell_6"][1]
