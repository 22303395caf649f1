"""Class names, in the order of the outputs; one a line in `<set>_labels.txt` beside this file.

`imagenet`: the 1000 classes of ILSVRC 2012 in the order of their WordNet numbers, short names as in
torchvision 0.28.0 (BSD-3-Clause, copyright Soumith Chintala 2016); one is spelt out here, the dog
"Cardigan Welsh corgi", which differed from the garment by a capital letter only. The numbers
themselves are in `imagenet_synsets.txt`, in that order.
"""

from functools import cache
from pathlib import Path


@cache
def labels(name: str) -> tuple[str, ...]:
    """The class names of that set; a `ValueError` names the sets there are."""
    file = Path(__file__).with_name(f"{name}_labels.txt")
    if not file.is_file():
        there = sorted(f.name.removesuffix("_labels.txt") for f in file.parent.glob("*_labels.txt"))
        raise ValueError(f"no label set is called {name!r}: there are {', '.join(there)}")
    return tuple(file.read_text(encoding="utf-8").splitlines())


@cache
def synsets() -> tuple[str, ...]:
    """The WordNet numbers of ImageNet's 1000 classes, each at the place of its class."""
    return tuple(Path(__file__).with_name("imagenet_synsets.txt").read_text("utf-8").split())
