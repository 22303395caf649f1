"""Every fact in the catalogue against the network it is about; no network is excused."""

from collections import Counter

import pytest
import torch
from torch import nn

from models.architecture import Architecture, Network
from models.catalog import CATALOG, architecture
from models.layers import layer_table
from models.lenet import RBF, Squash

every = pytest.mark.parametrize("row", CATALOG, ids=lambda row: row.name)


def on_meta(row: Architecture, classes: int) -> Network:
    """Shapes without numbers: even VGG-19 is built and run in no time."""
    with torch.device("meta"):
        return row.build(classes).eval()


@every
def test_counts_are_exact(row: Architecture) -> None:
    network = on_meta(row, row.classes)

    assert sum(p.numel() for p in network.parameters()) == row.parameters
    image = torch.empty(1, row.channels, row.size, row.size, device="meta")
    assert layer_table(network, image).macs == row.macs


@every
def test_image_becomes_maps_then_features_then_logits(row: Architecture) -> None:
    network = on_meta(row, row.classes)
    maps = network.maps(torch.empty(2, row.channels, row.size, row.size, device="meta"))
    features = network.pool(maps)
    logits = nn.Sequential(*network.head)(features)

    assert maps.dim() == 4
    assert min(maps.shape) >= 2
    assert features.dim() == 2
    assert logits.shape == (2, row.classes)
    assert type(network).forward is Network.forward, "forward must stay head(pool(maps(x)))"


@every
def test_head_is_of_the_kind_it_says(row: Architecture) -> None:
    layers = [layer for layer in on_meta(row, 10).head if not isinstance(layer, nn.Dropout)]
    linear = sum(isinstance(layer, nn.Linear | RBF) for layer in layers)

    assert all(isinstance(layer, nn.Linear | RBF | nn.ReLU | nn.Tanh | Squash) for layer in layers)
    if not layers:
        assert row.head == "none"
    elif len(layers) == 1:
        assert (row.head, linear) == ("linear", 1)
    else:
        assert row.head == "stack"
        assert linear > 1


@every
def test_any_number_of_classes(row: Architecture) -> None:
    image = torch.empty(1, row.channels, row.size, row.size, device="meta")

    assert on_meta(row, 7)(image).shape == (1, 7)


def test_names_are_unique() -> None:
    assert [name for name, n in Counter(row.name for row in CATALOG).items() if n > 1] == []


def test_forward_is_head_of_pool_of_maps() -> None:
    row = architecture("lenet5_plain")
    network = row.build(row.classes).eval()
    image = torch.randn(3, row.channels, row.size, row.size)
    with torch.no_grad():
        expected = nn.Sequential(*network.head)(network.pool(network.maps(image)))

        assert torch.equal(network(image), expected)


def test_an_unknown_name_is_answered_with_the_nearest() -> None:
    with pytest.raises(ValueError, match="did you mean resnet50"):
        architecture("resnet5O")


def test_a_name_like_nothing_is_answered_with_all_there_are() -> None:
    with pytest.raises(ValueError, match=r"there are .*vgg16"):
        architecture("?")
