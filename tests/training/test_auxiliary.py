"""The auxiliary classifiers against the published counts, keys and the paper's loss."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from models.catalog import architecture
from models.googlenet import GoogLeNet
from training.auxiliary import Auxiliaries
from training.feed import PREPROCESSING, feed
from training.papers import paper_recipe
from training.progress import Budget
from training.run import Run


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
    """The auxiliaries' by 0.3; in a run they learn, and are in its checkpoint."""
    network, auxiliaries = built("googlenet_2014", 10)
    x = torch.randn(2, 3, 224, 224)
    with torch.no_grad():
        logits = auxiliaries.eval()(network.eval(), x)
    rules = replace(paper_recipe(architecture("googlenet_2014"), "scenes", 224), dropout=0.0)
    run = Run(network, rules, PREPROCESSING["scenes"], 1, feed("scenes", 1), auxiliaries)
    target = torch.tensor([3, 7])
    main, *others = (float(nn.functional.cross_entropy(y, target)) for y in logits)

    answer, loss = run._forward(x, target)
    assert torch.allclose(answer, logits[0], atol=1e-5)
    assert float(loss.detach()) == pytest.approx(main + 0.3 * sum(others), rel=1e-4)


def test_auxiliaries_train_beside_the_network_and_go_on_where_they_were(tmp_path: Path) -> None:
    def started(seed: int) -> Run:
        torch.manual_seed(seed)
        network, auxiliaries = built("googlenet_2014", 10)
        rules = paper_recipe(architecture("googlenet_2014"), "scenes", 224)
        rules = replace(rules, phases=(replace(rules.phases[0], batch=2),))
        return Run(network, rules, PREPROCESSING["scenes"], 1, feed("scenes", 1), auxiliaries)

    run, other = started(1), started(2)
    before = run.auxiliaries.aux2.fc2.weight.clone() if run.auxiliaries else torch.zeros(1)
    run.step(Budget(images=100))
    run.save(tmp_path / "run.pt")
    other.load(tmp_path / "run.pt")
    assert run.auxiliaries
    assert other.auxiliaries
    weight = run.auxiliaries.aux2.fc2.weight
    assert not torch.equal(weight, before)
    assert torch.equal(weight, other.auxiliaries.aux2.fc2.weight)
    assert not any(key.startswith("aux") for key in run.network.state_dict())
