"""The maps inside the graph are Grad-CAM, as autograd computes it, for every kind of head."""

import pytest
import torch

from export.networks import grad_cam
from models.architecture import Architecture
from models.card import Preprocessing
from models.catalog import CATALOG, architecture
from models.served import Served
from models.weights.random_weights import pictures, randomise

# one of each kind of head, and each activation of the stacks
KINDS = [
    *("lenet5", "lenet5_plain", "alexnet", "nin_cifar10", "squeezenet1_1"),
    *("googlenet", "resnet18", "mobilenet_v1"),
]


def served(a: Architecture) -> Served:
    network = a.build(a.classes)
    randomise(network, a.channels, a.size, seed=3)
    halves = (0.5,) * a.channels
    plain = Preprocessing(a.channels, a.size, a.size, "bilinear", halves, halves)
    return Served(network.requires_grad_(requires_grad=False), plain, a.classes).eval()


def test_the_kinds_are_all_kinds() -> None:
    assert {architecture(name).head for name in KINDS} == {a.head for a in CATALOG}


@pytest.mark.parametrize("name", KINDS)
def test_maps_are_grad_cam(name: str) -> None:
    a = architecture(name)
    net = served(a)
    images = torch.from_numpy(pictures(2, a.size, a.channels, seed=4))
    asked = torch.tensor([[-1, -1, -1, -1, -1], [3, 1, -1, 4, 1]])
    logits, scores, classes, maps = net(images, asked)

    x = (images.permute(0, 3, 1, 2) / 255 - 0.5) / 0.5
    assert torch.allclose(logits, net.network(x), atol=1e-4 * float(logits.abs().max()))
    best = logits.topk(5).indices
    assert torch.equal(classes, torch.where(asked < 0, best, asked))
    assert torch.allclose(scores, logits.softmax(1).gather(1, classes))

    expected = grad_cam(net.network, x, classes)
    error = (maps - expected).abs().max() / expected.abs().max()
    assert float(error) < 5e-5, f"{float(error):.1e}"


def test_the_map_of_a_gap_network_is_the_class_activation_map_of_the_lecture() -> None:
    """Zhou et al. 2016, equation 2: the rows of the last layer weigh the maps."""
    a = architecture("resnet18")
    net = served(a)
    images = torch.from_numpy(pictures(1, a.size, a.channels, seed=5))
    _, _, classes, maps = net(images, torch.full((1, 5), -1))
    features = net.network.maps(((images / 255 - 0.5) / 0.5).permute(0, 3, 1, 2).contiguous())
    rows = net.network.head[0].weight[classes[0]]  # type: ignore[index]
    cam = torch.einsum("kc,chw->khw", rows, features[0])
    assert torch.allclose(maps[0], cam, atol=1e-4 * float(cam.abs().max()))


def test_few_classes_are_explained_all() -> None:
    a = architecture("lenet5_plain")
    net = Served(a.build(3), Preprocessing(1, 32, 32, "bilinear", (0.5,), (0.5,)), 3)
    images = torch.zeros((2, 32, 32, 1), dtype=torch.uint8)
    logits, scores, classes, maps = net.eval()(images, torch.full((2, 3), -1))
    assert [t.shape[1] for t in (logits, scores, classes, maps)] == [3, 3, 3, 3]
