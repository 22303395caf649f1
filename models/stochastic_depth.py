"""Stochastic depth: ResNets trained with blocks left out at random, served with all of them.

Huang, Sun, Liu, Sedra, Weinberger 2016, "Deep Networks with Stochastic Depth", equations 4 and 5
(on ImageNet the paper trains ResNet-152). In the whole network a branch counts as much as it did
on average in training, p; `fold` puts that factor into the weights, so the rows build plain
ResNets. `torchvision.ops.StochasticDepth` and timm's `DropPath` divide by p in training instead:
their weights need no factor. Never both.
"""

from collections.abc import Mapping
from functools import partial

import torch
from torch import Tensor

from models.architecture import Architecture
from models.resnet import D50, D152, Bottleneck, ResNet

LAST = 0.5  # survival probability of the last block; that of the input is 1


def survival(block: int, blocks: int) -> float:
    """The probability that `block` of 1 .. `blocks` is in the network for a training batch."""
    return 1 - block / blocks * (1 - LAST)


@torch.no_grad()
def fold(trained: Mapping[str, Tensor], network: ResNet) -> None:
    """Gives a plain `network` the weights of one that was trained with its blocks dropped.

    p (weight x + bias) = (p weight) x + p bias: the last normalisation of a branch takes p in.
    """
    network.load_state_dict(trained)
    blocks = [m for m in network.modules() if isinstance(m, Bottleneck)]
    for i, block in enumerate(blocks, start=1):
        p = survival(i, len(blocks))
        block.bn3.weight.mul_(p)
        block.bn3.bias.mul_(p)


def row(name: str, depths: tuple[int, ...], parameters: int, macs: int) -> Architecture:
    return Architecture(
        name=name,
        family="Stochastic depth",
        year=2016,
        paper="Deep Networks with Stochastic Depth",
        channels=3,
        size=224,
        classes=1000,
        parameters=parameters,
        macs=macs,
        head="linear",
        build=partial(ResNet, Bottleneck, depths),
    )


ARCHITECTURES = (
    row("stochastic_depth_resnet50", D50, 25_557_032, 4_089_184_256),
    row("stochastic_depth_resnet152", D152, 60_192_808, 11_513_626_624),
)
