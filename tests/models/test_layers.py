"""The layer table against the catalogue, the lecture's rule, and what the layers really see."""

from dataclasses import replace
from functools import cache

import pytest
import torch
from torch import Tensor, nn

from models.alexnet import AlexNet
from models.architecture import Architecture
from models.catalog import CATALOG, architecture
from models.densenet import DenseLayer
from models.googlenet import Inception
from models.layers import describe, layer_table
from models.lenet import LeNet5Plain
from models.mobilenet import DepthwiseSeparable
from models.resnet import Basic, Bottleneck
from models.sizes import Window
from models.squeezenet import Fire
from models.table import Layer, LayerTable

every = pytest.mark.parametrize("row", CATALOG, ids=lambda row: row.name)


@cache
def of(name: str) -> LayerTable:
    row = architecture(name)
    return describe(row, row.classes, row.size)


@every
def test_the_sums_are_those_of_the_catalogue(row: Architecture) -> None:
    table = of(row.name)

    assert (table.parameters, table.macs) == (row.parameters, row.macs)
    assert table.layers[0].output == (row.size, row.size, row.channels)
    assert table.layers[-1].output[2] == row.classes


@every
def test_every_size_is_by_the_rule_of_the_lecture(row: Architecture) -> None:
    for line in of(row.name).layers:
        shapes = zip(line.filter, line.stride, line.pad, strict=True)
        for size, shape, out in zip(line.input, shapes, line.output, strict=False):
            window, up = Window(*shape), "rounded up" in (line.rounding or "")
            if line.rounding is None:
                assert window.output(size) == out, line
            assert window.rounded(size, up=up) == out, line


