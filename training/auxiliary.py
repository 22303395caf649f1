"""GoogLeNet's auxiliary classifiers: they bring gradient to its middle, and are never served.

Szegedy et al. 2014, "Going Deeper with Convolutions", section 5: after 4a and 4d a 5x5 average
pool at stride 3, 128 1x1 filters, 1024 units, 70 % of them dropped, and the classes. Keys `aux1.`
and `aux2.` as in torchvision.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from models.googlenet import GoogLeNet, Unit

AFTER = {"inception4a": 512, "inception4d": 528}  # and how many maps it has
WEIGHT = 0.3  # of an auxiliary's loss


class Auxiliary(nn.Module):
    def __init__(self, channels: int, classes: int, unit: Unit) -> None:
        super().__init__()
        self.conv = unit(channels, 128, 1)
        self.fc1 = nn.Linear(128 * 4 * 4, 1024)
        self.fc2 = nn.Linear(1024, classes)
        self.dropout = nn.Dropout(0.7)

    def forward(self, maps: Tensor) -> Tensor:  #           [n, channels, 14, 14]
        x = self.conv(functional.avg_pool2d(maps, 5, 3))  # [n, 128, 4, 4]
        x = torch.relu(self.fc1(x.flatten(1)))
        y: Tensor = self.fc2(self.dropout(x))
        return y


class Auxiliaries(nn.Module):
    """The two of a network, built of what it is built of."""

    def __init__(self, network: GoogLeNet) -> None:
        super().__init__()
        first, second = AFTER.values()
        unit, classes = type(network.conv1), network.fc.out_features
        self.aux1 = Auxiliary(first, classes, unit)
        self.aux2 = Auxiliary(second, classes, unit)

    def forward(self, network: GoogLeNet, images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The logits of the network, and of both auxiliaries on the way to them."""
        maps: list[Tensor] = []
        hooks = [
            network.get_submodule(name).register_forward_hook(lambda _m, _x, y: maps.append(y))
            for name in AFTER
        ]
        try:
            logits = network(images)
        finally:
            for hook in hooks:
                hook.remove()
        return logits, self.aux1(maps[0]), self.aux2(maps[1])
