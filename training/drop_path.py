"""Drop-path: a FractalNet in training loses columns at random, so that each is of use alone.

Larsson, Maire, Shakhnarovich 2016, "FractalNet: Ultra-Deep Neural Networks without Residuals",
section 3. One batch in two goes through a single column of the whole network (global), the other
through what each join happens to keep (local). Out of training nothing is dropped.
"""

import torch
from torch import Tensor

from models.fractalnet import Fractal, FractalNet, Join

DROPPED = 0.15  # of the inputs of a join, when it decides for itself
GLOBAL = 0.5  # of the batches


class Paths:
    """What the joins of one network keep of this batch."""

    def __init__(self, columns: int) -> None:
        self.columns = columns
        self.only: int | None = None  # the column; None: each join decides for itself

    def draw(self, *_: object) -> None:
        whole = torch.rand(()) < GLOBAL
        self.only = int(torch.randint(self.columns, ())) if whole else None

    def kept(self, columns: list[Tensor]) -> list[Tensor]:
        if self.only is not None:  # a join without that column leads to nothing that is kept
            return [columns[min(self.only, len(columns) - 1)]]
        kept = [column for column in columns if torch.rand(()) >= DROPPED]
        return kept or [columns[int(torch.randint(len(columns), ()))]]


class DroppingJoin(Join):
    def __init__(self, paths: Paths) -> None:
        super().__init__()
        self.paths = paths

    def forward(self, columns: list[Tensor]) -> Tensor:
        return super().forward(self.paths.kept(columns) if self.training else columns)


def drop_paths(network: FractalNet) -> None:
    """From now on `network`, whenever it trains, does so with drop-path; its keys stay."""
    paths = Paths(network.columns)
    network.register_forward_pre_hook(paths.draw)
    for module in network.modules():
        if isinstance(module, Fractal):
            module.join = DroppingJoin(paths).train(module.training)
