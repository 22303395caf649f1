"""Stochastic depth: a ResNet in training leaves out blocks at random, the late ones more often.

Huang, Sun, Liu, Sedra, Weinberger 2016, "Deep Networks with Stochastic Depth", equations 2 and 5.
The weights have ResNet's keys, but a branch counts `p` times what they say: they are folded
(`models/stochastic_depth.py`) before they are served.
"""

import torch
from torch import Tensor

from models.resnet import Bottleneck, ResNet
from models.stochastic_depth import survival


class StochasticBottleneck(Bottleneck):
    """In training the branch is computed with probability `p`, for all images of a batch alike."""

    p: float

    def branch(self, x: Tensor) -> Tensor:
        if not self.training:
            return self.p * super().branch(x)
        if torch.rand(()) < self.p:
            return super().branch(x)
        return x.new_zeros(())  # nothing is added to the shortcut


@torch.no_grad()
def drop_blocks(network: ResNet) -> None:
    """From now on `network`, whenever it trains, does so with stochastic depth; its keys stay.

    Out of training it computes what it did: the last normalisation of a branch gives up p.
    """
    blocks = [m for m in network.modules() if isinstance(m, Bottleneck)]
    for i, block in enumerate(blocks, start=1):
        block.__class__ = StochasticBottleneck
        p = survival(i, len(blocks))
        setattr(block, "p", p)  # noqa: B010 - the type of `block` is that of its former class
        block.bn3.weight.div_(p)
        block.bn3.bias.div_(p)
