"""ResNet: every block adds what it computes to what it was given.

He, Zhang, Ren, Sun 2015, "Deep Residual Learning for Image Recognition", table 1 and figure 5. Wide
ResNet (Zagoruyko, Komodakis 2016, "Wide Residual Networks") doubles the bottleneck's 3x3; ResNeXt
(Xie, Girshick, Dollár, Tu, He 2016, "Aggregated Residual Transformations for Deep Neural Networks",
table 1) cuts it into 32 groups. Keys as in torchvision. Departs from the paper where the published
weights do ("v1.5"): a bottleneck's stride is in its 3x3 convolution, not in the 1x1 before it
(ResNet-50: 4.09 instead of 3.86 thousand million multiply-adds; keys and shapes are the same).
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from functools import partial

from torch import Tensor, nn

from models.architecture import Architecture, Network

WIDTHS = (64, 128, 256, 512)  # of the blocks of conv2_x .. conv5_x


class Residual(nn.Module, ABC):
    """`relu(branch(x) + x)`; where the shape changes, x goes through a convolution, mostly 1x1."""

    def __init__(self, channels: int, out: int, stride: int, window: int = 1) -> None:
        super().__init__()
        self.out = out
        self.relu = nn.ReLU(inplace=True)
        self.downsample: nn.Module | None = None
        if stride != 1 or channels != out:
            self.downsample = nn.Sequential(
                nn.Conv2d(channels, out, window, stride, padding=window // 2, bias=False),
                nn.BatchNorm2d(out),
            )

    @abstractmethod
    def branch(self, x: Tensor) -> Tensor: ...

    def forward(self, x: Tensor) -> Tensor:  # [n, channels, h, w] -> [n, out, h/stride, w/stride]
        shortcut = x if self.downsample is None else self.downsample(x)
        y: Tensor = self.relu(self.branch(x) + shortcut)
        return y


class Basic(Residual):
    """Two 3x3 convolutions of `width` channels."""

    def __init__(self, channels: int, width: int, stride: int) -> None:
        super().__init__(channels, width, stride)
        self.conv1 = nn.Conv2d(channels, width, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)

    def branch(self, x: Tensor) -> Tensor:
        x = self.relu(self.bn1(self.conv1(x)))
        y: Tensor = self.bn2(self.conv2(x))
        return y


class Bottleneck(Residual):
    """1x1 down, 3x3, 1x1 up to four times `width`.

    The 3x3 has `groups` groups of `width` * `per_group` / 64 channels: one of `width` when plain.
    """

    def __init__(
        self, channels: int, width: int, stride: int, *, groups: int = 1, per_group: int = 64
    ) -> None:
        super().__init__(channels, 4 * width, stride)
        inner = width * per_group // 64 * groups
        self.conv1 = nn.Conv2d(channels, inner, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(inner)
        self.conv2 = nn.Conv2d(inner, inner, 3, stride, padding=1, groups=groups, bias=False)
        self.bn2 = nn.BatchNorm2d(inner)
        self.conv3 = nn.Conv2d(inner, self.out, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(self.out)

    def branch(self, x: Tensor) -> Tensor:
        x = self.relu(self.bn1(self.conv1(x)))
        x = self.relu(self.bn2(self.conv2(x)))
        y: Tensor = self.bn3(self.conv3(x))
        return y


Block = Callable[[int, int, int], Residual]  # channels, width, stride -> block


def stages(block: Block, channels: int, depths: Iterable[int]) -> tuple[list[nn.Sequential], int]:
    """conv2_x .. conv5_x after maps of `channels` channels, and the channels they end with.

    The first block of each but conv2_x halves the size.
    """
    done = []
    for i, (width, depth) in enumerate(zip(WIDTHS, depths, strict=True)):
        stage = nn.Sequential()
        for j in range(depth):
            one = block(channels, width, 2 if i > 0 and j == 0 else 1)
            stage.append(one)
            channels = one.out
        done.append(stage)
    return done, channels


class ResNet(Network):
    """`depths` blocks in each of the four stages."""

    def __init__(self, block: Block, depths: tuple[int, ...], classes: int = 1000) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)
        layers, channels = stages(block, 64, depths)
        self.layer1, self.layer2, self.layer3, self.layer4 = layers
        self.fc = nn.Linear(channels, classes)

    def maps(self, x: Tensor) -> Tensor:  #                       [n, 3, 224, 224]
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))  #   [n, 64, 56, 56]
        x = self.layer1(x)  #                                     [n, 64e, 56, 56], e = 1 or 4
        x = self.layer2(x)  #                                     [n, 128e, 28, 28]
        x = self.layer3(x)  #                                     [n, 256e, 14, 14]
        y: Tensor = self.layer4(x)  #                             [n, 512e, 7, 7]
        return y

    @property
    def head(self) -> tuple[nn.Module, ...]:
        return (self.fc,)


PAPERS = {
    "ResNet": (2015, "Deep Residual Learning for Image Recognition"),
    "Wide ResNet": (2016, "Wide Residual Networks"),
    "ResNeXt": (2016, "Aggregated Residual Transformations for Deep Neural Networks"),
}


def row(
    name: str,
    block: Block,
    depths: tuple[int, ...],
    parameters: int,
    macs: int,
    *,
    family: str = "ResNet",
) -> Architecture:
    year, paper = PAPERS[family]
    return Architecture(
        name=name,
        family=family,
        year=year,
        paper=paper,
        channels=3,
        size=224,
        classes=1000,
        parameters=parameters,
        macs=macs,
        head="linear",
        build=partial(ResNet, block, depths),
    )


D50, D101, D152 = (3, 4, 6, 3), (3, 4, 23, 3), (3, 8, 36, 3)
Wide = partial(Bottleneck, per_group=128)
X32x4 = partial(Bottleneck, groups=32, per_group=4)
X32x8 = partial(Bottleneck, groups=32, per_group=8)

ARCHITECTURES = (
    row("resnet18", Basic, (2, 2, 2, 2), 11_689_512, 1_814_073_344),
    row("resnet34", Basic, (3, 4, 6, 3), 21_797_672, 3_663_761_408),
    row("resnet50", Bottleneck, D50, 25_557_032, 4_089_184_256),
    row("resnet101", Bottleneck, D101, 44_549_160, 7_801_405_440),
    row("resnet152", Bottleneck, D152, 60_192_808, 11_513_626_624),
    row("wide_resnet50_2", Wide, D50, 68_883_240, 11_398_021_120, family="Wide ResNet"),
    row("wide_resnet101_2", Wide, D101, 126_886_696, 22_753_050_624, family="Wide ResNet"),
    row("resnext50_32x4d", X32x4, D50, 25_028_904, 4_230_479_872, family="ResNeXt"),
    row("resnext101_32x8d", X32x8, D101, 88_791_336, 16_414_015_488, family="ResNeXt"),
)
