"""NASNet-A: cells that a search has found, stacked by hand.

Zoph, Vasudevan, Shlens, Le 2017, "Learning Transferable Architectures for Scalable Image
Recognition", figure 2 and table 2. Keys as in Cadene's pretrainedmodels and in timm.

The published networks differ in more than their size. In the large one (6 @ 4032) the cell after a
reduction cell takes over that cell's h-1, as its authors trained it; and as in timm, whose accuracy
is quoted, average pools of stride 2 count the zeros around the map. The mobile one (4 @ 1056) is
that of TensorFlow and pretrainedmodels in both.
"""

from collections.abc import Callable, Iterator
from functools import partial

from torch import Tensor, nn

from models.architecture import Architecture, Network
from models.nasnet_cells import (
    NORMAL,
    Cell,
    EqualCell,
    FirstCell,
    HalvingCell,
    Kind,
    named,
    norm,
    reduction,
)


def plan(repeats: int, width: int, halving: Kind) -> Iterator[tuple[str, type[Cell], Kind, int]]:
    """Name, class, kind and width of each cell; numbers leave room for six a stage."""
    yield "cell_stem_0", FirstCell, halving, width // 4
    yield "cell_stem_1", HalvingCell, halving, width // 2
    for stage in range(3):
        wide = width * 2**stage
        if stage > 0:
            yield f"reduction_cell_{stage - 1}", EqualCell, halving, wide
        yield f"cell_{6 * stage}", HalvingCell, NORMAL, wide
        for i in range(1, repeats):
            yield f"cell_{6 * stage + i}", EqualCell, NORMAL, wide


class NASNet(Network):
    """`repeats` @ `channels`: the normal cells of a stage, the channels of the last maps.

    `skipped` are the cells whose h-1 the next cell takes over.
    """

    def __init__(
        self,
        repeats: int,
        channels: int,
        stem: int,
        halving: Kind,
        skipped: tuple[str, ...],
        classes: int = 1000,
    ) -> None:
        super().__init__()
        self.conv0 = named(conv=nn.Conv2d(3, stem, 3, stride=2, bias=False), bn=norm(stem))
        self.cells: list[str] = []
        self.skipped = skipped
        before = here = stem
        for name, cell, kind, width in plan(repeats, channels // 24, halving):
            module = cell(kind, before, here, width)
            self.add_module(name, module)
            self.cells.append(name)
            before, here = before if name in skipped else here, module.out
        self.dropout = nn.Dropout(0.5)
        self.last_linear = nn.Linear(channels, classes)

    def maps(self, x: Tensor) -> Tensor:  #                  [n, 3, 331, 331]
        before = here = self.conv0(x)  #                     [n, 96, 165, 165]
        for name in self.cells:
            out = self.get_submodule(name)(before, here)  #  83, 42 (stem), 42, 21, 11 square
            before, here = before if name in self.skipped else here, out
        y: Tensor = here.relu()  #                           [n, 4032, 11, 11]
        return y

    @property
    def head(self) -> tuple[nn.Module, ...]:
        return (self.dropout, self.last_linear)


def row(
    name: str, size: int, parameters: int, macs: int, build: Callable[[int], Network]
) -> Architecture:
    return Architecture(
        name=name,
        family="NASNet",
        year=2017,
        paper="Learning Transferable Architectures for Scalable Image Recognition",
        channels=3,
        size=size,
        classes=1000,
        parameters=parameters,
        macs=macs,
        head="linear",
        build=build,
    )


Large = partial(NASNet, 6, 4032, 96, reduction("avg3+0"), ("reduction_cell_0", "reduction_cell_1"))
Mobile = partial(NASNet, 4, 1056, 32, reduction("avg3"), ())

ARCHITECTURES = (
    row("nasnet_a_large", 331, 88_753_150, 23_783_414_658, Large),
    row("nasnet_a_mobile", 224, 5_289_978, 563_638_816, Mobile),
)
