"""VGG: nothing but 3x3 convolutions, doubled in width after every pool.

Simonyan, Zisserman 2014, "Very Deep Convolutional Networks for Large-Scale Image Recognition",
table 1. Keys as in torchvision. The `_bn` forms, with batch normalisation before every ReLU, are
younger than the paper; their convolutions keep the bias all the same.
"""

from collections.abc import Iterator
from functools import partial

from torch import Tensor, nn

from models.architecture import Architecture, Network

# The columns of table 1: 64 is a 3x3 convolution of that width, 1-256 a 1x1 one, | a max pool.
TABLE = {
    "A": "64 | 128 | 256 256 | 512 512 | 512 512",
    "A-LRN": "64 LRN | 128 | 256 256 | 512 512 | 512 512",
    "B": "64 64 | 128 128 | 256 256 | 512 512 | 512 512",
    "C": "64 64 | 128 128 | 256 256 1-256 | 512 512 1-512 | 512 512 1-512",
    "D": "64 64 | 128 128 | 256 256 256 | 512 512 512 | 512 512 512",
    "E": "64 64 | 128 128 | 256 256 256 256 | 512 512 512 512 | 512 512 512 512",
}


def layers(entry: str, channels: int, *, batch_norm: bool) -> Iterator[nn.Module]:
    """What one entry of the table stands for, after maps of `channels` channels."""
    if entry == "|":
        yield nn.MaxPool2d(2)
    elif entry == "LRN":  # Krizhevsky's constants; torch divides alpha by the window, he does not
        yield nn.LocalResponseNorm(5, alpha=5e-4, beta=0.75, k=2.0)
    else:
        window, width = (int(n) for n in f"3-{entry}".split("-")[-2:])
        yield nn.Conv2d(channels, width, window, padding=window // 2)
        if batch_norm:
            yield nn.BatchNorm2d(width)
        yield nn.ReLU(inplace=True)


class VGG(Network):
    """The last of the five pools is `pool`; the activations before it are the maps."""

    def __init__(self, column: str, classes: int = 1000, *, batch_norm: bool = False) -> None:
        super().__init__()
        self.features = nn.Sequential()  #          [n, 3, 224, 224] -> [n, 512, 14, 14]
        channels = 3
        for entry in TABLE[column].split():
            for layer in layers(entry, channels, batch_norm=batch_norm):
                self.features.append(layer)
                channels = getattr(layer, "out_channels", channels)
        self.last_pool = nn.MaxPool2d(2)
        self.classifier = nn.Sequential(
            nn.Linear(channels * 7 * 7, 4096),
            nn.ReLU(inplace=True),
            nn.Dropout(0.5),
            nn.Linear(4096, 4096),
            nn.ReLU(inplace=True),
            nn.Dropout(0.5),
            nn.Linear(4096, classes),
        )

    def maps(self, x: Tensor) -> Tensor:
        y: Tensor = self.features(x)
        return y

    def pool(self, maps: Tensor) -> Tensor:
        y: Tensor = self.last_pool(maps)  #          [n, 512, 7, 7]
        return y.flatten(1)  #                       [n, 25088]

    @property
    def head(self) -> tuple[nn.Module, ...]:
        return tuple(self.classifier)


def row(name: str, column: str, parameters: int, macs: int, *, bn: bool = False) -> Architecture:
    return Architecture(
        name=name,
        family="VGG",
        year=2014,
        paper="Very Deep Convolutional Networks for Large-Scale Image Recognition",
        channels=3,
        size=224,
        classes=1000,
        parameters=parameters,
        macs=macs,
        head="stack",
        build=partial(VGG, column, batch_norm=bn),
    )


ARCHITECTURES = (
    row("vgg11", "A", 132_863_336, 7_609_090_048),
    row("vgg11_bn", "A", 132_868_840, 7_609_090_048, bn=True),
    row("vgg11_lrn", "A-LRN", 132_863_336, 7_609_090_048),
    row("vgg13", "B", 133_047_848, 11_308_466_176),
    row("vgg13_bn", "B", 133_053_736, 11_308_466_176, bn=True),
    row("vgg16_c", "C", 133_638_952, 11_770_888_192),
    row("vgg16", "D", 138_357_544, 15_470_264_320),
    row("vgg16_bn", "D", 138_365_992, 15_470_264_320, bn=True),
    row("vgg19", "E", 143_667_240, 19_632_062_464),
    row("vgg19_bn", "E", 143_678_248, 19_632_062_464, bn=True),
)
