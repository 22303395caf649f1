"""Weights fit a network exactly or are refused; no file that is read here can run code.

`.safetensors`, and torch's `.pth` as far as it holds nothing but tensors.
"""

import pickle
import re
import warnings
from collections.abc import Iterable, Mapping
from pathlib import Path

import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor

from models.architecture import Network

COUNTER = "num_batches_tracked"  # training's bookkeeping in a batch normalisation; no weight


class WeightsError(ValueError):
    """Weights that cannot be had or cannot be used; the message says which, why and what to do."""


def load(
    network: Network,
    file: Path,
    renames: Iterable[tuple[str, str]] = (),
    dropped: Iterable[str] = (),
    background: str = "",
) -> None:
    """Copies the weights of `file` into `network`, in the network's own precision.

    Keys in which one of the regular expressions `dropped` is found are left out, then `renames`
    (regular expression, replacement) are applied; of the layer `background` the first row is left
    out where the file has one row more than the network. A `WeightsError` names what is missing,
    left over or of another shape; the network is then unchanged.
    """
    tensors = _renamed(read(file), tuple(renames), tuple(dropped))
    own = network.state_dict()
    for key in (f"{background}.weight", f"{background}.bias"):
        if key in tensors and key in own and len(tensors[key]) == len(own[key]) + 1:
            tensors[key] = tensors[key][1:]
    if complaints := _complaints(own, tensors):
        raise WeightsError(
            f"{file} does not fit {type(network).__name__}: {'; '.join(complaints)}. "
            f"{_guess(own, tensors)}"
        )
    network.load_state_dict({key: tensors.get(key, value) for key, value in own.items()})


def read(file: Path) -> dict[str, Tensor]:
    """The tensors of `file` by name; a `WeightsError` if it holds anything else."""
    if not file.is_file():
        raise WeightsError(f"there is no file {file}")
    if file.suffix == ".safetensors":
        try:
            return safetensors.torch.load_file(file)
        except SafetensorError as error:
            raise WeightsError(f"{file} is no whole safetensors file: {error}") from error
    return _read_pickled(file)


def _read_pickled(file: Path) -> dict[str, Tensor]:
    try:
        with warnings.catch_warnings():  # of pickle protocols; what matters ends in an error
            warnings.simplefilter("ignore")
            content = torch.load(file, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        found = re.search(r"GLOBAL (\S+)", str(error))
        raise WeightsError(
            f"{file} is refused, nothing in it was run: it holds more than tensors"
            f"{f' ({found[1]})' if found else ''}, and loading that could run code of whoever made "
            "it. Save the network's state dict alone, best as .safetensors"
        ) from error
    except Exception as error:  # a broken file makes the unpickler raise anything
        raise WeightsError(f"{file} is broken off, or was not saved by torch") from error
    if not isinstance(content, Mapping) or not all(isinstance(t, Tensor) for t in content.values()):
        raise WeightsError(
            f"{file} holds {type(content).__name__}, not one table of tensors: "
            "save the network's state dict alone"
        )
    return dict(content)


def _renamed(
    tensors: Mapping[str, Tensor], renames: tuple[tuple[str, str], ...], dropped: tuple[str, ...]
) -> dict[str, Tensor]:
    kept = {}
    for key, tensor in tensors.items():
        if any(re.search(pattern, key) for pattern in dropped):
            continue
        name = key
        for pattern, replacement in renames:
            name = re.sub(pattern, replacement, name)
        kept[name] = tensor
    return kept


def _complaints(own: Mapping[str, Tensor], given: Mapping[str, Tensor]) -> list[str]:
    missing = [key for key in own.keys() - given.keys() if not key.endswith(COUNTER)]
    extra = [key for key in given.keys() - own.keys() if not key.endswith(COUNTER)]
    shapes = [
        f"{key} is {_shape(given[key])}, must be {_shape(own[key])}"
        for key in own
        if key in given and own[key].shape != given[key].shape
    ]
    return [
        f"{len(found)} {what}: {', '.join(sorted(found)[:3])}{', …' if len(found) > 3 else ''}"
        for what, found in (
            ("missing", missing),
            ("left over", extra),
            ("of another shape", shapes),
        )
        if found
    ]


def _shape(tensor: Tensor) -> str:
    return "x".join(str(n) for n in tensor.shape) or "one number"


def _guess(own: Mapping[str, Tensor], given: Mapping[str, Tensor]) -> str:
    """The likely reason: another number of classes if only the outermost layer differs."""
    differ = {k for k in own.keys() | given.keys() if k not in own or k not in given}
    layers = {
        key.rpartition(".")[0]
        for key in own.keys() & given.keys()
        if own[key].shape != given[key].shape
    }
    if not differ and len(layers) == 1:
        return "Were they trained for another number of classes?"
    return "They are likely the weights of another network."
