"""Local response normalisation, b = a / (k + alpha sum a^2)^beta, as each network has it."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from models.catalog import CATALOG, architecture
from models.layers import describe


def formula(a: Tensor, k: float, alpha: float) -> Tensor:
    """Krizhevsky et al. 2012, section 3.3, written out for n = 5 and beta = 0.75."""
    b = torch.empty_like(a)
    maps = a.shape[1]
    for i in range(maps):
        near = range(max(0, i - 2), min(maps - 1, i + 2) + 1)
        total = sum((a[:, j] ** 2 for j in near), torch.zeros_like(a[:, 0]))
        b[:, i] = a[:, i] / (k + alpha * total) ** 0.75
    return b


# those of the paper; GoogLeNet's are Caffe's, which divides alpha by n
CONSTANTS = {
    "alexnet_2012": (2, 1e-4),
    "alexnet_2012_single": (2, 1e-4),
    "zfnet": (2, 1e-4),
    "zfnet_wide": (2, 1e-4),
    "vgg11_lrn": (2, 1e-4),
    "googlenet_2014": (1, 1e-4 / 5),
    "googlenet_naive": (1, 1e-4 / 5),
}


def norms(build: Callable[[int], nn.Module]) -> list[nn.Module]:
    with torch.device("meta"):
        return [m for m in build(10).modules() if isinstance(m, nn.LocalResponseNorm)]


def test_these_are_all_that_normalise_so() -> None:
    assert {row.name for row in CATALOG if norms(row.build)} == set(CONSTANTS)


@pytest.mark.parametrize("name", CONSTANTS)
def test_it_is_the_formula_with_the_papers_constants(name: str) -> None:
    a = torch.randn(2, 7, 3, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    a *= 100  # so that the sum outweighs k
    expected = formula(a, *CONSTANTS[name])

    for norm in norms(architecture(name).build):
        assert torch.allclose(norm(a), expected, rtol=1e-9)


@pytest.mark.parametrize(
    ("name", "kinds"),
    [
        ("alexnet_2012", ["conv", "norm", "pool", "conv", "norm", "pool"]),
        ("zfnet", ["conv", "pool", "norm", "conv", "pool", "norm"]),
        ("vgg11_lrn", ["conv", "norm", "pool"]),
        ("googlenet_2014", ["conv", "pool", "norm", "conv", "conv", "norm", "pool"]),
    ],
)
def test_it_stands_where_the_paper_has_it(name: str, kinds: list[str]) -> None:
    row = architecture(name)
    lines = describe(row, 10, row.size).layers

    assert [line.kind for line in lines[1 : 1 + len(kinds)]] == kinds
