"""LeNet-5, the first convolutional network that read cheques: as published, and as drawn today.

LeCun, Bottou, Bengio, Haffner 1998, "Gradient-Based Learning Applied to Document Recognition",
figure 2 and table I. `lenet5` is the paper's, with its 60,000 trained parameters; every unit up to
F6 is squashed, as the text has it. Of its multiply-adds 325,680 are those of C1, C3, C5 and F6; the
840 of the RBF units, a linear layer here, are counted with them, as in the paper's 340,908
connections. `lenet5_plain` is the form of every course: each map of C3 sees each map of S2, pooling
has no weights, tanh is not scaled, the output is linear.
"""

from itertools import groupby
from random import Random

import torch
from torch import Tensor, nn
from torch.nn import functional

from models.architecture import Architecture, Network

# Table I: the maps of S2 that each map of C3 sees
C3 = "012 123 234 345 045 015 0123 1234 2345 0345 0145 0125 0134 1245 0235 012345"

# Figure 3, 7x12 pixels a digit, as github.com/mattwang44/LeNet-from-Scratch reads them off it. The
# bar is what tells a 0 from an O, a 2 from a Z, a 4 from a y, a 5 from an S.
CODES = """
.#####. ...##.. .#####. ####### .#####. .#####. ..####. ####### .#####. .#####.
....... ..###.. ....... .....## ....... ....... .##.... .....## ##...## ##..###
..###.. .####.. .#####. ....##. ....... ####### ##..... .....## ##...## ##...##
.##.##. ...##.. ##...## ...##.. .##..## ##..... ##..... ....##. ##...## ##...##
##...## ...##.. #....## ..####. .##..## ##..... ######. ...##.. .#####. ##..###
##...## ...##.. ....##. .....## ###..## .####.. ###..## ...##.. ##...## .######
##...## ...##.. ..###.. .....## ##...## ..####. ##...## ..##... ##...## .....##
##...## ...##.. .##.... .....## ##...## .....## ##...## ..##... ##...## .....##
.##.##. ...##.. ##..... ##...## ##..### ##...## ###..## ..##... ##...## ....##.
..###.. .###### ####### .#####. .###### .#####. .#####. ..##... .#####. .####..
....... ....... ....... ....... .....## ....... ....... ....... ....... .......
....... ....... ....... ....... .....## ....... ....... ....... ....... .......
"""


def code(number: int) -> list[int]:
    """What F6 should be for a class: 1 where the bitmap is black, else -1.

    Classes after the ten digits have codes drawn by lot, the paper's second choice.
    """
    rows = [line.split() for line in CODES.split("\n") if line]
    if number < len(rows[0]):
        return [1 if pixel == "#" else -1 for row in rows for pixel in row[number]]
    return Random(number).choices((-1, 1), k=84)


class Squash(nn.Module):
    """f(x) = A tanh(S x); f(1) = 1 and f(-1) = -1."""

    A, S = 1.7159, 2 / 3

    def forward(self, x: Tensor) -> Tensor:
        return self.A * torch.tanh(self.S * x)

    def slope(self, y: Tensor) -> Tensor:
        """The derivative where f is y."""
        return self.S * (self.A - y * y / self.A)


class Subsample(nn.Module):
    """The sum of 2x2 values, times a coefficient of the map, plus a bias of the map."""

    def __init__(self, maps: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.full((maps, 1, 1), 0.25))
        self.bias = nn.Parameter(torch.zeros(maps, 1, 1))

    def forward(self, x: Tensor) -> Tensor:  # [n, maps, h, w] -> [n, maps, h/2, w/2]
        return 4 * functional.avg_pool2d(x, 2) * self.weight + self.bias


class PartlyConnected(nn.Module):
    """5x5 convolutions, each of the maps in its column; equally long columns are one layer."""

    def __init__(self, columns: str) -> None:
        super().__init__()
        self.columns = [list(same) for _, same in groupby(columns.split(), key=len)]
        self.convs = nn.ModuleList(
            nn.Conv2d(sum(map(len, same)), len(same), 5, groups=len(same)) for same in self.columns
        )

    def forward(self, x: Tensor) -> Tensor:
        parts = zip(self.convs, self.columns, strict=True)
        return torch.cat([conv(x[:, [int(n) for n in "".join(same)]]) for conv, same in parts], 1)


class RBF(nn.Module):
    """Minus the squared distance from each class's code w, without what all classes share.

    -|x - w|^2 = 2 w x - |w|^2 - |x|^2, and |w|^2 = 84 for every code: neither ranks nor softmax
    change when only 2 w x is computed. The codes are no parameters: nothing trains them.
    """

    def __init__(self, classes: int) -> None:
        super().__init__()
        codes = torch.tensor([code(number) for number in range(classes)], dtype=torch.float32)
        self.weight = nn.Buffer(2 * codes, persistent=False)

    def forward(self, x: Tensor) -> Tensor:  # [n, 84] -> [n, classes]
        return functional.linear(x, self.weight)


class LeNet5(Network):
    def __init__(self, classes: int = 10) -> None:
        super().__init__()
        self.c1 = nn.Conv2d(1, 6, 5)
        self.s2 = Subsample(6)
        self.c3 = PartlyConnected(C3)
        self.s4 = Subsample(16)
        self.c5 = nn.Linear(16 * 5 * 5, 120)
        self.f6 = nn.Linear(120, 84)
        self.output = RBF(classes)
        self.squash = Squash()

    def maps(self, x: Tensor) -> Tensor:  #                  [n, 1, 32, 32]
        x = self.squash(self.c1(x))  #                       [n, 6, 28, 28]
        x = self.squash(self.s2(x))  #                       [n, 6, 14, 14]
        x = self.squash(self.c3(x))  #                       [n, 16, 10, 10]
        y: Tensor = self.squash(self.s4(x))  #               [n, 16, 5, 5]
        return y

    def pool(self, maps: Tensor) -> Tensor:
        return torch.flatten(maps, 1)  #                     [n, 400]

    @property
    def head(self) -> tuple[nn.Module, ...]:
        return (self.c5, self.squash, self.f6, self.squash, self.output)


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


def row(name: str, build: type[LeNet5 | LeNet5Plain], parameters: int, macs: int) -> Architecture:
    return Architecture(
        name=name,
        family="LeNet-5",
        year=1998,
        paper="Gradient-Based Learning Applied to Document Recognition",
        channels=1,
        size=32,
        classes=10,
        parameters=parameters,
        macs=macs,
        head="stack",
        build=build,
    )


ARCHITECTURES = (
    row("lenet5", LeNet5, 60_000, 326_520),
    row("lenet5_plain", LeNet5Plain, 61_706, 416_520),
)
