"""The layer table of the lecture as data; `models/layers.py` makes it.

Standard library only, so that the serving process knows it without torch.
"""

import dataclasses
import json
from dataclasses import dataclass
from typing import Final, Literal

LAYERS: Final = "layers.json"
FLOAT32: Final = 4  # bytes

Sides = tuple[int, ...]  # height, width
Size = tuple[int, ...]  # height, width, channels
Kind = Literal["input", "conv", "pool", "norm", "linear"]


@dataclass(frozen=True, slots=True)
class Layer:
    """One line. `path` is the module's, empty for a function.

    `memory` counts the values of the output; activations happen in place. `norm` counts the
    parameters that scale and shift this output later on: batch normalisation has no line of its
    own. `macs` are multiply-adds. `receptive_field` is in pixels of the image and does not end at
    its edge. `rounding` is the arithmetic of a filter that does not fit.
    """

    name: str
    kind: Kind
    path: str
    input: Size
    output: Size
    memory: int
    filter: Sides = (1, 1)
    stride: Sides = (1, 1)
    pad: Sides = (0, 0)
    weights: int = 0
    biases: int = 0
    norm: int = 0
    macs: int = 0
    receptive_field: Sides = (1, 1)
    rounding: str | None = None


@dataclass(frozen=True, slots=True)
class LayerTable:
    """The lines in the order of their use, and their sums.

    `depth` is the number of layers with weights on the longest way through the network.
    """

    layers: tuple[Layer, ...]
    depth: int
    memory: int
    memory_bytes: int  # as float32
    weights: int
    biases: int
    norm: int
    parameters: int
    macs: int

    def as_json(self) -> str:
        return json.dumps(dataclasses.asdict(self)) + "\n"
