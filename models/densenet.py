"""DenseNet: every layer of a block sees the maps of all the layers before it.

Huang, Liu, van der Maaten, Weinberger 2016, "Densely Connected Convolutional Networks", table 1
(the BC form: 1x1 bottlenecks of four times the growth, transitions that halve the channels).
Keys as in torchvision.
"""

from functools import partial

import torch
from torch import Tensor, nn

from models.architecture import Architecture, Network


class DenseLayer(nn.Module):
    def __init__(self, channels: int, growth: int) -> None:
        super().__init__()
        self.norm1 = nn.BatchNorm2d(channels)
        self.conv1 = nn.Conv2d(channels, 4 * growth, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(4 * growth)
        self.conv2 = nn.Conv2d(4 * growth, growth, 3, padding=1, bias=False)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:  # [n, channels, h, w] -> [n, channels + growth, h, w]
        y = self.conv1(self.relu(self.norm1(x)))
        y = self.conv2(self.relu(self.norm2(y)))
        return torch.cat([x, y], 1)


class DenseBlock(nn.Sequential):
    def __init__(self, channels: int, depth: int, growth: int) -> None:
        super().__init__()
        for i in range(depth):
            self.add_module(f"denselayer{i + 1}", DenseLayer(channels + i * growth, growth))


class Transition(nn.Sequential):
    """Half the channels, half the size."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(channels)
        self.relu = nn.ReLU(inplace=True)
        self.conv = nn.Conv2d(channels, channels // 2, 1, bias=False)
        self.pool = nn.AvgPool2d(2)


class DenseNet(Network):
    """Four blocks of `depths` layers; the stem has twice `growth` channels."""

    def __init__(self, growth: int, depths: tuple[int, ...], classes: int = 1000) -> None:
        super().__init__()
        channels = 2 * growth
        self.features = nn.Sequential()
        add = self.features.add_module  #                           [n, 3, 224, 224]
        add("conv0", nn.Conv2d(3, channels, 7, stride=2, padding=3, bias=False))
        add("norm0", nn.BatchNorm2d(channels))
        add("relu0", nn.ReLU(inplace=True))
        add("pool0", nn.MaxPool2d(3, stride=2, padding=1))  #       [n, 2 growth, 56, 56]
        for i, depth in enumerate(depths, start=1):
            if i > 1:
                add(f"transition{i - 1}", Transition(channels))  #  28, 14, 7 square
                channels //= 2
            add(f"denseblock{i}", DenseBlock(channels, depth, growth))
            channels += depth * growth
        add("norm5", nn.BatchNorm2d(channels))
        self.relu = nn.ReLU(inplace=True)
        self.classifier = nn.Linear(channels, classes)

    def maps(self, x: Tensor) -> Tensor:
        y: Tensor = self.relu(self.features(x))  #  [n, 1024, 7, 7] for DenseNet-121
        return y

    @property
    def head(self) -> tuple[nn.Module, ...]:
        return (self.classifier,)


def row(
    name: str, growth: int, depths: tuple[int, ...], parameters: int, macs: int
) -> Architecture:
    return Architecture(
        name=name,
        family="DenseNet",
        year=2016,
        paper="Densely Connected Convolutional Networks",
        channels=3,
        size=224,
        classes=1000,
        parameters=parameters,
        macs=macs,
        head="linear",
        build=partial(DenseNet, growth, depths),
    )


ARCHITECTURES = (
    row("densenet121", 32, (6, 12, 24, 16), 7_978_856, 2_834_161_664),
    row("densenet161", 48, (6, 12, 36, 24), 28_681_000, 7_727_907_072),
    row("densenet169", 32, (6, 12, 32, 32), 14_149_480, 3_359_843_328),
    row("densenet201", 32, (6, 12, 48, 32), 20_013_928, 4_291_365_888),
)
