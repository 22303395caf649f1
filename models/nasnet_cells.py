"""The cells of NASNet-A: what they compute is data, as the search that found them wrote it.

Zoph, Vasudevan, Shlens, Le 2017, "Learning Transferable Architectures for Scalable Image
Recognition", figure 4. Keys as in Cadene's pretrainedmodels and in timm, padding as TensorFlow's
"SAME". Departs from the figure where the published weights do: cells hand on a map that they have
used, the normal one h-1, the reduction y1.
"""

from abc import ABC, abstractmethod
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional

SIDES = ("left", "right")


@dataclass(frozen=True, slots=True)
class Kind:
    """What a cell makes of h, the output of the cell before it, and h-1, that of the one before.

    Each of the `steps` is a pair of operations on h, h-1 or an earlier step; their sums are y0, y1
    and so on. `stride` is that of the operations on h and h-1. The `output` is concatenated.
    """

    stride: int
    steps: tuple[tuple[str, str], ...]
    output: tuple[str, ...]


NORMAL = Kind(
    stride=1,
    steps=(
        ("sep5 h", "sep3 h-1"),
        ("sep5 h-1", "sep3 h-1"),
        ("avg3 h", "id h-1"),
        ("avg3 h-1", "avg3 h-1"),
        ("sep3 h", "id h"),
    ),
    output=("h-1", "y0", "y1", "y2", "y3", "y4"),
)


def reduction(average: str) -> Kind:
    return Kind(
        stride=2,
        steps=(
            ("sep5 h", "sep7 h-1"),
            ("max3 h", "sep7 h-1"),
            (f"{average} h", "sep5 h-1"),
            ("id y1", "avg3 y0"),
            ("sep3 y0", "max3 h"),
        ),
        output=("y1", "y2", "y3", "y4"),
    )


class Same(nn.Module):
    """Zeros around a map for a window of stride 2; an even size gets one less in front."""

    def __init__(self, window: int) -> None:
        super().__init__()
        self.after = window // 2

    def forward(self, x: Tensor) -> Tensor:
        before = self.after - 1 + x.shape[2] % 2
        return functional.pad(x, (before, self.after, before, self.after))


class Pool(nn.Module):
    """3x3, blind for what is around the map; `ceil_mode` pads behind where the size is even."""

    def __init__(self, pool: Callable[..., Tensor], stride: int) -> None:
        super().__init__()
        self.pool = pool
        self.stride = stride

    def forward(self, x: Tensor) -> Tensor:
        padding = 1 if self.stride == 1 else x.shape[2] % 2
        return self.pool(x, 3, self.stride, padding, ceil_mode=True)


norm = partial(nn.BatchNorm2d, eps=0.001)


def named(**layers: nn.Module) -> nn.Sequential:
    return nn.Sequential(OrderedDict(layers))


def relu_conv_norm(channels: int, width: int) -> nn.Sequential:
    return named(relu=nn.ReLU(), conv=nn.Conv2d(channels, width, 1, bias=False), bn=norm(width))


def separable(channels: int, width: int, window: int, stride: int) -> nn.Sequential:
    pad, padding = (Same(window), 0) if stride == 2 else (nn.Identity(), window // 2)
    return named(
        pad=pad,
        depthwise_conv2d=nn.Conv2d(
            channels, channels, window, stride, padding, groups=channels, bias=False
        ),
        pointwise_conv2d=nn.Conv2d(channels, width, 1, bias=False),
    )


def twice_separable(channels: int, width: int, window: int, stride: int) -> nn.Sequential:
    """As the paper uses every separable convolution; the first of the two has the stride."""
    return named(
        relu_1=nn.ReLU(),
        separable_1=separable(channels, width, window, stride),
        bn_sep_1=norm(width),
        relu_2=nn.ReLU(inplace=True),
        separable_2=separable(width, width, window, 1),
        bn_sep_2=norm(width),
    )


def operation(name: str, channels: int, width: int, stride: int) -> nn.Module:
    match name:
        case "id":
            return nn.Identity()
        case "max3":
            return Pool(functional.max_pool2d, stride)
        case "avg3":
            return Pool(partial(functional.avg_pool2d, count_include_pad=False), stride)
        case "avg3+0":  # counts the zeros
            return nn.Sequential(Same(3), nn.AvgPool2d(3, stride))
        case _:
            return twice_separable(channels, width, int(name.removeprefix("sep")), stride)


class Cell(nn.Module, ABC):
    """`before` and `here` are the channels of h-1 and h, `width` those of every y."""

    def __init__(self, kind: Kind, before: int, here: int, width: int) -> None:
        super().__init__()
        self.kind = kind
        self.out = len(kind.output) * width
        self.conv_1x1 = relu_conv_norm(here, width)
        for i, pair in enumerate(kind.steps):
            for side, step in zip(SIDES, pair, strict=True):
                name, source = step.split()
                channels = before if source == "h-1" else width
                stride = 1 if source.startswith("y") else kind.stride
                self.add_module(f"comb_iter_{i}_{side}", operation(name, channels, width, stride))

    @abstractmethod
    def fitted(self, before: Tensor) -> Tensor:
        """h-1 in the size of h."""

    def forward(self, before: Tensor, here: Tensor) -> Tensor:
        maps = {"h-1": self.fitted(before), "h": self.conv_1x1(here)}
        for i, pair in enumerate(self.kind.steps):
            left, right = (
                self.get_submodule(f"comb_iter_{i}_{side}")(maps[step.split()[1]])
                for side, step in zip(SIDES, pair, strict=True)
            )
            maps[f"y{i}"] = left + right
        return torch.cat([maps[name] for name in self.kind.output], 1)


class FirstCell(Cell):
    """For the start, where h-1 is h."""

    def fitted(self, before: Tensor) -> Tensor:
        return before


class EqualCell(Cell):
    """For an h-1 of the size of h."""

    def __init__(self, kind: Kind, before: int, here: int, width: int) -> None:
        super().__init__(kind, width, here, width)
        self.conv_prev_1x1 = relu_conv_norm(before, width)

    def fitted(self, before: Tensor) -> Tensor:
        y: Tensor = self.conv_prev_1x1(before)
        return y


class HalvingCell(Cell):
    """For an h-1 twice as large as h: half the channels see its even pixels, half its odd ones."""

    def __init__(self, kind: Kind, before: int, here: int, width: int) -> None:
        super().__init__(kind, width, here, width)
        self.path_1 = named(conv=nn.Conv2d(before, width // 2, 1, stride=2, bias=False))
        self.path_2 = named(conv=nn.Conv2d(before, width // 2, 1, stride=2, bias=False))
        self.final_path_bn = norm(width)

    def fitted(self, before: Tensor) -> Tensor:
        x = before.relu()
        odd = functional.pad(x[:, :, 1:, 1:], (0, 1, 0, 1))
        y: Tensor = self.final_path_bn(torch.cat([self.path_1(x), self.path_2(odd)], 1))
        return y
