"""What is trained with dropped blocks is, on average and once folded, what is served."""

import pytest
import torch
from torch import Tensor, nn

from models.catalog import architecture
from models.resnet import D50, Bottleneck, ResNet
from models.stochastic_depth import fold, survival
from training.stochastic_depth import StochasticBottleneck, drop_blocks

DEPTHS = (1, 2, 1, 1)

# one block with the identity for a shortcut, one with a convolution
shapes = pytest.mark.parametrize(("channels", "stride"), [(32, 1), (24, 2)])


@pytest.fixture(autouse=True)
def seed() -> None:
    torch.manual_seed(1)


def prepare(module: nn.Module) -> None:
    """Double precision, and normalisation that is not the identity, so that a lost one shows."""
    module.double().eval()
    for tensor in module.state_dict().values():
        if tensor.dim() == 1:
            tensor.uniform_(0.5, 2)


def bottleneck(channels: int, stride: int, p: float) -> StochasticBottleneck:
    block = StochasticBottleneck(channels, 8, stride)
    block.p = p
    prepare(block)
    return block


def images(channels: int, side: int = 8) -> Tensor:
    return torch.randn(3, channels, side, side, dtype=torch.float64)


def shortcut(block: Bottleneck, x: Tensor) -> Tensor:
    y: Tensor = x if block.downsample is None else block.downsample(x)
    return y


@pytest.mark.parametrize("blocks", [16, 50, 54])
def test_survival_falls_linearly_to_a_half(blocks: int) -> None:
    """Huang et al. 2016, equation 4; section 3: (3L - 1) / 4 blocks are expected."""
    p = [survival(i, blocks) for i in range(1, blocks + 1)]
    assert p[-1] == 0.5
    assert p[0] - p[1] == pytest.approx(p[-2] - p[-1]) == pytest.approx(1 - p[0])
    assert sum(p) == pytest.approx((3 * blocks - 1) / 4)


@shapes
def test_the_mean_over_all_drop_patterns_is_the_eval_form(channels: int, stride: int) -> None:
    p, x = 0.7, images(channels)
    block = bottleneck(channels, stride, p)
    with torch.no_grad():
        whole = block.branch(x) + shortcut(block, x)  # before the ReLU
        block.training = True  # the block alone: its norms keep their statistics
        mean = torch.zeros_like(whole)
        for survives in (0, 1):
            block.p = survives
            probability = p if survives else 1 - p
            mean += probability * (block.branch(x) + shortcut(block, x))
    assert torch.allclose(mean, whole)


def test_a_block_survives_as_often_as_it_says() -> None:
    block = bottleneck(32, 1, 0.3)
    block.training = True
    with torch.no_grad():
        kept = sum(block.branch(images(32, 1)).dim() > 0 for _ in range(1000))
    assert kept / 1000 == pytest.approx(0.3, abs=0.05)


@shapes
def test_a_dropped_block_leaves_its_shortcut_and_learns_nothing(channels: int, stride: int) -> None:
    block, x = bottleneck(channels, stride, 0), images(channels).requires_grad_()
    expected = shortcut(block, x).relu()
    block.training = True
    y = block(x)
    y.sum().backward()
    assert torch.equal(y, expected)
    assert x.grad is not None
    for name, parameter in block.named_parameters():
        assert (parameter.grad is None) == (not name.startswith("downsample")), name


def test_a_dropped_block_is_not_computed() -> None:
    block = bottleneck(32, 1, 0).train()
    before = {name: tensor.clone() for name, tensor in block.state_dict().items()}
    block(images(32))
    assert all(torch.equal(tensor, before[name]) for name, tensor in block.state_dict().items())


def stochastic() -> ResNet:
    network = ResNet(Bottleneck, DEPTHS, 10)
    drop_blocks(network)
    return network


def test_out_of_training_the_network_computes_what_it_did() -> None:
    network = ResNet(Bottleneck, DEPTHS, 10)
    prepare(network)
    x = images(3, 64)
    with torch.no_grad():
        before = network(x)
        drop_blocks(network)
        assert torch.allclose(network(x), before)


def test_the_folded_network_computes_what_the_trained_one_does() -> None:
    trained = stochastic()
    prepare(trained)
    plain = ResNet(Bottleneck, DEPTHS, 10).double().eval()
    x = images(3, 64)
    with torch.no_grad():
        expected = trained(x)
        plain.load_state_dict(trained.state_dict())
        assert not torch.allclose(plain(x), expected, rtol=0.01), "the factors matter"
        for _ in range(2):  # from the trained weights each time, so the second changes nothing
            fold(trained.state_dict(), plain)
            assert torch.allclose(plain(x), expected)


def test_blocks_survive_as_the_row_says_and_keys_stay() -> None:
    with torch.device("meta"):
        trained = ResNet(Bottleneck, D50)
        drop_blocks(trained)
        row = architecture("stochastic_depth_resnet50").build(1000)
    blocks = [m for m in trained.modules() if isinstance(m, StochasticBottleneck)]
    assert [block.p for block in blocks] == [1 - i / 32 for i in range(1, 17)]
    assert trained.state_dict().keys() == row.state_dict().keys()


def test_every_batch_trains_another_part_of_the_network() -> None:
    network = stochastic()
    patterns = set()
    for _ in range(12):
        network.zero_grad()
        network(torch.randn(2, 3, 32, 32)).sum().backward()
        blocks = [m for m in network.modules() if isinstance(m, StochasticBottleneck)]
        patterns.add(tuple(block.conv1.weight.grad is not None for block in blocks))
    assert len(patterns) > 1
