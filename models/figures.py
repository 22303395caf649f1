"""The figures of the lecture about networks, computed from those of the catalogue."""

from functools import cache
from itertools import pairwise
from pathlib import Path

import torch
from torch import nn

from models import examples, ilsvrc
from models.architecture import Network
from models.card import Checkpoint
from models.catalog import architecture
from models.examples import Compute, Values
from models.layers import describe
from models.published import PUBLISHED
from models.table import Kind, Layer, LayerTable


@cache
def of(name: str) -> LayerTable:
    row = architecture(name)
    return describe(row, row.classes, row.size)


def built(name: str) -> Network:
    """Without weights."""
    with torch.device("meta"):
        return architecture(name).build(1000)


def lines(name: str, kind: Kind) -> list[Layer]:
    return [line for line in of(name).layers if line.kind == kind]


def size(line: Layer) -> str:
    return "x".join(map(str, line.output))


def output(name: str, kind: Kind, which: int) -> Compute:
    """The size after a layer; layers of a kind are counted from 1."""
    return lambda: (size(lines(name, kind)[which - 1]),)


def weights(name: str, kind: Kind, which: int) -> Compute:
    return lambda: (lines(name, kind)[which - 1].weights,)


def weights_and_memory(name: str, which: int) -> Compute:
    """Those of a convolution."""
    return lambda: (lines(name, "conv")[which - 1].weights, lines(name, "conv")[which - 1].memory)


def parameters(name: str) -> Compute:
    return lambda: (of(name).parameters,)


def widths(name: str, kind: Kind, first: int, last: int) -> Compute:
    """How many maps or units, from the first to the last."""
    return lambda: (" ".join(str(one.output[2]) for one in lines(name, kind)[first - 1 : last]),)


def digits() -> Checkpoint:
    return Checkpoint.read(Path(__file__).parent / "shipped" / "lenet5_plain.digits.json")


def lenet_input() -> Values:
    """Its size, and what white and black become."""
    p = digits().preprocessing
    white, black = ((pixel - p.mean[0]) / p.std[0] for pixel in (1, 0))
    return (size(of("lenet5").layers[0]), white, black)


def lenet_order() -> Values:
    """Of the layers with weights; the parts of C3 are one."""
    names = {"conv": "CONV", "pool": "POOL", "linear": "FC"}
    trained = [line for line in of("lenet5").layers if line.weights]
    return (" ".join({line.path.split(".")[0]: names[line.kind] for line in trained}.values()),)


def alexnet_units() -> Values:
    """Everything that has a weighted sum."""
    kinds = ("conv", "linear")
    return (sum(line.memory for line in of("alexnet_2012").layers if line.kind in kinds),)


def alexnet_normalised() -> Values:
    layers = built("alexnet_2012").modules()
    return examples.normalised(next(m for m in layers if isinstance(m, nn.LocalResponseNorm)))


def zfnet() -> Values:
    first = lines("zfnet_wide", "conv")[0]
    window = f"{first.filter[0]}x{first.filter[1]} stride {first.stride[0]}"
    return (window, *widths("zfnet_wide", "conv", 3, 5)())


def vgg16_memory() -> Values:
    """Values, and megabytes."""
    return (of("vgg16").memory, of("vgg16").memory_bytes / 1e6)


def vgg16_last() -> Values:
    """What the convolutions at 14x14 keep, each."""
    (memory,) = {line.memory for line in lines("vgg16", "conv")[-3:]}
    return (memory,)


def googlenet_parameters() -> Values:
    """And how many times more AlexNet has."""
    ours = of("googlenet_2014").parameters
    return (ours, of("alexnet_2012").parameters / ours)


def depths(*names: str) -> Compute:
    return lambda: (" ".join(str(of(name).depth) for name in names),)


def resnext_paths() -> Values:
    layers = built("resnext50_32x4d").modules()
    groups = {m.groups for m in layers if isinstance(m, nn.Conv2d)} - {1}
    return tuple(groups)


def mobilenet_body() -> Values:
    """The first layer, width and stride of every block, the pool, the last layer."""
    first, *rest = lines("mobilenet_v1", "conv")
    blocks = zip(rest[::2], rest[1::2], strict=True)
    (pool,), (last,) = lines("mobilenet_v1", "pool"), lines("mobilenet_v1", "linear")
    return (
        f"{first.name}/{first.stride[0]}",
        " ".join(f"{wide.output[2]}/{deep.stride[0]}" for deep, wide in blocks),
        pool.name,
        f"{last.input[2]}x{last.output[2]}",
    )


def nasnet_cells() -> Values:
    """Whether normal cells keep the size, and whether reduction cells halve it."""
    sides = {line.path.split(".")[0]: line.output[0] for line in of("nasnet_a_mobile").layers}
    del sides[""], sides["last_linear"]
    kept, halved = [], []
    for (_, before), (cell, after) in pairwise(sides.items()):
        if cell.startswith(("cell_stem", "reduction")):
            halved.append(after == -(-before // 2))
        else:
            kept.append(after == before)
    return (all(kept), all(halved))


def glance() -> Values:
    """Top-1 accuracy of the published weights, multiply-adds and parameters."""
    top1 = {one.architecture: one.top1 for one in PUBLISHED}
    return tuple(
        f"{name} {top1[name]:.1f} %, {of(name).macs / 1e9:.1f}G, {of(name).parameters / 1e6:.0f}M"
        for name in ("alexnet", "vgg16", "googlenet", "resnet50", "inception_v4")
    )


def errors(system: str) -> Compute:
    return lambda: ilsvrc.errors(system)
