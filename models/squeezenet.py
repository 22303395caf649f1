"""SqueezeNet: fire modules squeeze to few channels, then expand with 1x1 and 3x3 filters.

Iandola, Han, Moskewicz, Ashraf, Dally, Keutzer 2016, "SqueezeNet: AlexNet-level accuracy with 50x
fewer parameters and <0.5MB model size", table 1. Version 1.1 (the authors' release) has a 3x3
stem of 64 filters and pools earlier: 2.4 times fewer multiply-adds. Keys as in torchvision.
"""

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


def max_pool() -> nn.MaxPool2d:
    return nn.MaxPool2d(3, stride=2, ceil_mode=True)


class SqueezeNet11(Network):
    """The last convolution makes one map a class; their mean is the logit, so the head is empty."""

    def __init__(self, classes: int = 1000) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, 64, 3, stride=2),  # [n, 64, 111, 111]
            nn.ReLU(inplace=True),
            max_pool(),  #                    [n, 64, 55, 55]
            Fire(64, 16, 64),
            Fire(128, 16, 64),
            max_pool(),  #                    [n, 128, 27, 27]
            Fire(128, 32, 128),
            Fire(256, 32, 128),
            max_pool(),  #                    [n, 256, 13, 13]
            Fire(256, 48, 192),
            Fire(384, 48, 192),
            Fire(384, 64, 256),
            Fire(512, 64, 256),  #            [n, 512, 13, 13]
        )
        self.classifier = nn.Sequential(
            nn.Dropout(0.5),
            nn.Conv2d(512, classes, 1),  #    [n, classes, 13, 13]
            nn.ReLU(inplace=True),
        )

    def maps(self, x: Tensor) -> Tensor:
        y: Tensor = self.classifier(self.features(x))
        return y


ARCHITECTURES = (
    Architecture(
        name="squeezenet1_1",
        family="SqueezeNet",
        year=2016,
        paper="SqueezeNet: AlexNet-level accuracy with 50x fewer parameters and <0.5MB model size",
        channels=3,
        size=224,
        classes=1000,
        parameters=1_235_496,
        macs=349_151_936,
        head="none",
        build=SqueezeNet11,
    ),
)
