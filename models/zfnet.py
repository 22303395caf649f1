"""ZFNet: AlexNet with a smaller first window and stride, after a look at what its layers had seen.

Zeiler, Fergus 2013, "Visualizing and Understanding Convolutional Networks", figure 3, whose sizes
(110, 55, 26, 13, 6) come out with a padding of 1 in conv1 and pools that round up. The figure's
contrast normalisation, after the pools, has no formula there: here it is AlexNet's. `zfnet_wide` is
the paper's larger variant (table 2), the one that lectures draw.
"""

from functools import partial

from torch import Tensor, nn

from models.alexnet import local_response_norm
from models.architecture import Architecture, Network


class ZFNet(Network):
    """`widths` are those of conv3, conv4 and conv5."""

    def __init__(self, widths: tuple[int, int, int], classes: int = 1000) -> None:
        super().__init__()
        third, fourth, fifth = widths
        self.conv1 = nn.Conv2d(3, 96, 7, stride=2, padding=1)
        self.conv2 = nn.Conv2d(96, 256, 5, stride=2)
        self.conv3 = nn.Conv2d(256, third, 3, padding=1)
        self.conv4 = nn.Conv2d(third, fourth, 3, padding=1)
        self.conv5 = nn.Conv2d(fourth, fifth, 3, padding=1)
        self.fc6 = nn.Linear(fifth * 6 * 6, 4096)
        self.fc7 = nn.Linear(4096, 4096)
        self.fc8 = nn.Linear(4096, classes)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(3, stride=2, ceil_mode=True)
        self.norm = local_response_norm()
        self.dropout = nn.Dropout(0.5)

    def maps(self, x: Tensor) -> Tensor:  #                     [n, 3, 224, 224]
        x = self.relu(self.conv1(x))  #                         [n, 96, 110, 110]
        x = self.norm(self.maxpool(x))  #                       [n, 96, 55, 55]
        x = self.relu(self.conv2(x))  #                         [n, 256, 26, 26]
        x = self.norm(self.maxpool(x))  #                       [n, 256, 13, 13]
        x = self.relu(self.conv3(x))
        x = self.relu(self.conv4(x))
        y: Tensor = self.relu(self.conv5(x))  #                 [n, fifth, 13, 13]
        return y

    def pool(self, maps: Tensor) -> Tensor:
        y: Tensor = self.maxpool(maps)  #                       [n, fifth, 6, 6]
        return y.flatten(1)

    @property
    def head(self) -> tuple[nn.Module, ...]:
        hidden = (self.fc6, self.relu, self.dropout, self.fc7, self.relu, self.dropout)
        return (*hidden, self.fc8)


def row(name: str, widths: tuple[int, int, int], parameters: int, macs: int) -> Architecture:
    return Architecture(
        name=name,
        family="ZFNet",
        year=2013,
        paper="Visualizing and Understanding Convolutional Networks",
        channels=3,
        size=224,
        classes=1000,
        parameters=parameters,
        macs=macs,
        head="stack",
        build=partial(ZFNet, widths),
    )


ARCHITECTURES = (
    row("zfnet", (384, 384, 256), 62_357_608, 1_168_032_896),
    row("zfnet_wide", (512, 1024, 512), 107_627_624, 2_476_704_896),
)
