"""VGG: nothing but 3x3 convolutions, doubled in width after every pool.

Simonyan, Zisserman 2014, "Very Deep Convolutional Networks for Large-Scale Image Recognition",
table 1. Keys as in torchvision. The `_bn` forms, with batch normalisation before every ReLU, are
younger than the paper; their convolutions keep the bias all the same.
"""

from functools import partial

from torch import Tensor, nn

from models.architecture import Architecture, Network

# The columns of table 1: a number is a 3x3 convolution of that width, | a max pool.
TABLE = {
    "D": "64 64 | 128 128 | 256 256 256 | 512 512 512 | 512 512 512",
}


class VGG(Network):
    """The last of the five pools is `pool`; the activations before it are the maps."""

    def __init__(self, column: str, classes: int = 1000, *, batch_norm: bool = False) -> None:
        super().__init__()
        self.features = nn.Sequential()  #          [n, 3, 224, 224] -> [n, 512, 14, 14]
        channels = 3
        for entry in TABLE[column].split():
            if entry == "|":
                self.features.append(nn.MaxPool2d(2))
                continue
            self.features.append(nn.Conv2d(channels, int(entry), 3, padding=1))
            if batch_norm:
                self.features.append(nn.BatchNorm2d(int(entry)))
            self.features.append(nn.ReLU(inplace=True))
            channels = int(entry)
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


ARCHITECTURES = (row("vgg16", "D", 138_357_544, 15_470_264_320),)
