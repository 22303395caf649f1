"""LeNet-5 with plain pooling and a linear output: the form every course draws today.

LeCun, Bottou, Bengio, Haffner 1998, "Gradient-Based Learning Applied to Document Recognition".
Departs from the paper's figure 2: every map of C3 sees every map of S2, pooling has no weights,
the output is linear instead of radial basis functions.
"""

import torch
from torch import Tensor, nn

from models.architecture import Architecture, Network


class LeNet5Plain(Network):
    def __init__(self, classes: int = 10) -> None:
        super().__init__()
        self.c1 = nn.Conv2d(1, 6, 5)
        self.c3 = nn.Conv2d(6, 16, 5)
        self.c5 = nn.Linear(16 * 5 * 5, 120)
        self.f6 = nn.Linear(120, 84)
        self.output = nn.Linear(84, classes)
        self.tanh = nn.Tanh()
        self.subsample = nn.AvgPool2d(2)

    def maps(self, x: Tensor) -> Tensor:  #                  [n, 1, 32, 32]
        x = self.subsample(self.tanh(self.c1(x)))  #         [n, 6, 14, 14]
        y: Tensor = self.tanh(self.c3(x))  #                 [n, 16, 10, 10]
        return y

    def pool(self, maps: Tensor) -> Tensor:
        return torch.flatten(self.subsample(maps), 1)  #     [n, 400]

    @property
    def head(self) -> tuple[nn.Module, ...]:
        return (self.c5, self.tanh, self.f6, self.tanh, self.output)


ARCHITECTURES = (
    Architecture(
        name="lenet5_plain",
        family="LeNet-5",
        year=1998,
        paper="Gradient-Based Learning Applied to Document Recognition",
        channels=1,
        size=32,
        classes=10,
        parameters=61_706,
        macs=416_520,
        head="stack",
        build=LeNet5Plain,
    ),
)
