"""The figures of the lecture (`lectures.csv`), each beside what this project computes.

`python -m models lectures > docs/lectures.md` writes the page; a test keeps it up to date.
"""

import csv
import re
from dataclasses import dataclass
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import Final

from models import examples, figures, ilsvrc
from models.examples import Compute, Value, Values
from models.sizes import Window

UNITS: Final = {"": 1, "K": 10**3, "M": 10**6, "billion": 10**9}
NUMBER: Final = re.compile(r"(-?\d[\d.,]*) ?(K|M|billion)?\b")

ALEXNET = "alexnet_2012_single"

COMPUTED: dict[str, Compute] = {
    "conv-worked-1": examples.worked("+-- -+- --+"),
    "conv-worked-2": examples.worked("-+- -+- -+-"),
    "conv-7-3-1": examples.square(7, Window(3)),
    "conv-7-3-2": examples.square(7, Window(3, 2)),
    "conv-7-3-3": examples.square(7, Window(3, 3)),
    "conv-7-3-pad1": examples.square(7, Window(3, 1, 1)),
    "conv-pads": examples.pads_that_keep_the_size,
    "conv-32-5": examples.six_filters,
    "lenet-input": figures.lenet_input,
    "lenet-order": figures.lenet_order,
    "lenet-acc": lambda: (100 * figures.digits().metrics["top1"],),
    "alexnet-conv1": figures.output(ALEXNET, "conv", 1),
    "alexnet-conv1-params": figures.weights(ALEXNET, "conv", 1),
    "alexnet-pool1": figures.output(ALEXNET, "pool", 1),
    "alexnet-conv2": figures.output(ALEXNET, "conv", 2),
    "alexnet-pool2": figures.output(ALEXNET, "pool", 2),
    "alexnet-conv3": figures.output(ALEXNET, "conv", 3),
    "alexnet-conv4": figures.output(ALEXNET, "conv", 4),
    "alexnet-conv5": figures.output(ALEXNET, "conv", 5),
    "alexnet-pool3": figures.output(ALEXNET, "pool", 3),
    "alexnet-fc": figures.widths(ALEXNET, "linear", 1, 3),
    "alexnet-params": figures.parameters(ALEXNET),
    "alexnet-params-grouped": figures.parameters("alexnet_2012"),
    "alexnet-ops": lambda: (figures.of(ALEXNET).macs,),
    "alexnet-units": figures.alexnet_units,
    "lrn": figures.alexnet_normalised,
    "zfnet": figures.zfnet,
    "rf-2x3": examples.field_of(2),
    "rf-3x3": examples.field_of(3),
    "params-3x3-vs-7x7": examples.three_small_or_one_large,
    "vgg-params-A": figures.parameters("vgg11"),
    "vgg-params-A-LRN": figures.parameters("vgg11_lrn"),
    "vgg-params-B": figures.parameters("vgg13"),
    "vgg-params-C": figures.parameters("vgg16_c"),
    "vgg-params-D": figures.parameters("vgg16"),
    "vgg-params-E": figures.parameters("vgg19"),
    "vgg16-conv1-1": figures.weights_and_memory("vgg16", 1),
    "vgg16-conv1-2": figures.weights("vgg16", "conv", 2),
    "vgg16-conv2-1": figures.weights_and_memory("vgg16", 3),
    "vgg16-conv2-2": figures.weights("vgg16", "conv", 4),
    "vgg16-conv3-1": figures.weights_and_memory("vgg16", 5),
    "vgg16-conv3-2": figures.weights("vgg16", "conv", 6),
    "vgg16-conv4-1": figures.weights_and_memory("vgg16", 8),
    "vgg16-conv4-2": figures.weights("vgg16", "conv", 9),
    "vgg16-conv5": figures.vgg16_last,
    "vgg16-fc6": figures.weights("vgg16", "linear", 1),
    "vgg16-fc7": figures.weights("vgg16", "linear", 2),
    "vgg16-fc8": figures.weights("vgg16", "linear", 3),
    "vgg16-total-params": figures.parameters("vgg16"),
    "vgg16-total-memory": figures.vgg16_memory,
    "googlenet-layers": lambda: (figures.of("googlenet_2014").depth,),
    "googlenet-params": figures.googlenet_parameters,
    "inception-naive-ops": lambda: (examples.inception(0, 0).macs,),
    "inception-naive-depth": examples.inception_output,
    "inception-bottleneck-ops": lambda: (examples.inception(64, 64).macs,),
    "resnet-depths": figures.depths("resnet34", "resnet50", "resnet101", "resnet152"),
    "resnet-plain-block": examples.plain_block,
    "resnet-bottleneck": examples.bottleneck,
    "senet-squeeze": examples.squeezed_and_excited,
    "resnext": figures.resnext_paths,
    "mobilenet-body": figures.mobilenet_body,
    "mobilenet-last": examples.square(7, Window(3, 2, 1)),
    "nasnet": figures.nasnet_cells,
    "topk": examples.ranks,
    "error-alexnet": figures.errors("AlexNet"),
    "error-zfnet": figures.errors("ZFNet"),
    "error-vgg": figures.errors("VGG"),
    "error-googlenet": figures.errors("GoogLeNet"),
    "error-resnet": figures.errors("ResNet"),
    "ops-glance": figures.glance,
}


