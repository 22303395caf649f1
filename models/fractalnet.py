"""FractalNet: deep without residuals; a block is made of two smaller ones beside a shortcut.

Larsson, Maire, Shakhnarovich 2016, "FractalNet: Ultra-Deep Neural Networks without Residuals",
equation 1 and figure 1. A convolution is 3x3 with a bias, then batch normalisation and ReLU, as in
the authors' Caffe files. A pool comes after the last join of a block, as in figure 1; their files
pool each column just before it. Second-hand: the widths and the stem (ResNet's) of the network for
ImageNet. For 20 layers the paper counts 38.6 million parameters, their files have 33.7, as here.
Drop-path is a matter of training: training/drop_path.py.
"""

from functools import reduce

import torch
from torch import Tensor, nn

from models.architecture import Architecture, Network


class ConvNormReLU(nn.Sequential):
    """f_1 of equation 1."""

    def __init__(self, channels: int, width: int, window: int = 3, stride: int = 1) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, width, window, stride, padding=window // 2)
        self.bn = nn.BatchNorm2d(width)
        self.relu = nn.ReLU(inplace=True)

    def ends(self, z: Tensor) -> list[Tensor]:
        return [self(z)]


class Join(nn.Module):
    """The mean of the columns that end at one place."""

    def forward(self, columns: list[Tensor]) -> Tensor:
        return reduce(torch.add, columns) / len(columns)


class Fractal(nn.Module):
    """f_(C+1)(z) of equation 1: f_C(f_C(z)) joined with conv(z).

    Where several columns end at one place, one join takes them all.
    """

    def __init__(self, channels: int, width: int, columns: int) -> None:
        super().__init__()
        self.first = fractal(channels, width, columns - 1)
        self.second = fractal(width, width, columns - 1)
        self.conv = ConvNormReLU(channels, width)
        self.join = Join()

    def ends(self, z: Tensor) -> list[Tensor]:
        """What the columns give, the deepest first, not yet joined."""
        return [*self.second.ends(self.first(z)), self.conv(z)]

    def forward(self, z: Tensor) -> Tensor:  # [n, channels, h, w] -> [n, width, h, w]
        y: Tensor = self.join(self.ends(z))
        return y


def fractal(channels: int, width: int, columns: int) -> ConvNormReLU | Fractal:
    if columns == 1:
        return ConvNormReLU(channels, width)
    return Fractal(channels, width, columns)


class FractalNet(Network):
    """Blocks of `widths`, each of so many columns, with pools between them."""

    def __init__(
        self,
        stem: nn.Sequential,
        channels: int,
        widths: tuple[int, ...],
        columns: int,
        classes: int,
    ) -> None:
        super().__init__()
        self.columns = columns
        self.stem = stem
        self.blocks = nn.Sequential()
        for i, width in enumerate(widths):
            if i > 0:
                self.blocks.append(nn.MaxPool2d(2))
            self.blocks.append(fractal(channels, width, columns))
            channels = width
        self.fc = nn.Linear(channels, classes)

    def maps(self, x: Tensor) -> Tensor:
        y: Tensor = self.blocks(self.stem(x))
        return y

    @property
    def head(self) -> tuple[nn.Module, ...]:
        return (self.fc,)


class FractalNet20(FractalNet):
    """The paper's for CIFAR; its last pool ends at one pixel."""

    def __init__(self, classes: int = 10) -> None:
        super().__init__(nn.Sequential(), 3, (64, 128, 256, 512, 512), 3, classes)

    def pool(self, maps: Tensor) -> Tensor:  # [n, 512, 2, 2] -> [n, 512]
        return nn.functional.max_pool2d(maps, 2).flatten(1)


class FractalNet34(FractalNet):
    def __init__(self, classes: int = 1000) -> None:
        stem = nn.Sequential(
            ConvNormReLU(3, 64, window=7, stride=2), nn.MaxPool2d(3, stride=2, padding=1)
        )
        super().__init__(stem, 64, (128, 256, 512, 1024), 4, classes)  # maps: [n, 1024, 7, 7]


PAPER = "FractalNet: Ultra-Deep Neural Networks without Residuals"

ARCHITECTURES = (
    Architecture(
        name="fractalnet20_cifar10",
        family="FractalNet",
        year=2016,
        paper=PAPER,
        channels=3,
        size=32,
        classes=10,
        parameters=33_734_922,
        macs=845_222_912,
        head="linear",
        build=FractalNet20,
    ),
    Architecture(
        name="fractalnet34",
        family="FractalNet",
        year=2016,
        paper=PAPER,
        channels=3,
        size=224,
        classes=1000,
        parameters=164_059_880,
        macs=24_164_982_784,
        head="linear",
        build=FractalNet34,
    ),
)
