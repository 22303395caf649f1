"""Every architecture there is. Adding one: one file, one row here."""

from difflib import get_close_matches

from models import (
    alexnet,
    densenet,
    dpn,
    fractalnet,
    googlenet,
    inception_resnet_v2,
    inception_v4,
    lenet,
    mobilenet,
    nasnet,
    nin,
    resnet,
    senet,
    squeezenet,
    stochastic_depth,
    vgg,
    zfnet,
)
from models.architecture import Architecture

CATALOG: tuple[Architecture, ...] = (
    *lenet.ARCHITECTURES,
    *alexnet.ARCHITECTURES,
    *zfnet.ARCHITECTURES,
    *nin.ARCHITECTURES,
    *vgg.ARCHITECTURES,
    *googlenet.ARCHITECTURES,
    *resnet.ARCHITECTURES,
    *stochastic_depth.ARCHITECTURES,
    *fractalnet.ARCHITECTURES,
    *densenet.ARCHITECTURES,
    *dpn.ARCHITECTURES,
    *senet.ARCHITECTURES,
    *squeezenet.ARCHITECTURES,
    *inception_v4.ARCHITECTURES,
    *inception_resnet_v2.ARCHITECTURES,
    *mobilenet.ARCHITECTURES,
    *nasnet.ARCHITECTURES,
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
