"""SqueezeNet: fire modules squeeze to few channels, then expand with 1x1 and 3x3 filters.

Iandola, Han, Moskewicz, Ashraf, Dally, Keutzer 2016, "SqueezeNet: AlexNet-level accuracy with 50x
fewer parameters and <0.5MB model size", table 1. Version 1.1 (the authors' release) has a 3x3
stem of 64 filters and pools earlier: 2.3 times fewer multiply-adds. Keys as in torchvision.
"""

from functools import partial

import torch
from torch import Tensor, nn

from models.architecture import Architecture, Network


class Fire(nn.Module):
    def __init__(self, channels: int, squeeze: int, expand: int) -> None:
        super().__init__()
        self.squeeze = nn.Conv2d(channels, squeeze, 1)
        self.expand1x1 = nn.Conv2d(squeeze, expand, 1)
        self.expand3x3 = nn.Conv2d(squeeze, expand, 3, padding=1)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:  # [n, channels, h, w] -> [n, 2 expand, h, w]
        x = self.relu(self.squeeze(x))
        return torch.cat([self.relu(self.expand1x1(x)), self.relu(self.expand3x3(x))], 1)


class SqueezeNet(Network):
    """The last convolution makes one map a class; their mean is the logit, so the head is empty."""

    def __init__(self, window: int, column: str, classes: int = 1000) -> None:
        super().__init__()
        stem, *rest = column.split()
        channels = int(stem)
        self.features = nn.Sequential(
            nn.Conv2d(3, channels, window, stride=2), nn.ReLU(inplace=True)
        )
        for entry in rest:
            if entry == "|":
                self.features.append(nn.MaxPool2d(3, stride=2, ceil_mode=True))
                continue
            squeeze = int(entry)
            self.features.append(Fire(channels, squeeze, 4 * squeeze))
            channels = 8 * squeeze
        self.classifier = nn.Sequential(
            nn.Dropout(0.5),
            nn.Conv2d(channels, classes, 1),
            nn.ReLU(inplace=True),
        )

    def maps(self, x: Tensor) -> Tensor:  #     [n, 3, 224, 224]
        x = self.features(x)  #                 [n, 512, 13, 13]
        y: Tensor = self.classifier(x)  #       [n, classes, 13, 13]
        return y


def row(name: str, window: int, column: str, parameters: int, macs: int) -> Architecture:
    return Architecture(
        name=name,
        family="SqueezeNet",
        year=2016,
        paper="SqueezeNet: AlexNet-level accuracy with 50x fewer parameters and <0.5MB model size",
        channels=3,
        size=224,
        classes=1000,
        parameters=parameters,
        macs=macs,
        head="none",
        build=partial(SqueezeNet, window, column),
    )


# Filters of the stem (and their window), then of the squeeze layers; | is a max pool. A fire
# module expands to four times as many of each size.
ARCHITECTURES = (
    row("squeezenet1_0", 7, "96 | 16 16 32 | 32 48 48 64 | 64", 1_248_424, 818_924_576),
    row("squeezenet1_1", 3, "64 | 16 16 | 32 32 | 48 48 64 64", 1_235_496, 349_151_936),
)
