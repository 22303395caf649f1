"""GoogLeNet: nine inception modules, each looking at its input through four sizes of window.

Szegedy, Liu, Jia, Sermanet, Reed, Anguelov, Erhan, Vanhoucke, Rabinovich 2014, "Going Deeper with
Convolutions", table 1 and figure 2(b). Keys as in torchvision. Departs from the paper where the
published weights do: batch normalisation (epsilon 0.001) instead of biases and local response
normalisation, 3x3 filters in the branch that the paper calls 5x5 (github.com/pytorch/vision,
issue 906), a 2x2 window in the pool before 5a. The auxiliary classifiers are for training only and
not built; their keys (`aux1.`, `aux2.`) in the published file are left out.
"""

import torch
from torch import Tensor, nn

from models.architecture import Architecture, Network

# 1x1, 3x3 reduce, 3x3, 5x5 reduce, 5x5, pool proj; a number alone is the window of a max pool
TABLE: dict[str, tuple[int, ...]] = {  #             [n, 192, 28, 28]
    "inception3a": (64, 96, 128, 16, 32, 32),  #     [n, 256, 28, 28]
    "inception3b": (128, 128, 192, 32, 96, 64),  #   [n, 480, 28, 28]
    "maxpool3": (3,),  #                             [n, 480, 14, 14]
    "inception4a": (192, 96, 208, 16, 48, 64),  #    [n, 512, 14, 14]
    "inception4b": (160, 112, 224, 24, 64, 64),  #   [n, 512, 14, 14]
    "inception4c": (128, 128, 256, 24, 64, 64),  #   [n, 512, 14, 14]
    "inception4d": (112, 144, 288, 32, 64, 64),  #   [n, 528, 14, 14]
    "inception4e": (256, 160, 320, 32, 128, 128),  # [n, 832, 14, 14]
    "maxpool4": (2,),  #                             [n, 832, 7, 7]
    "inception5a": (256, 160, 320, 32, 128, 128),  # [n, 832, 7, 7]
    "inception5b": (384, 192, 384, 48, 128, 128),  # [n, 1024, 7, 7]
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


def halving_pool(window: int) -> nn.MaxPool2d:
    return nn.MaxPool2d(window, stride=2, ceil_mode=True)


class Inception(nn.Module):
    """Four branches side by side; `row` is six numbers of the table."""

    def __init__(self, channels: int, row: tuple[int, ...]) -> None:
        super().__init__()
        one, reduce3, three, reduce5, five, project = row
        self.branch1 = ConvNormReLU(channels, one, 1)
        self.branch2 = nn.Sequential(
            ConvNormReLU(channels, reduce3, 1), ConvNormReLU(reduce3, three, 3)
        )
        self.branch3 = nn.Sequential(
            ConvNormReLU(channels, reduce5, 1), ConvNormReLU(reduce5, five, 3)
        )
        self.branch4 = nn.Sequential(
            nn.MaxPool2d(3, stride=1, padding=1), ConvNormReLU(channels, project, 1)
        )
        self.out = one + three + five + project

    def forward(self, x: Tensor) -> Tensor:  # [n, channels, h, w] -> [n, out, h, w]
        return torch.cat([self.branch1(x), self.branch2(x), self.branch3(x), self.branch4(x)], 1)


class GoogLeNet(Network):
    def __init__(self, classes: int = 1000) -> None:
        super().__init__()
        self.conv1 = ConvNormReLU(3, 64, 7, stride=2)
        self.maxpool1 = halving_pool(3)
        self.conv2 = ConvNormReLU(64, 64, 1)
        self.conv3 = ConvNormReLU(64, 192, 3)
        self.maxpool2 = halving_pool(3)
        channels = 192
        for name, row in TABLE.items():
            if len(row) == 1:
                self.add_module(name, halving_pool(*row))
            else:
                module = Inception(channels, row)
                self.add_module(name, module)
                channels = module.out
        self.dropout = nn.Dropout(0.2)
        self.fc = nn.Linear(channels, classes)

    def maps(self, x: Tensor) -> Tensor:  #                [n, 3, 224, 224]
        x = self.maxpool1(self.conv1(x))  #                [n, 64, 56, 56]
        x = self.maxpool2(self.conv3(self.conv2(x)))  #    [n, 192, 28, 28]
        for name in TABLE:
            x = self.get_submodule(name)(x)
        return x

    @property
    def head(self) -> tuple[nn.Module, ...]:
        return (self.dropout, self.fc)


ARCHITECTURES = (
    Architecture(
        name="googlenet",
        family="GoogLeNet",
        year=2014,
        paper="Going Deeper with Convolutions",
        channels=3,
        size=224,
        classes=1000,
        parameters=6_624_904,
        macs=1_498_376_192,
        head="linear",
        build=GoogLeNet,
    ),
)
