"""SENet: every block weighs its channels by what it sees in the whole image.

Hu, Shen, Albanie, Sun, Wu 2017, "Squeeze-and-Excitation Networks", equations 2 to 4, table 1 and
the appendix on SENet-154. Keys as in timm's `legacy_seresnet50` and `legacy_senet154`. Departs from
the paper where the published weights, converted from Caffe, do: the excitation has biases, and the
max pool has no padding; its last windows hang over the edge instead.
"""

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor, nn

from models.architecture import Architecture, Network
from models.resnet import D50, D152, Block, Residual, stages

conv = partial(nn.Conv2d, bias=False)


class SqueezeExcitation(nn.Module):
    """Scales each channel by a number between 0 and 1, made of the means of all channels."""

    def __init__(self, channels: int, reduction: int = 16) -> None:
        super().__init__()
        self.fc1 = nn.Conv2d(channels, channels // reduction, 1)
        self.fc2 = nn.Conv2d(channels // reduction, channels, 1)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:  #                           [n, channels, h, w]
        z = x.mean((2, 3), keepdim=True)  #                              [n, channels, 1, 1]
        return x * torch.sigmoid(self.fc2(self.relu(self.fc1(z))))  #    [n, channels, h, w]


class SEBottleneck(Residual):
    """Two convolutions, a 1x1 to `out` channels, excitation; `window` is that of the shortcut."""

    def __init__(
        self, conv1: nn.Conv2d, conv2: nn.Conv2d, out: int, stride: int, window: int = 1
    ) -> None:
        super().__init__(conv1.in_channels, out, stride, window)
        self.conv1 = conv1
        self.bn1 = nn.BatchNorm2d(conv1.out_channels)
        self.conv2 = conv2
        self.bn2 = nn.BatchNorm2d(conv2.out_channels)
        self.conv3 = conv(conv2.out_channels, out, 1)
        self.bn3 = nn.BatchNorm2d(out)
        self.se_module = SqueezeExcitation(out)

    def branch(self, x: Tensor) -> Tensor:
        x = self.relu(self.bn1(self.conv1(x)))
        x = self.relu(self.bn2(self.conv2(x)))
        y: Tensor = self.se_module(self.bn3(self.conv3(x)))
        return y


def plain(channels: int, width: int, stride: int) -> SEBottleneck:
    """ResNet's bottleneck as in its paper: the stride is in the first convolution."""
    conv1 = conv(channels, width, 1, stride)
    return SEBottleneck(conv1, conv(width, width, 3, padding=1), 4 * width, stride)


def grouped(channels: int, width: int, stride: int) -> SEBottleneck:
    """ResNeXt's of 64 groups with a first convolution half as wide, and 3x3 shortcuts."""
    conv1 = conv(channels, 2 * width, 1)
    conv2 = conv(2 * width, 4 * width, 3, stride, padding=1, groups=64)
    return SEBottleneck(conv1, conv2, 4 * width, stride, window=3 if stride > 1 else 1)


class SENet(Network):
    """`stem` is (window, filters) of each convolution before the stages."""

    def __init__(
        self,
        block: Block,
        stem: tuple[tuple[int, int], ...],
        depths: tuple[int, ...],
        dropout: float,
        classes: int = 1000,
    ) -> None:
        super().__init__()
        self.layer0 = nn.Sequential()
        add, channels, stride = self.layer0.add_module, 3, 2
        for i, (window, filters) in enumerate(stem, start=1):
            add(f"conv{i}", conv(channels, filters, window, stride, padding=window // 2))
            add(f"bn{i}", nn.BatchNorm2d(filters))
            add(f"relu{i}", nn.ReLU(inplace=True))
            channels, stride = filters, 1
        self.pool0 = nn.MaxPool2d(3, stride=2, ceil_mode=True)
        layers, channels = stages(block, channels, depths)
        self.layer1, self.layer2, self.layer3, self.layer4 = layers
        self.dropout = nn.Dropout(dropout)
        self.last_linear = nn.Linear(channels, classes)

    def maps(self, x: Tensor) -> Tensor:  #    [n, 3, 224, 224]
        x = self.pool0(self.layer0(x))  #      [n, 64 or 128, 56, 56]
        x = self.layer1(x)  #                  [n, 256, 56, 56]
        x = self.layer2(x)  #                  [n, 512, 28, 28]
        x = self.layer3(x)  #                  [n, 1024, 14, 14]
        y: Tensor = self.layer4(x)  #          [n, 2048, 7, 7]
        return y

    @property
    def head(self) -> tuple[nn.Module, ...]:
        return (self.dropout, self.last_linear)


def row(name: str, parameters: int, macs: int, build: Callable[[int], SENet]) -> Architecture:
    return Architecture(
        name=name,
        family="SENet",
        year=2017,
        paper="Squeeze-and-Excitation Networks",
        channels=3,
        size=224,
        classes=1000,
        parameters=parameters,
        macs=macs,
        head="linear",
        build=build,
    )


SE_RESNET50 = partial(SENet, plain, ((7, 64),), D50, 0.0)
SENET154 = partial(SENet, grouped, ((3, 64), (3, 64), (3, 128)), D152, 0.2)

ARCHITECTURES = (
    row("se_resnet50", 28_088_024, 3_860_488_192, SE_RESNET50),
    row("senet154", 115_088_984, 20_688_363_520, SENET154),
)
