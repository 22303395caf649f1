"""GoogLeNet: nine inception modules, each looking at its input through four sizes of window.

Szegedy, Liu, Jia, Sermanet, Reed, Anguelov, Erhan, Vanhoucke, Rabinovich 2014, "Going Deeper with
Convolutions", table 1 and figure 2(b). `googlenet_2014` is the paper's; where that is silent (the
constants of local response normalisation, pools that round up) as Caffe's `bvlc_googlenet`.
`googlenet_naive` is what figure 2(a) would cost: no 1x1 before a larger window, none after the
pool, so that every module passes its whole input on.

`googlenet` has torchvision's keys and departs from the paper where the published weights do: batch
normalisation (epsilon 0.001) instead of biases and local response normalisation, 3x3 filters in the
branch that the paper calls 5x5 (github.com/pytorch/vision, issue 906), a 2x2 window in the pool
before 5a. The auxiliary classifiers are for training only (`training/auxiliary.py`); their keys
(`aux1.`, `aux2.`) in the published file are left out.
"""

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor, nn

from models.architecture import Architecture, Network

Table = dict[str, tuple[int, ...]]

# 1x1, 3x3 reduce, 3x3, 5x5 reduce, 5x5, pool proj; a number alone is the window of a max pool
PAPER: Table = {  #                                  [n, 192, 28, 28]
    "inception3a": (64, 96, 128, 16, 32, 32),  #     [n, 256, 28, 28]
    "inception3b": (128, 128, 192, 32, 96, 64),  #   [n, 480, 28, 28]
    "maxpool3": (3,),  #                             [n, 480, 14, 14]
    "inception4a": (192, 96, 208, 16, 48, 64),  #    [n, 512, 14, 14]
    "inception4b": (160, 112, 224, 24, 64, 64),  #   [n, 512, 14, 14]
    "inception4c": (128, 128, 256, 24, 64, 64),  #   [n, 512, 14, 14]
    "inception4d": (112, 144, 288, 32, 64, 64),  #   [n, 528, 14, 14]
    "inception4e": (256, 160, 320, 32, 128, 128),  # [n, 832, 14, 14]
    "maxpool4": (3,),  #                             [n, 832, 7, 7]
    "inception5a": (256, 160, 320, 32, 128, 128),  # [n, 832, 7, 7]
    "inception5b": (384, 192, 384, 48, 128, 128),  # [n, 1024, 7, 7]
}
PUBLISHED: Table = PAPER | {"maxpool4": (2,)}
NAIVE: Table = {  # 0: there is none
    name: row if len(row) == 1 else (row[0], 0, row[2], 0, row[4], 0) for name, row in PAPER.items()
}


class ConvNormReLU(nn.Module):
    def __init__(self, channels: int, width: int, kernel: int, stride: int = 1) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, width, kernel, stride, padding=kernel // 2, bias=False)
        self.bn = nn.BatchNorm2d(width, eps=0.001)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.relu(self.bn(self.conv(x)))
        return y


class ConvReLU(nn.Module):
    def __init__(self, channels: int, width: int, kernel: int, stride: int = 1) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, width, kernel, stride, padding=kernel // 2)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.relu(self.conv(x))
        return y


Unit = type[ConvNormReLU] | type[ConvReLU]


def halving_pool(window: int) -> nn.MaxPool2d:
    return nn.MaxPool2d(window, stride=2, ceil_mode=True)


def reduced(unit: Unit, channels: int, reduce: int, width: int, window: int) -> nn.Sequential:
    """A convolution after a 1x1 one to `reduce` channels, its bottleneck; 0: straight."""
    if reduce == 0:
        return nn.Sequential(unit(channels, width, window))
    return nn.Sequential(unit(channels, reduce, 1), unit(reduce, width, window))


class Inception(nn.Module):
    """Four branches side by side; `row` is six numbers of the table.

    `largest` is the window of the third branch: 5 in the paper.
    """

    def __init__(
        self, channels: int, row: tuple[int, ...], unit: Unit = ConvNormReLU, largest: int = 3
    ) -> None:
        super().__init__()
        one, reduce3, three, reduce5, five, project = row
        self.branch1 = unit(channels, one, 1)
        self.branch2 = reduced(unit, channels, reduce3, three, 3)
        self.branch3 = reduced(unit, channels, reduce5, five, largest)
        self.branch4 = nn.Sequential(nn.MaxPool2d(3, stride=1, padding=1))
        if project:
            self.branch4.append(unit(channels, project, 1))
        self.out = one + three + five + (project or channels)

    def forward(self, x: Tensor) -> Tensor:  # [n, channels, h, w] -> [n, out, h, w]
        return torch.cat([self.branch1(x), self.branch2(x), self.branch3(x), self.branch4(x)], 1)


class GoogLeNet(Network):
    """`published`: with the departures from the paper that the published weights need."""

    def __init__(self, table: Table, classes: int = 1000, *, published: bool = False) -> None:
        super().__init__()
        unit: Unit = ConvNormReLU if published else ConvReLU
        self.conv1 = unit(3, 64, 7, stride=2)
        self.maxpool1 = halving_pool(3)
        self.conv2 = unit(64, 64, 1)
        self.conv3 = unit(64, 192, 3)
        self.maxpool2 = halving_pool(3)
        norm = nn.LocalResponseNorm(5, alpha=1e-4, beta=0.75, k=1.0)
        self.norm = nn.Identity() if published else norm
        channels = 192
        self.table = table
        for name, row in table.items():
            if len(row) == 1:
                self.add_module(name, halving_pool(*row))
            else:
                module = Inception(channels, row, unit, largest=3 if published else 5)
                self.add_module(name, module)
                channels = module.out
        self.dropout = nn.Dropout(0.2 if published else 0.4)
        self.fc = nn.Linear(channels, classes)

    def maps(self, x: Tensor) -> Tensor:  #                [n, 3, 224, 224]
        x = self.norm(self.maxpool1(self.conv1(x)))  #     [n, 64, 56, 56]
        x = self.norm(self.conv3(self.conv2(x)))  #        [n, 192, 56, 56]
        x = self.maxpool2(x)  #                            [n, 192, 28, 28]
        for name in self.table:
            x = self.get_submodule(name)(x)
        return x

    @property
    def head(self) -> tuple[nn.Module, ...]:
        return (self.dropout, self.fc)


def row(name: str, build: Callable[[int], Network], parameters: int, macs: int) -> Architecture:
    return Architecture(
        name=name,
        family="GoogLeNet",
        year=2014,
        paper="Going Deeper with Convolutions",
        channels=3,
        size=224,
        classes=1000,
        parameters=parameters,
        macs=macs,
        head="linear",
        build=build,
    )


ARCHITECTURES = (
    row("googlenet_2014", partial(GoogLeNet, PAPER), 6_998_552, 1_582_671_872),
    row("googlenet_naive", partial(GoogLeNet, NAIVE), 97_526_008, 12_568_061_056),
    row(
        "googlenet",
        partial(GoogLeNet, PUBLISHED, published=True),
        6_624_904,
        1_498_376_192,
    ),
)
