"""Every architecture there is. Adding one: one file, one row here."""

from difflib import get_close_matches

from models import (
    alexnet,
    densenet,
    googlenet,
    lenet,
    mobilenet,
    resnet,
    squeezenet,
    vgg,
)
from models.architecture import Architecture

CATALOG: tuple[Architecture, ...] = (
    *lenet.ARCHITECTURES,
    *alexnet.ARCHITECTURES,
    *vgg.ARCHITECTURES,
    *googlenet.ARCHITECTURES,
    *resnet.ARCHITECTURES,
    *densenet.ARCHITECTURES,
    *squeezenet.ARCHITECTURES,
    *mobilenet.ARCHITECTURES,
)


def architecture(name: str) -> Architecture:
    """The architecture of that name; a `ValueError` names the ones there are."""
    for row in CATALOG:
        if row.name == name:
            return row
    names = [row.name for row in CATALOG]
    near = get_close_matches(name, names, n=1)
    hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(names)}"
    raise ValueError(f"no architecture is called {name!r}: {hint}")