INTRODUCTION = """\
# The figures of the lecture

What the lecture states, beside what this project computes from the networks it serves. Made by
`python -m models lectures`; a test computes every figure again, holds every verdict, and keeps this
page up to date.

A number is *equal* if it rounds to the one stated, whose closing zeros count as rounded (650K);
one with commas (1,728) is exact. `python -m models describe NAME` shows the table of a network.
"""


@dataclass(frozen=True, slots=True)
class Statement:
    """A row of `lectures.csv`: `equal` is yes or no, - where there is nothing to compare."""

    name: str
    about: str
    what: str
    stated: tuple[str, ...]
    equal: str
    remark: str

    def compute(self) -> Values:
        """One value for each part of what is stated."""
        return COMPUTED[self.name]()

    def verdict(self, computed: Values) -> str:
        if self.equal == "-":
            return self.equal
        same = [agree(*pair) for pair in zip(self.stated, computed, strict=True)]
        return "yes" if all(same) else "no"


@cache
def statements() -> tuple[Statement, ...]:
    file = Path(__file__).with_suffix(".csv")
    with file.open(encoding="utf-8", newline="") as lines:
        return tuple(
            Statement(**row | {"stated": tuple(row["stated"].split("; "))})
            for row in csv.DictReader(lines, strict=True)
        )


def agree(stated: str, computed: Value) -> bool:
    """The same text, or a number that is the one in the text to as many digits as it has there."""
    if isinstance(computed, bool):
        return computed
    if isinstance(computed, str):
        return stated == computed
    found = NUMBER.search(stated)
    if found is None:
        raise ValueError(f"there is no number in {stated!r}")
    text, unit = found[1], found[2] or ""
    digits = text.lstrip("-0.,")
    if digits.isdecimal():
        digits = digits.rstrip("0")
    behind = len(re.sub(r"\D", "", digits)) - 1
    number = float(text.replace(",", "")) * UNITS[unit]
    return f"{computed:.{behind}e}" == f"{number:.{behind}e}"


def shown(value: Value) -> str:
    if isinstance(value, bool):
        return "holds" if value else "does not hold"
    if isinstance(value, float):
        return f"{value:.4g}"
    return f"{value:,}" if isinstance(value, int) else value


def page() -> str:
    """The whole of docs/lectures.md."""
    parts = [INTRODUCTION]
    for about, group in groupby(statements(), key=lambda one: one.about):
        head = (
            f"## {about}\n",
            "| | stated | computed | equal | remark |",
            "|---|---|---|---|---|",
        )
        parts.append("\n".join([*head, *map(row, group)]) + "\n")
    head = ("## Where the errors are from\n", "| | percent | of | paper |", "|---|---|---|---|")
    entries = [f"| {e.system} | {e.error} | {e.measured} | {e.source} |" for e in ilsvrc.ENTRIES]
    return "\n".join([*parts, *head, *entries]) + "\n"


def row(one: Statement) -> str:
    computed = one.compute()
    cells = (
        one.what,
        "; ".join(one.stated),
        "; ".join(map(shown, computed)),
        one.verdict(computed),
        one.remark,
    )
    return f"| {' | '.join(cells)} |"
