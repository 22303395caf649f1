"""The form of stochastic depth that is trained; `models/stochastic_depth.py` has the served one.

Huang, Sun, Liu, Sedra, Weinberger 2016, "Deep Networks with Stochastic Depth", equations 2 and 5.
The weights have ResNet's keys; `fold` them before they are exported.
"""

from itertools import count

import torch
from torch import Tensor

from models.resnet import Bottleneck, ResNet
from models.stochastic_depth import survival


class StochasticBottleneck(Bottleneck):
    """In training the branch is computed with probability `p`, for all images of a batch alike."""

    def __init__(self, channels: int, width: int, stride: int, p: float) -> None:
        super().__init__(channels, width, stride)
        self.p = p

    def branch(self, x: Tensor) -> Tensor:
        if not self.training:
            return self.p * super().branch(x)
        if torch.rand(()) < self.p:
            return super().branch(x)
        return x.new_zeros(())  # nothing is added to the shortcut


def stochastic_resnet(depths: tuple[int, ...], classes: int = 1000) -> ResNet:
    """A ResNet of bottlenecks, each less likely to survive than the one before it."""
    numbers = count(1)

    def block(channels: int, width: int, stride: int) -> StochasticBottleneck:
        p = survival(next(numbers), sum(depths))
        return StochasticBottleneck(channels, width, stride, p)

    return ResNet(block, depths, classes)
