"""DPN: a residual path and a dense path through the same blocks.

Chen, Li, Xiao, Jin, Yan, Feng 2017, "Dual Path Networks", table 1 (DPN-92 and DPN-98; DPN-131 and
the small DPN-68 and 68b as the authors released them). Batch normalisation (epsilon 0.001) and
ReLU come before each convolution but the stem's. Keys as in timm.
"""

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor, nn

from models.architecture import Architecture, Network
from models.googlenet import ConvNormReLU


class NormReLU(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.bn = nn.BatchNorm2d(channels, eps=0.001)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.relu(self.bn(x))
        return y


class NormReLUConv(NormReLU):
    def __init__(
        self, channels: int, width: int, window: int = 1, stride: int = 1, groups: int = 1
    ) -> None:
        super().__init__(channels)
        self.conv = nn.Conv2d(
            channels, width, window, stride, padding=window // 2, groups=groups, bias=False
        )

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.conv(super().forward(x))
        return y


class DualPath(nn.Module):
    """Adds to the first `width` channels (the residual path), appends `growth` (the dense path).

    The first block of a stage, which has a stride, starts both paths from a projection of x.
    """

    def __init__(
        self, channels: int, inner: int, width: int, growth: int, groups: int, stride: int | None
    ) -> None:
        super().__init__()
        self.width = width
        self.out = channels + growth
        self.projection = ""
        if stride:
            self.projection = f"c1x1_w_s{stride}"
            self.add_module(
                self.projection, NormReLUConv(channels, width + 2 * growth, stride=stride)
            )
            self.out = width + 3 * growth
        self.c1x1_a = NormReLUConv(channels, inner)
        self.c3x3_b = NormReLUConv(inner, inner, 3, stride or 1, groups)
        self.c1x1_c: NormReLU = NormReLUConv(inner, width + growth)

    def branch(self, x: Tensor) -> Tensor:
        y: Tensor = self.c1x1_c(self.c3x3_b(self.c1x1_a(x)))
        return y

    def forward(self, x: Tensor) -> Tensor:  # [n, channels, h, w] -> [n, out, h/stride, w/stride]
        y = self.branch(x)
        if self.projection:
            x = self.get_submodule(self.projection)(x)
        n = self.width
        return torch.cat([x[:, :n] + y[:, :n], x[:, n:], y[:, n:]], 1)


class DualPathB(DualPath):
    """The same function; the last convolution is stored as two, one a path."""

    def __init__(
        self, channels: int, inner: int, width: int, growth: int, groups: int, stride: int | None
    ) -> None:
        super().__init__(channels, inner, width, growth, groups, stride)
        self.c1x1_c = NormReLU(inner)
        self.c1x1_c1 = nn.Conv2d(inner, width, 1, bias=False)
        self.c1x1_c2 = nn.Conv2d(inner, growth, 1, bias=False)

    def branch(self, x: Tensor) -> Tensor:
        y = super().branch(x)
        return torch.cat([self.c1x1_c1(y), self.c1x1_c2(y)], 1)


class Pointwise(nn.Linear):
    """A Linear whose weight is stored as that of a 1x1 convolution, as in the published files."""

    def __init__(self, channels: int, classes: int) -> None:
        super().__init__(channels, classes)
        self.weight = nn.Parameter(self.weight.detach()[:, :, None, None])

    def forward(self, x: Tensor) -> Tensor:  # [n, channels] -> [n, classes]
        return nn.functional.linear(x, self.weight.flatten(1), self.bias)


class DPN(Network):
    """`stem` is (window, filters); `stages` are rows of (inner, width, growth, blocks)."""

    def __init__(
        self,
        block: type[DualPath],
        stem: tuple[int, int],
        groups: int,
        stages: tuple[tuple[int, int, int, int], ...],
        classes: int = 1000,
    ) -> None:
        super().__init__()
        window, channels = stem
        self.features = nn.Sequential()
        add = self.features.add_module  #                         [n, 3, 224, 224]
        add("conv1_1", ConvNormReLU(3, channels, window, stride=2))
        add("conv1_pool", nn.MaxPool2d(3, stride=2, padding=1))  # 56, then 56, 28, 14, 7 square
        for i, (inner, width, growth, depth) in enumerate(stages, start=2):
            stride: int | None = 1 if i == 2 else 2
            for j in range(1, depth + 1):
                one = block(channels, inner, width, growth, groups, stride)
                add(f"conv{i}_{j}", one)
                channels, stride = one.out, None
        add("conv5_bn_ac", NormReLU(channels))
        self.classifier = Pointwise(channels, classes)

    def maps(self, x: Tensor) -> Tensor:
        y: Tensor = self.features(x)  #  [n, 2688, 7, 7]; 832 channels for DPN-68
        return y

    @property
    def head(self) -> tuple[nn.Module, ...]:
        return (self.classifier,)


def row(name: str, parameters: int, macs: int, build: Callable[[int], DPN]) -> Architecture:
    return Architecture(
        name=name,
        family="DPN",
        year=2017,
        paper="Dual Path Networks",
        channels=3,
        size=224,
        classes=1000,
        parameters=parameters,
        macs=macs,
        head="linear",
        build=build,
    )


# a stage is the width of its 1x1 and 3x3, of the residual path, growth of the dense path, blocks
S68 = ((128, 64, 16, 3), (256, 128, 32, 4), (512, 256, 32, 12), (1024, 512, 64, 3))
S92 = ((96, 256, 16, 3), (192, 512, 32, 4), (384, 1024, 24, 20), (768, 2048, 128, 3))
S98 = ((160, 256, 16, 3), (320, 512, 32, 6), (640, 1024, 32, 20), (1280, 2048, 128, 3))
S131 = ((160, 256, 16, 4), (320, 512, 32, 8), (640, 1024, 32, 28), (1280, 2048, 128, 3))

ARCHITECTURES = (
    row("dpn68", 12_611_602, 2_326_163_456, partial(DPN, DualPath, (3, 10), 32, S68)),
    row("dpn68b", 12_611_602, 2_326_163_456, partial(DPN, DualPathB, (3, 10), 32, S68)),
    row("dpn92", 37_668_392, 6_501_684_224, partial(DPN, DualPath, (7, 64), 32, S92)),
    row("dpn98", 61_570_728, 11_671_217_152, partial(DPN, DualPath, (7, 96), 40, S98)),
    row("dpn131", 79_254_504, 16_013_648_896, partial(DPN, DualPath, (7, 128), 40, S131)),
)
