"""A network is maps, a pool and a head; an architecture is a network's row in the catalogue."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from torch import Tensor, nn


class Network(nn.Module, ABC):
    """Computes `head(pool(maps(x)))`; this split is what class activation maps are read from.

    `maps` are the last spatial features, `pool` flattens them, `head` is whatever comes after.
    A subclass gives `maps`; also `pool` where that is not the global average, and `head` where
    there is one.
    """

    @abstractmethod
    def maps(self, x: Tensor) -> Tensor:  # [n, c, h, w] -> [n, k, h', w']
        ...

    def pool(self, maps: Tensor) -> Tensor:  # [n, k, h', w'] -> [n, features]
        return nn.functional.adaptive_avg_pool2d(maps, 1).flatten(1)

    @property
    def head(self) -> tuple[nn.Module, ...]:
        """`Linear`, `ReLU`, `Tanh` and `Dropout` layers in the order of their use; may be empty.

        LeNet-5 has a squashing function and an output layer of its own (models/lenet.py).
        """
        return ()

    def forward(self, x: Tensor) -> Tensor:  # -> logits [n, classes]
        y = self.pool(self.maps(x))
        for layer in self.head:
            y = layer(y)
        return y


@dataclass(frozen=True, slots=True)
class Architecture:
    """The facts about one network; a test confronts every one of them with the built module.

    `size` is height and width of the input in pixels; `parameters` and `macs` (multiply-adds of
    convolutions and linear layers, one image) are those of `classes` classes.
    """

    name: str
    family: str
    year: int
    paper: str
    channels: int
    size: int
    classes: int
    parameters: int
    macs: int
    head: Literal[
        "none", "linear", "stack"
    ]  # empty, one Linear after global pooling, several layers
    build: Callable[[int], Network]  # classes -> network
