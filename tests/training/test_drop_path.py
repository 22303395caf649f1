"""Drop-path against what the paper promises of it."""

import pytest
import torch
from torch import Tensor

from models.fractalnet import ConvNormReLU, FractalNet, FractalNet20
from training import drop_path
from training.drop_path import Paths, drop_paths

COLUMNS, BLOCKS = 3, 5
IMAGES = torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(1))


@pytest.fixture
def network() -> FractalNet:
    torch.manual_seed(2)
    return FractalNet20()


def learning(network: FractalNet) -> int:
    """How many convolutions get a gradient from a batch."""
    network.zero_grad()
    network(IMAGES).sum().backward()
    layers = [m for m in network.modules() if isinstance(m, ConvNormReLU)]
    return sum(layer.conv.weight.grad is not None for layer in layers)


@pytest.mark.parametrize("column", range(COLUMNS))
def test_global_is_one_column_of_the_whole_network(
    network: FractalNet, column: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Paths, "draw", lambda self, *_: setattr(self, "only", column))
    drop_paths(network)

    # the deepest column of a block has 2 ** (C - 1) convolutions, each next one half as many
    assert learning(network.train()) == BLOCKS * 2 ** (COLUMNS - 1 - column)


def test_local_keeps_at_least_one_input_of_every_join(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drop_path, "DROPPED", 1.0)
    inputs = [torch.tensor(float(i)) for i in range(COLUMNS)]
    kept = [Paths(COLUMNS).kept(inputs) for _ in range(100)]

    assert {len(one) for one in kept} == {1}
    assert {float(one[0]) for one in kept} == {0.0, 1.0, 2.0}


def test_rates_are_those_of_the_paper() -> None:
    torch.manual_seed(3)
    paths, inputs = Paths(COLUMNS), [torch.zeros(())] * COLUMNS
    kept = sum(len(paths.kept(inputs)) for _ in range(10_000)) / 30_000
    drawn = []
    for _ in range(10_000):
        paths.draw()
        drawn.append(paths.only)

    # a join that would lose all three keeps one of them
    assert kept == pytest.approx(0.85 + 0.15**3 / 3, abs=0.01)
    assert drawn.count(None) / 10_000 == pytest.approx(0.5, abs=0.02)
    for column in range(COLUMNS):
        assert drawn.count(column) / 10_000 == pytest.approx(0.5 / 3, abs=0.02)


def test_training_draws_anew_for_every_batch(network: FractalNet) -> None:
    drop_paths(network)

    assert len({learning(network.train()) for _ in range(12)}) > 2


def test_out_of_training_all_paths_are_on(network: FractalNet) -> None:
    def logits() -> Tensor:
        with torch.no_grad():
            y: Tensor = network.eval()(IMAGES)
            return y

    plain, keys = logits(), list(network.state_dict())
    drop_paths(network)

    assert torch.equal(logits(), plain)
    assert list(network.state_dict()) == keys