class Joined(nn.Module):
    """Ways of one, three and seven pixels."""

    def __init__(self, *, add: bool) -> None:
        super().__init__()
        self.ways = nn.ModuleList(nn.Conv2d(4, 4, n, padding=n // 2) for n in (7, 3, 1))
        self.add = add

    def forward(self, x: Tensor) -> Tensor:
        ways = [way(x) for way in self.ways]
        return sum(ways[1:], ways[0]) if self.add else torch.cat(ways, 1)


class Features(nn.Module):
    def __init__(self, network: LeNet5Plain) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: Tensor) -> Tensor:
        return self.network.maps(x)


TALL = nn.Sequential(nn.Conv2d(2, 2, (7, 1), padding=(3, 0)), nn.Conv2d(2, 2, (1, 3), stride=2))
SEEN = [
    (nn.Conv2d(2, 2, 3, dilation=2), 2, 16),
    (nn.Sequential(nn.Conv2d(2, 2, 3), nn.Conv2d(2, 2, 3), nn.Conv2d(2, 2, 3)), 2, 16),
    (nn.Sequential(nn.MaxPool2d(3, 2, ceil_mode=True), nn.AvgPool2d(2)), 2, 32),
    (nn.Sequential(nn.Conv2d(2, 2, 3), nn.AdaptiveAvgPool2d(2)), 2, 18),
    (TALL, 2, 24),
    (Joined(add=True), 4, 16),
    (Joined(add=False), 4, 16),
    (Features(LeNet5Plain()), 1, 32),
    (AlexNet().features[:6], 3, 96),
    (Fire(4, 2, 4), 4, 16),
    (Inception(4, (2, 2, 2, 2, 2, 2)), 4, 16),
    (DenseLayer(4, 2), 4, 16),
    (nn.Sequential(DepthwiseSeparable(4, 4, 2), DepthwiseSeparable(4, 4, 1)), 4, 32),
    (nn.Sequential(Basic(4, 8, 2), Basic(8, 8, 1)), 4, 32),
    (nn.Sequential(Bottleneck(64, 16, 2), Bottleneck(64, 64, 1)), 64, 32),
]


def seen(module: nn.Module, channels: int, size: int) -> tuple[int, ...]:
    """Height and width of what the middle output depends on, by pixels that are no numbers."""
    sides = []
    for axis in (2, 3):
        images = torch.zeros(size, channels, size, size, dtype=torch.float64)
        for i in range(size):
            images[i].select(axis - 1, i).fill_(torch.nan)
        with torch.no_grad():
            out = module.double().eval()(images)
        middle = out[:, :, out.shape[2] // 2, out.shape[3] // 2].isnan().any(1).nonzero()
        sides.append(int(middle.max() - middle.min()) + 1)
    return tuple(sides)


@pytest.mark.parametrize(("module", "channels", "size"), SEEN)
def test_a_receptive_field_is_what_an_output_depends_on(
    module: nn.Module, channels: int, size: int
) -> None:
    image = torch.zeros(1, channels, size, size)
    out = module.float().eval()(image)
    # one more layer of one pixel, for what comes after ways that join
    table = layer_table(nn.Sequential(module, nn.Conv2d(out.shape[1], 1, 1)), image)

    assert table.layers[-1].receptive_field == seen(module, channels, size)


@pytest.mark.parametrize(
    ("name", "depth"),
    [
        ("lenet5_plain", 5),
        ("alexnet", 8),
        ("vgg16", 16),
        ("vgg19", 19),
        ("googlenet", 22),
        ("resnet18", 18),
        ("resnet50", 50),
        ("resnet152", 152),
        ("densenet121", 121),
        ("mobilenet_v1", 28),
    ],
)
def test_depth_is_the_number_in_the_name_or_the_paper(name: str, depth: int) -> None:
    assert of(name).depth == depth


def test_a_line_has_everything() -> None:
    (line,) = (line for line in of("googlenet").layers if line.path == "maxpool1")

    assert line == Layer(
        name="POOL3",
        kind="pool",
        path="maxpool1",
        input=(112, 112, 64),
        output=(56, 56, 64),
        memory=56 * 56 * 64,
        filter=(3, 3),
        stride=(2, 2),
        receptive_field=(11, 11),
        rounding="(112 - 3 + 0)/2 + 1 = 55.5, rounded up",
    )


@pytest.mark.parametrize(
    ("name", "path", "said"),
    [
        ("vgg11_lrn", "features.2", "LRN5"),
        ("mobilenet_v1", "blocks.1.0.conv_dw", "DWCONV3-64"),
        ("resnext50_32x4d", "layer1.0.conv2", "CONV3-128 in 32 groups"),
        ("resnet50", "fc", "FC-1000"),
        ("lenet5_plain", "subsample", "AVGPOOL2"),
    ],
)
def test_names_are_those_of_the_lecture(name: str, path: str, said: str) -> None:
    assert {line.name for line in of(name).layers if line.path == path} == {said}


def test_batch_norm_is_counted_with_the_layer_before_it() -> None:
    plain, normed = of("vgg11").layers, of("vgg11_bn").layers
    conv = [line for line in normed if line.kind == "conv"]

    assert [replace(line, norm=0, path="") for line in normed] == [
        replace(line, path="") for line in plain
    ]
    assert [line.norm for line in conv] == [2 * line.output[2] for line in conv]


def test_a_layer_used_twice_has_two_lines_and_one_set_of_parameters() -> None:
    conv = nn.Conv2d(3, 3, 3)
    table = layer_table(nn.Sequential(conv, conv), torch.zeros(1, 3, 8, 8))

    assert [line.weights for line in table.layers] == [0, 81, 0]
    assert table.macs == 81 * (36 + 16)


def test_a_linear_layer_sees_the_whole_map() -> None:
    module = nn.Sequential(nn.Conv2d(1, 2, 3, stride=2), nn.Flatten(), nn.Linear(2 * 4 * 4, 5))
    table = layer_table(module, torch.zeros(1, 1, 9, 9))

    assert [line.receptive_field for line in table.layers] == [(1, 1), (3, 3), (9, 9)]


def test_what_changes_sizes_without_being_known_is_refused() -> None:
    with pytest.raises(NotImplementedError, match=r"models/steps\.py"):
        layer_table(nn.Upsample(scale_factor=2), torch.zeros(1, 3, 8, 8))


def test_no_hook_stays_behind() -> None:
    network = LeNet5Plain()
    first = layer_table(network, torch.zeros(1, 1, 32, 32))

    assert layer_table(network, torch.zeros(1, 1, 32, 32)) == first
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in network.modules())
