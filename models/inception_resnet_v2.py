"""Inception-ResNet-v2: inception modules whose output is added, on a small scale, to their input.

Szegedy, Ioffe, Vanhoucke, Alemi 2016, "Inception-v4, Inception-ResNet and the Impact of Residual
Connections on Learning", figures 15 to 19 and table 1; section 3.3 on the scale. Keys as in timm.
Departs from the paper where the published weights do: the stem is another one and ends in 320 maps
instead of 384, the residual modules are 10, 20 and 10 instead of 5, 10 and 5, of 320, 1088 and 2080
maps instead of 384, 1154 and 2048; the last adds its output as it is, without a ReLU, and a 1x1
convolution to 1536 maps follows it.
"""

from collections.abc import Mapping

from torch import Tensor, nn

from models.architecture import Architecture, Network
from models.inception_v4 import PAPER, Mixed, chain

# The notation is that of models/inception_v4.py.
STEM = {  #                                    [n, 3, 299, 299]
    "conv2d_1a": "3-32/2",  #                  [n, 32, 149, 149]
    "conv2d_2a": "3-32V",  #                   [n, 32, 147, 147]
    "conv2d_2b": "3-64",  #                    [n, 64, 147, 147]
    "maxpool_3a": "max",  #                    [n, 64, 73, 73]
    "conv2d_3b": "1-80",  #                    [n, 80, 73, 73]
    "conv2d_4a": "3-192V",  #                  [n, 192, 71, 71]
    "maxpool_5a": "max",  #                    [n, 192, 35, 35]
}
MIXED_5B = {
    "branch0": "1-96",
    "branch1": "1-48 5-64",
    "branch2": "1-64 3-96 3-96",
    "branch3": "avg 1-64",
}
A = {
    "branch0": "1-32",
    "branch1": "1-32 3-32",
    "branch2": "1-32 3-48 3-64",
}
REDUCTION_A = {
    "branch0": "3-384/2",
    "branch1": "1-256 3-256 3-384/2",
    "branch2": "max",
}
B = {
    "branch0": "1-192",
    "branch1": "1-128 1x7-160 7x1-192",
}
REDUCTION_B = {
    "branch0": "1-256 3-384/2",
    "branch1": "1-256 3-288/2",
    "branch2": "1-256 3-288 3-320/2",
    "branch3": "max",
}
C = {
    "branch0": "1-192",
    "branch1": "1-192 1x3-224 3x1-256",
}


class Residual(Mixed):
    """`activation(x + scale conv2d(branches(x)))`; the 1x1 convolution brings the channels back."""

    def __init__(
        self, channels: int, columns: Mapping[str, str], scale: float, activation: nn.Module
    ) -> None:
        super().__init__(channels, columns)
        self.conv2d = nn.Conv2d(self.out, channels, 1)
        self.scale = scale
        self.activation = activation

    def forward(self, x: Tensor) -> Tensor:  # [n, channels, h, w] -> [n, channels, h, w]
        y: Tensor = self.activation(x + self.scale * self.conv2d(super().forward(x)))
        return y


def repeated(depth: int, channels: int, columns: Mapping[str, str], scale: float) -> nn.Sequential:
    blocks = (Residual(channels, columns, scale, nn.ReLU(inplace=True)) for _ in range(depth))
    return nn.Sequential(*blocks)


class InceptionResNetV2(Network):
    def __init__(self, classes: int = 1000) -> None:
        super().__init__()
        channels = 3
        for name, entry in STEM.items():
            layer, channels = chain(channels, entry)
            self.add_module(name, layer)
        self.mixed_5b = Mixed(channels, MIXED_5B)
        self.repeat = repeated(10, 320, A, 0.17)
        self.mixed_6a = Mixed(320, REDUCTION_A)
        self.repeat_1 = repeated(20, 1088, B, 0.1)
        self.mixed_7a = Mixed(1088, REDUCTION_B)
        self.repeat_2 = repeated(9, 2080, C, 0.2)
        self.block8 = Residual(2080, C, 1.0, nn.Identity())
        self.conv2d_7b, channels = chain(2080, "1-1536")
        self.dropout = nn.Dropout(0.2)
        self.classif = nn.Linear(channels, classes)

    def maps(self, x: Tensor) -> Tensor:
        for name in STEM:
            x = self.get_submodule(name)(x)
        x = self.repeat(self.mixed_5b(x))  #                 [n, 320, 35, 35]
        x = self.repeat_1(self.mixed_6a(x))  #               [n, 1088, 17, 17]
        x = self.block8(self.repeat_2(self.mixed_7a(x)))  #  [n, 2080, 8, 8]
        y: Tensor = self.conv2d_7b(x)  #                     [n, 1536, 8, 8]
        return y

    @property
    def head(self) -> tuple[nn.Module, ...]:
        return (self.dropout, self.classif)


ARCHITECTURES = (
    Architecture(
        name="inception_resnet_v2",
        family="Inception-ResNet-v2",
        year=2016,
        paper=PAPER,
        channels=3,
        size=299,
        classes=1000,
        parameters=55_843_464,
        macs=13_155_794_016,
        head="linear",
        build=InceptionResNetV2,
    ),
)
