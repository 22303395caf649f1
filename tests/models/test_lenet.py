"""LeNet-5 against the counts and formulas of its paper."""

import math

import pytest
import torch
from torch import nn

from models.catalog import architecture
from models.layers import describe
from models.lenet import C3, RBF, LeNet5, PartlyConnected, Squash, Subsample, code


def test_every_layer_has_the_papers_number_of_trained_parameters() -> None:
    counts = {
        name: sum(p.numel() for p in layer.parameters())
        for name, layer in LeNet5().named_children()
        if name != "squash"
    }

    assert counts == {
        "c1": 156,
        "s2": 12,
        "c3": 1_516,
        "s4": 32,
        "c5": 48_120,
        "f6": 10_164,
        "output": 0,
    }


def test_the_connections_are_the_papers_340_908() -> None:
    """A connection is a multiply-add, a bias, or one of the four values that are subsampled."""
    lines = describe(architecture("lenet5"), 10, 32).layers
    biased = sum(line.memory for line in lines if line.biases)
    subsampled = sum(4 * line.memory for line in lines if line.kind == "pool")
    macs = sum(line.macs for line in lines)

    assert macs + biased + subsampled == 340_908
    assert macs - lines[-1].macs == 325_680
    assert lines[-1].macs == 84 * 10


def test_a_map_of_c3_sees_the_maps_of_its_column_only() -> None:
    torch.manual_seed(1)
    layer = PartlyConnected(C3)
    x = torch.randn(1, 6, 14, 14)
    y = layer(x)

    for seen in range(6):
        other = x.clone()
        other[:, seen] += 1
        changed = (layer(other) != y).flatten(2).any(2)[0].tolist()
        assert changed == [str(seen) in column for column in C3.split()]


def test_c3_is_the_sum_over_its_column() -> None:
    torch.manual_seed(1)
    layer = PartlyConnected("02 13 012")
    x = torch.randn(2, 4, 7, 7)
    expected = []
    columns = iter([[0, 2], [1, 3], [0, 1, 2]])
    for conv in layer.convs:
        assert isinstance(conv, nn.Conv2d)
        assert conv.bias is not None
        for i in range(conv.out_channels):
            weight, bias = conv.weight[i : i + 1], conv.bias[i : i + 1]
            expected.append(nn.functional.conv2d(x[:, next(columns)], weight, bias))

    assert torch.allclose(layer(x), torch.cat(expected, 1), atol=1e-6)


def test_subsampling_sums_scales_and_shifts() -> None:
    layer = Subsample(2)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([2.0, 3.0])[:, None, None])
        layer.bias.copy_(torch.tensor([0.5, -1.0])[:, None, None])
    x = torch.arange(16.0).reshape(1, 2, 2, 4)

    assert layer(x)[0].tolist() == [[[2 * 10 + 0.5, 2 * 18 + 0.5]], [[3 * 42 - 1, 3 * 50 - 1]]]


def test_squashing() -> None:
    """Appendix A of the paper: f(1) = 1 and f(-1) = -1."""
    x = torch.tensor([-1.0, 0.0, 0.3, 1.0], dtype=torch.float64, requires_grad=True)
    y = Squash()(x)
    (slope,) = torch.autograd.grad(y.sum(), x)

    assert y.tolist() == pytest.approx([-1, 0, 1.7159 * math.tanh(0.2), 1], abs=1e-5)
    assert torch.allclose(Squash().slope(y), slope, rtol=1e-12)


def test_the_output_ranks_classes_by_their_distance() -> None:
    """And softmax of it is softmax of minus the squared distances."""
    x = torch.randn(4, 84, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    codes = torch.tensor([code(c) for c in range(12)], dtype=torch.float64)
    distances = (x[:, None] - codes).square().sum(2)
    logits = RBF(12).double()(x)

    assert torch.equal(logits.argmax(1), distances.argmin(1))
    assert torch.allclose(logits.softmax(1), (-distances).softmax(1))


def test_codes_are_7x12_of_plus_and_minus_one_and_far_apart() -> None:
    codes = torch.tensor([code(c) for c in range(40)])

    assert codes.shape == (40, 84)
    assert set(codes.flatten().tolist()) == {-1, 1}
    different = (codes[:, None] != codes).sum(2) + 84 * torch.eye(40, dtype=torch.int64)
    assert int(different.min()) == 12


def test_a_seven_is_drawn() -> None:
    drawn = ["".join(".#"[v > 0] for v in code(7)[i : i + 7]) for i in range(0, 84, 7)]

    assert drawn[:4] == ["#######", ".....##", ".....##", "....##."]
    assert drawn[-2:] == [".......", "......."]


def test_codes_are_no_parameters_and_no_part_of_the_weights() -> None:
    network = LeNet5(classes=3)

    assert not [name for name in network.state_dict() if name.startswith("output")]
    assert torch.equal(network.output.weight, LeNet5().output.weight[:3])
