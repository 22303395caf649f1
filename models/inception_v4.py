"""Inception-v4: GoogLeNet's idea grown up, one kind of module for each size of the map.

Szegedy, Ioffe, Vanhoucke, Alemi 2016, "Inception-v4, Inception-ResNet and the Impact of Residual
Connections on Learning", figures 3 to 9 and table 1. Keys as in timm, layers as in the published
weights: batch normalisation has an epsilon of 0.001, average pools leave out their padding, and the
order of 1x7 and 7x1 is theirs.
"""

from collections.abc import Callable, Mapping
from functools import partial

import torch
from torch import Tensor, nn

from models.architecture import Architecture, Network

PAPER = "Inception-v4, Inception-ResNet and the Impact of Residual Connections on Learning"

# `1x7-64` is a convolution with 64 filters, 1 high and 7 wide, `3-64` one with 3x3, padded to keep
# the size; not so with /2, a stride of 2, or V, for valid as in the figures. One column a branch.
A = {
    "branch0": "1-96",
    "branch1": "1-64 3-96",
    "branch2": "1-64 3-96 3-96",
    "branch3": "avg 1-96",
}
REDUCTION_A = {
    "branch0": "3-384/2",
    "branch1": "1-192 3-224 3-256/2",
    "branch2": "max",
}
B = {
    "branch0": "1-384",
    "branch1": "1-192 1x7-224 7x1-256",
    "branch2": "1-192 7x1-192 1x7-224 7x1-224 1x7-256",
    "branch3": "avg 1-128",
}
REDUCTION_B = {
    "branch0": "1-192 3-192/2",
    "branch1": "1-256 1x7-256 7x1-320 3-320/2",
    "branch2": "max",
}
TABLE = (  #                                                                    [n, 3, 299, 299]
    "3-32/2",  #                                                                [n, 32, 149, 149]
    "3-32V",  #                                                                 [n, 32, 147, 147]
    "3-64",  #                                                                  [n, 64, 147, 147]
    {"maxpool": "max", "conv": "3-96/2"},  #                                    [n, 160, 73, 73]
    {"branch0": "1-64 3-96V", "branch1": "1-64 1x7-64 7x1-64 3-96V"},  #        [n, 192, 71, 71]
    {"conv": "3-192/2", "maxpool": "max"},  #                                   [n, 384, 35, 35]
    *(A, A, A, A),  #                                                           [n, 384, 35, 35]
    REDUCTION_A,  #                                                             [n, 1024, 17, 17]
    *(B, B, B, B, B, B, B),  #                                                  [n, 1024, 17, 17]
    REDUCTION_B,  #                                                             [n, 1536, 8, 8]
)

POOLS: dict[str, Callable[[], nn.Module]] = {
    "max": partial(nn.MaxPool2d, 3, stride=2),
    "avg": partial(nn.AvgPool2d, 3, stride=1, padding=1, count_include_pad=False),
}


class ConvNormReLU(nn.Module):
    """One entry of the table."""

    def __init__(self, channels: int, entry: str) -> None:
        super().__init__()
        shape, width = entry.removesuffix("/2").removesuffix("V").split("-")
        sides = [int(side) for side in shape.split("x")]
        kernel = (sides[0], sides[-1])
        self.out = int(width)
        self.conv = nn.Conv2d(
            channels,
            self.out,
            kernel,
            stride=2 if entry.endswith("/2") else 1,
            padding=0 if entry.endswith(("/2", "V")) else (kernel[0] // 2, kernel[1] // 2),
            bias=False,
        )
        self.bn = nn.BatchNorm2d(self.out, eps=0.001)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.relu(self.bn(self.conv(x)))
        return y


def chain(channels: int, column: str) -> tuple[nn.Module, int]:
    """The layers of a column, one after the other, and how many channels come out."""
    layers: list[nn.Module] = []
    for entry in column.split():
        if entry in POOLS:
            layers.append(POOLS[entry]())
            continue
        layer = ConvNormReLU(channels, entry)
        layers.append(layer)
        channels = layer.out
    return layers[0] if len(layers) == 1 else nn.Sequential(*layers), channels


class Mixed(nn.Module):
    """Columns side by side."""

    def __init__(self, channels: int, columns: Mapping[str, str]) -> None:
        super().__init__()
        self.branches = tuple(columns)
        self.out = 0
        for name, column in columns.items():
            branch, out = chain(channels, column)
            self.add_module(name, branch)
            self.out += out

    def forward(self, x: Tensor) -> Tensor:  # [n, channels, h, w] -> [n, out, h', w']
        return torch.cat([self.get_submodule(name)(x) for name in self.branches], 1)


class InceptionC(nn.Module):
    """Figure 6: two branches end in two windows side by side."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.branch0 = ConvNormReLU(channels, "1-256")
        self.branch1_0 = ConvNormReLU(channels, "1-384")
        self.branch1_1a = ConvNormReLU(384, "1x3-256")
        self.branch1_1b = ConvNormReLU(384, "3x1-256")
        self.branch2_0 = ConvNormReLU(channels, "1-384")
        self.branch2_1 = ConvNormReLU(384, "3x1-448")
        self.branch2_2 = ConvNormReLU(448, "1x3-512")
        self.branch2_3a = ConvNormReLU(512, "1x3-256")
        self.branch2_3b = ConvNormReLU(512, "3x1-256")
        self.branch3, _ = chain(channels, "avg 1-256")

    def forward(self, x: Tensor) -> Tensor:  # [n, 1536, 8, 8] -> [n, 1536, 8, 8]
        one = self.branch1_0(x)
        two = self.branch2_2(self.branch2_1(self.branch2_0(x)))
        ends = [self.branch1_1a(one), self.branch1_1b(one)]
        ends += [self.branch2_3a(two), self.branch2_3b(two)]
        return torch.cat([self.branch0(x), *ends, self.branch3(x)], 1)


class InceptionV4(Network):
    def __init__(self, classes: int = 1000) -> None:
        super().__init__()
        self.features = nn.Sequential()
        channels = 3
        for line in TABLE:
            layer = ConvNormReLU(channels, line) if isinstance(line, str) else Mixed(channels, line)
            self.features.append(layer)
            channels = layer.out
        self.features.extend(InceptionC(channels) for _ in range(3))
        self.dropout = nn.Dropout(0.2)
        self.last_linear = nn.Linear(channels, classes)

    def maps(self, x: Tensor) -> Tensor:  # [n, 3, 299, 299]
        y: Tensor = self.features(x)  #     [n, 1536, 8, 8]
        return y

    @property
    def head(self) -> tuple[nn.Module, ...]:
        return (self.dropout, self.last_linear)


ARCHITECTURES = (
    Architecture(
        name="inception_v4",
        family="Inception-v4",
        year=2016,
        paper=PAPER,
        channels=3,
        size=299,
        classes=1000,
        parameters=42_679_816,
        macs=12_253_974_624,
        head="linear",
        build=InceptionV4,
    ),
)
