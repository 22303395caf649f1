"""AlexNet on one GPU: the tower of 2014 that everybody's published weights belong to.

Krizhevsky 2014, "One weird trick for parallelizing convolutional neural networks": against 2012 one
tower instead of two, so no groups, and no local response normalisation. Widths, padding and keys as
in torchvision, whose published weights these are.
"""

from torch import Tensor, nn

from models.architecture import Architecture, Network


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


ARCHITECTURES = (
    Architecture(
        name="alexnet",
        family="AlexNet",
        year=2014,
        paper="One weird trick for parallelizing convolutional neural networks",
        channels=3,
        size=224,
        classes=1000,
        parameters=61_100_840,
        macs=714_188_480,
        head="stack",
        build=AlexNet,
    ),
)
