"""The auxiliary classifiers against the published counts, keys and the paper's loss."""

import pytest
import torch
from torch import nn

from models.catalog import architecture
from models.googlenet import GoogLeNet
from training.auxiliary import Auxiliaries, loss


def built(name: str, classes: int = 1000) -> tuple[GoogLeNet, Auxiliaries]:
    network = architecture(name).build(classes)
    assert isinstance(network, GoogLeNet)
    return network, Auxiliaries(network)


def size(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


@pytest.mark.parametrize(
    ("name", "parameters"), [("googlenet", 13_004_888), ("googlenet_2014", 13_378_280)]
)
def test_network_and_auxiliaries_have_the_published_number_of_parameters(
    name: str, parameters: int
) -> None:
    with torch.device("meta"):
        network, auxiliaries = built(name)

    assert size(network) + size(auxiliaries) == parameters


def test_keys_are_those_of_torchvision() -> None:
    """What a published file holds of them is what is loaded."""
    with torch.device("meta"):
        _, auxiliaries = built("googlenet")
    layers = ("conv.conv.weight", "fc1.weight", "fc1.bias", "fc2.weight", "fc2.bias")
    norm = ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")
    names = (*layers, *(f"conv.bn.{name}" for name in norm))

    assert set(auxiliaries.state_dict()) == {f"aux{i}.{name}" for i in (1, 2) for name in names}
    published = {
        "aux1.conv.conv.weight": (128, 512, 1, 1),
        "aux2.conv.conv.weight": (128, 528, 1, 1),
        "aux1.fc1.weight": (1024, 2048),
        "aux2.fc2.weight": (1000, 1024),
    }
    found = {key: tuple(auxiliaries.state_dict()[key].shape) for key in published}
    assert found == published


@pytest.mark.parametrize("name", ["googlenet", "googlenet_2014"])
def test_their_loss_reaches_the_middle_of_the_network_and_no_further(name: str) -> None:
    torch.manual_seed(1)
    network, auxiliaries = built(name, classes=5)
    logits = auxiliaries(network, torch.randn(2, 3, 224, 224))

    assert [tuple(one.shape) for one in logits] == [(2, 5)] * 3
    logits[2].sum().backward()
    reached = {name.split(".")[0] for name, p in network.named_parameters() if p.grad is not None}
    assert {"conv1", "inception4a", "inception4d"} <= reached
    assert not {"inception4e", "inception5a", "fc"} & reached
    assert not any(module._forward_hooks for module in network.modules())


def test_the_loss_is_the_papers() -> None:
    sure = torch.tensor([[0.0, 100.0]])
    unsure = torch.zeros(1, 2)  # a cross entropy of log 2
    target = torch.tensor([1])
    log2 = float(torch.tensor(2.0).log())

    assert float(loss((unsure, sure, sure), target)) == pytest.approx(log2)
    assert float(loss((sure, unsure, sure), target)) == pytest.approx(0.3 * log2)
    assert float(loss((unsure, unsure, unsure), target)) == pytest.approx(1.6 * log2)
