"""Network in Network: 1x1 convolutions after each larger one, and the first head without weights.

Lin, Chen, Yan 2013, "Network In Network", figure 2, for CIFAR-10 (section 4.2); the widths are
those of the authors' Caffe files, whose pools round up. The paper has no network for ImageNet:
`nin` is the one that its first author released. ReLU follows each convolution, the last included.
"""

from collections.abc import Iterator
from functools import partial

from torch import Tensor, nn

from models.architecture import Architecture, Network

# 11/4-96 is an 11x11 convolution at stride 4 of 96 maps, a number alone is a 1x1 one of that width,
# C has one map a class.
IMAGENET = "11/4-96 96 96 max 5-256 256 256 max 3-384 384 384 max dropout 3-1024 1024 C"
CIFAR10 = "5-192 160 96 max dropout 5-192 192 192 average dropout 3-192 192 C"


def layers(entry: str, channels: int, classes: int) -> Iterator[nn.Module]:
    """What one entry of the table stands for, after maps of `channels` channels."""
    if entry == "max":
        yield nn.MaxPool2d(3, stride=2, ceil_mode=True)
    elif entry == "average":
        yield nn.AvgPool2d(3, stride=2, ceil_mode=True)
    elif entry == "dropout":
        yield nn.Dropout(0.5)
    else:
        shape, width = f"1-{entry}".split("-")[-2:]
        window, stride = (int(n) for n in f"{shape}/1".split("/")[:2])
        padding = window // 2 if stride == 1 else 0
        out = classes if width == "C" else int(width)
        yield nn.Conv2d(channels, out, window, stride, padding)
        yield nn.ReLU(inplace=True)


class NIN(Network):
    """The mean of a class's map is its logit, so the head is empty."""

    def __init__(self, table: str, classes: int) -> None:
        super().__init__()
        self.features = nn.Sequential()
        channels = 3
        for entry in table.split():
            for layer in layers(entry, channels, classes):
                self.features.append(layer)
                channels = getattr(layer, "out_channels", channels)

    def maps(self, x: Tensor) -> Tensor:  #  [n, 3, 224, 224]  [n, 3, 32, 32]
        y: Tensor = self.features(x)  #      [n, 1000, 6, 6]   [n, 10, 8, 8]
        return y


def row(name: str, table: str, size: int, classes: int, parameters: int, macs: int) -> Architecture:
    return Architecture(
        name=name,
        family="NIN",
        year=2013,
        paper="Network In Network",
        channels=3,
        size=size,
        classes=classes,
        parameters=parameters,
        macs=macs,
        head="none",
        build=partial(NIN, table),
    )


ARCHITECTURES = (
    row("nin_cifar10", CIFAR10, 32, 10, 966_986, 222_486_528),
    row("nin", IMAGENET, 224, 1000, 7_595_176, 1_100_188_800),
)
