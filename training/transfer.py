"""Transfer learning: weights that know something, a new head, and what of them may still change.

Yosinski et al. 2014, "How transferable are features in deep neural networks?": the first stages
are general and may be kept as they are, the last ones belong to the task.
"""

from collections.abc import Iterable

import torch
from rich.console import Console
from torch import nn

from models.architecture import Architecture, Network
from models.card import Checkpoint
from models.weights.files import WeightsError
from models.weights.sources import obtain
from training.prepare import initialise

__all__ = ["WeightsError", "freeze", "outermost", "stages", "transferred"]

_OPENED = {"features", "blocks", "classifier"}  # what holds a network's stages one level deeper


def transferred(
    architecture: Architecture, source: str, classes: int, seed: int, console: Console
) -> tuple[Network, Checkpoint]:
    """The network with those weights and a head for `classes`, and what is known of the weights.

    `source` is what `python -m export --weights` takes. Raises `WeightsError`.
    """
    known, checkpoint = obtain(architecture, source, console)
    network = architecture.build(classes)
    initialise(network, seed)
    head = outermost(architecture)
    kept = {k: v for k, v in known.state_dict().items() if k not in head}
    network.load_state_dict(network.state_dict() | kept)
    return network, checkpoint


def outermost(architecture: Architecture) -> set[str]:
    """The keys of the layer whose size follows the number of classes."""
    with torch.device("meta"):
        two, three = (architecture.build(n).state_dict() for n in (2, 3))
    return {key for key, value in two.items() if value.shape != three[key].shape}


def stages(architecture: Architecture) -> tuple[tuple[str, ...], ...]:
    """What can be frozen, from the input on: each stage's modules by path.

    A stage is a layer, block or group of blocks that the network's description names at its top;
    normalisation belongs to the layer before it. The outermost layer is none.
    """
    with torch.device("meta"):
        network = architecture.build(2)
    head = outermost(architecture)
    found: list[tuple[str, ...]] = []
    for path, module in _parts(network):
        keys = {f"{path}.{key}" for key in module.state_dict()}
        if not list(module.parameters()) or keys & head:
            continue
        if found and all(p.ndim == 1 for p in module.parameters()):
            found[-1] = (*found[-1], path)
        else:
            found.append((path,))
    return tuple(found)


def _parts(network: nn.Module) -> Iterable[tuple[str, nn.Module]]:
    for name, module in network.named_children():
        if name in _OPENED and isinstance(module, nn.Sequential):
            yield from ((f"{name}.{inner}", part) for inner, part in module.named_children())
        else:
            yield name, module


def freeze(network: Network, architecture: Architecture, what: str) -> str:
    """Freezes the first stages of `network`: a number of them, or `all`. Says so in words.

    Raises a `ValueError` for more stages than there are.
    """
    found = stages(architecture)
    if what != "all" and not (what.isdecimal() and int(what) <= len(found)):
        names = ", ".join(paths[0] for paths in found)
        raise ValueError(
            f"--freeze {what}: give all, or how many of the {len(found)} stages of "
            f"{architecture.name} shall not change, from the input on: {names}"
        )
    count = len(found) if what == "all" else int(what)
    for path in (path for paths in found[:count] for path in paths):
        network.get_submodule(path).requires_grad_(False)
    if not any(p.requires_grad for p in network.parameters()):
        raise ValueError(f"--freeze {what} leaves nothing of {architecture.name} to train")
    return "" if not count else f"the first {count} of {len(found)} stages frozen"
