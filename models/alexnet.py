"""AlexNet: the network of 2012, and the leaner one of 2014 that everybody's weights belong to.

Krizhevsky, Sutskever, Hinton 2012, "ImageNet Classification with Deep Convolutional Neural
Networks", figure 2: two towers, one a GPU, that meet in conv3 and in the linear layers only; hence
conv2, conv4 and conv5 in two groups. Layers are named as in Caffe's `bvlc_alexnet`. The paper
says 224 pixels, but its 55x55 maps need 227. Normalisation comes before pooling, as in the paper
(many slides have it after), and looks across both towers, as in Caffe.
`alexnet_2012_single` is the same on one GPU, without groups.

Krizhevsky 2014, "One weird trick for parallelizing convolutional neural networks": one tower, other
widths, no normalisation. Widths, padding and keys as in torchvision, whose published weights these
are.
"""

from collections.abc import Callable
from functools import partial

from torch import Tensor, nn

from models.architecture import Architecture, Network


def local_response_norm() -> nn.LocalResponseNorm:
    """With the paper's k = 2, n = 5, alpha = 1e-4, beta = 0.75; only torch divides alpha by n."""
    return nn.LocalResponseNorm(5, alpha=5 * 1e-4, beta=0.75, k=2.0)


class AlexNet2012(Network):
    def __init__(self, towers: int, classes: int = 1000) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 96, 11, stride=4)
        self.conv2 = nn.Conv2d(96, 256, 5, padding=2, groups=towers)
        self.conv3 = nn.Conv2d(256, 384, 3, padding=1)
        self.conv4 = nn.Conv2d(384, 384, 3, padding=1, groups=towers)
        self.conv5 = nn.Conv2d(384, 256, 3, padding=1, groups=towers)
        self.fc6 = nn.Linear(256 * 6 * 6, 4096)
        self.fc7 = nn.Linear(4096, 4096)
        self.fc8 = nn.Linear(4096, classes)
        self.relu = nn.ReLU(inplace=True)
        self.norm = local_response_norm()
        self.maxpool = nn.MaxPool2d(3, stride=2)
        self.dropout = nn.Dropout(0.5)

    def maps(self, x: Tensor) -> Tensor:  #                     [n, 3, 227, 227]
        x = self.norm(self.relu(self.conv1(x)))  #              [n, 96, 55, 55]
        x = self.norm(self.relu(self.conv2(self.maxpool(x))))  # [n, 256, 27, 27]
        x = self.relu(self.conv3(self.maxpool(x)))  #           [n, 384, 13, 13]
        x = self.relu(self.conv4(x))  #                         [n, 384, 13, 13]
        y: Tensor = self.relu(self.conv5(x))  #                 [n, 256, 13, 13]
        return y

    def pool(self, maps: Tensor) -> Tensor:
        y: Tensor = self.maxpool(maps)  #                       [n, 256, 6, 6]
        return y.flatten(1)  #                                  [n, 9216]

    @property
    def head(self) -> tuple[nn.Module, ...]:
        hidden = (self.fc6, self.relu, self.dropout, self.fc7, self.relu, self.dropout)
        return (*hidden, self.fc8)


class AlexNet(Network):
    def __init__(self, classes: int = 1000) -> None:
        super().__init__()
        self.features = nn.Sequential(  #                       [n, 3, 224, 224]
            nn.Conv2d(3, 64, 11, stride=4, padding=2),
            nn.ReLU(inplace=True),  #                           [n, 64, 55, 55]
            nn.MaxPool2d(3, stride=2),
            nn.Conv2d(64, 192, 5, padding=2),
            nn.ReLU(inplace=True),  #                           [n, 192, 27, 27]
            nn.MaxPool2d(3, stride=2),
            nn.Conv2d(192, 384, 3, padding=1),
            nn.ReLU(inplace=True),  #                           [n, 384, 13, 13]
            nn.Conv2d(384, 256, 3, padding=1),
            nn.ReLU(inplace=True),  #                           [n, 256, 13, 13]
            nn.Conv2d(256, 256, 3, padding=1),
            nn.ReLU(inplace=True),  #                           [n, 256, 13, 13]
        )
        self.last_pool = nn.MaxPool2d(3, stride=2)
        self.classifier = nn.Sequential(
            nn.Dropout(0.5),
            nn.Linear(256 * 6 * 6, 4096),
            nn.ReLU(inplace=True),
            nn.Dropout(0.5),
            nn.Linear(4096, 4096),
            nn.ReLU(inplace=True),
            nn.Linear(4096, classes),
        )

    def maps(self, x: Tensor) -> Tensor:
        y: Tensor = self.features(x)
        return y

    def pool(self, maps: Tensor) -> Tensor:
        y: Tensor = self.last_pool(maps)  #                     [n, 256, 6, 6]
        return y.flatten(1)  #                                  [n, 9216]

    @property
    def head(self) -> tuple[nn.Module, ...]:
        return tuple(self.classifier)


PAPERS = {
    2012: "ImageNet Classification with Deep Convolutional Neural Networks",
    2014: "One weird trick for parallelizing convolutional neural networks",
}


def row(
    name: str, year: int, size: int, build: Callable[[int], Network], parameters: int, macs: int
) -> Architecture:
    return Architecture(
        name=name,
        family="AlexNet",
        year=year,
        paper=PAPERS[year],
        channels=3,
        size=size,
        classes=1000,
        parameters=parameters,
        macs=macs,
        head="stack",
        build=build,
    )


TwoTowers, OneTower = partial(AlexNet2012, 2), partial(AlexNet2012, 1)

ARCHITECTURES = (
    row("alexnet_2012", 2012, 227, TwoTowers, 60_965_224, 724_406_816),
    row("alexnet_2012_single", 2012, 227, OneTower, 62_378_344, 1_135_256_096),
    row("alexnet", 2014, 224, AlexNet, 61_100_840, 714_188_480),
)
