"""The small examples and formulas of the lecture, computed from our modules one by one."""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, linear

from models.architecture import Network
from models.card import Preprocessing
from models.googlenet import ConvReLU, Inception
from models.layers import layer_table
from models.resnet import Bottleneck
from models.senet import SqueezeExcitation
from models.served import Served
from models.sizes import DoesNotFit, Window
from models.table import LayerTable

Value = str | int | float | bool
Values = tuple[Value, ...]
Compute = Callable[[], Values]

IMAGE = "100001 010010 001100 100010 010010 001010"


def alone(module: nn.Module, channels: int, size: int) -> LayerTable:
    """The table of a module by itself."""
    return layer_table(module.eval(), torch.zeros(1, channels, size, size))


def worked(filter_: str) -> Compute:
    """The lecture's image under that filter of + and -."""

    def compute() -> Values:
        image = [[float(n) for n in row] for row in IMAGE.split()]
        ones = [[1.0 if sign == "+" else -1.0 for sign in row] for row in filter_.split()]
        out = conv2d(torch.tensor([[image]]), torch.tensor([[ones]]))[0, 0]
        return (" / ".join(" ".join(f"{n:.0f}" for n in row) for row in out.tolist()),)

    return compute


def square(size: int, window: Window) -> Compute:
    """The size of what a filter makes of a square."""

    def compute() -> Values:
        try:
            side = window.output(size)
        except DoesNotFit:
            return (f"{float(window.places(size)):.2f}, does not fit",)
        return (f"{side}x{side}",)

    return compute


def six_filters() -> Values:
    """5x5x3 each, on 32x32x3."""
    return ("x".join(map(str, alone(nn.Conv2d(3, 6, 5), 3, 32).layers[-1].output)),)


def pads_that_keep_the_size() -> Values:
    """For filters of 3, 5 and 7."""
    return tuple(next(p for p in range(f) if Window(f, 1, p).output(7) == 7) for f in (3, 5, 7))


def stack(count: int, filter_: int, channels: int = 8) -> LayerTable:
    """Convolutions one after the other."""
    pad = filter_ // 2
    same = [nn.Conv2d(channels, channels, filter_, padding=pad) for _ in range(count)]
    return alone(nn.Sequential(*same), channels, 16)


def field_of(count: int) -> Compute:
    """Of 3x3 convolutions."""
    return lambda: ("x".join(map(str, stack(count, 3).layers[-1].receptive_field)),)


def three_small_or_one_large() -> Values:
    channels = 8
    counts = (stack(3, 3, channels).weights, stack(1, 7, channels).weights)
    return (" vs ".join(f"{count // channels**2} C^2" for count in counts),)


def inception(reduce: int, project: int) -> LayerTable:
    """The lecture's module on 28x28x256, of 1x1-128, 3x3-192 and 5x5-96; 0: nothing reduced."""
    row = (128, reduce, 192, reduce, 96, project)
    return alone(Inception(256, row, ConvReLU, largest=5), 256, 28)


def inception_output() -> Values:
    module = Inception(256, (128, 0, 192, 0, 96, 0), ConvReLU, largest=5)
    return (module(torch.zeros(1, 256, 28, 28)).shape[1],)


def plain_block() -> Values:
    """Multiply-adds of a position."""
    return (alone(nn.Conv2d(256, 256, 3, padding=1), 256, 1).macs,)


def bottleneck() -> Values:
    """Multiply-adds of a position, and of each convolution in units of 1024."""
    table = alone(Bottleneck(256, 64, 1), 256, 1)
    terms = [f"{line.macs // 1024}K" for line in table.layers if line.kind == "conv"]
    return (table.macs, " + ".join(terms))


class Told(Network):
    """Answers with the scores that it was told."""

    def __init__(self, scores: list[float]) -> None:
        super().__init__()
        self.logits = nn.Buffer(torch.tensor(scores).log())

    def maps(self, x: Tensor) -> Tensor:
        return self.logits[None, :, None, None].expand(len(x), -1, 1, 1)


def ranks() -> Values:
    """Whether the alpaca is among the first one, and two, of cat, dog, alpaca, camel."""
    served = Served(Told([0.1, 0.5, 0.3, 0.1]), Preprocessing(1, 1, 1, "bilinear", (0,), (1,)), 4)
    image, own_choice = torch.zeros(1, 1, 1, 1, dtype=torch.uint8), torch.full((1, 4), -1)
    classes = served(image, own_choice)[2][0].tolist()
    return tuple("correct" if 2 in classes[:first] else "wrong" for first in (1, 2))


def normalised(layer: nn.Module) -> Values:
    """Krizhevsky's formula, written out, beside the layer that the network has."""
    k, alpha, beta = 2, 1e-4, 0.75
    a = torch.linspace(-50, 50, 2 * 7 * 9, dtype=torch.float64).reshape(2, 7, 3, 3)
    b = torch.empty_like(a)
    for i in range(7):  # five neighbouring maps, fewer at the ends
        near = a[:, max(0, i - 2) : i + 3]
        b[:, i] = a[:, i] / (k + alpha * (near**2).sum(1)) ** beta
    return (torch.allclose(layer(a), b, rtol=1e-9),)


def squeezed_and_excited() -> Values:
    """The means z; s = sigmoid(W2 relu(W1 z)) through C/r; the maps times s."""
    held = []
    for r in (4, 8, 16, 32):
        module = SqueezeExcitation(64, r).double()
        x = torch.linspace(-1, 1, 64 * 30, dtype=torch.float64).reshape(1, 64, 5, 6)
        z = x.sum((2, 3)) / 30
        inner = linear(z, module.fc1.weight.flatten(1), module.fc1.bias).relu()
        s = linear(inner, module.fc2.weight.flatten(1), module.fc2.bias).sigmoid()
        held.append(inner.shape[1] == 64 // r and torch.allclose(module(x), x * s[..., None, None]))
    return (all(held),)
