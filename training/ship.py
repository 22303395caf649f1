"""Rounds a run's weights to float16, measures what is left, and only then writes them down.

Beside `<architecture>.<data>.safetensors` lies the `Checkpoint` that says where it came from. The
figures in it belong to the rounded weights, since those are the ones that will serve.
"""

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import safetensors.torch
import torch
from torch import Tensor

from models.architecture import Network
from models.card import Checkpoint, Weights
from models.catalog import architecture
from models.weights import SHIPPED
from training import forms
from training.digits import LABELS, digits
from training.evaluate import evaluate, from_network
from training.feed import PREPROCESSING
from training.photographs import PHOTOGRAPHS
from training.recipe import Data, recipe

LARGEST: Final = 25_000_000  # bytes of a weights file that is shipped
TOGETHER: Final = 150_000_000  # of all of them


def rounded(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """`state` with its floats in float16; counters stay what they are."""
    return {
        key: (value.half() if value.is_floating_point() else value).contiguous()
        for key, value in state.items()
    }


def load(name: str, file: Path) -> Network:
    """The network with the weights of a safetensors `file`, in float32; every key must fit."""
    network = architecture(name).build(len(LABELS))
    network.load_state_dict(safetensors.torch.load_file(file), strict=True)
    return network.eval()


@dataclass(frozen=True, slots=True)
class Remarks:
    """What the card says and no file knows: the machine in words, what this run did otherwise."""

    machine: str
    note: str = ""


def ship(  # noqa: PLR0913 - a keyword each
    name: str,
    data: Data,
    run: Path,
    remarks: Remarks,
    *,
    images: int,
    folder: Path = SHIPPED,
    device: str = "cpu",
) -> Checkpoint:
    """Writes the weights of the run saved in `run` and their card, measured on `images` scenes.

    The card alone, if the weights are too large: it says how good they are, and how they are made.
    """
    state: dict[str, Any] = torch.load(run, map_location="cpu", weights_only=True)
    served = forms.end(architecture(name), state["network"], len(LABELS))
    content = safetensors.torch.save(rounded(served.state_dict()))
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{name}.{data}.safetensors"
    temporary = file.with_name(file.name + ".part")
    temporary.write_bytes(content)
    answer = from_network(load(name, temporary).to(device), PREPROCESSING[data])
    checkpoint = Checkpoint(
        architecture=name,
        preprocessing=PREPROCESSING[data],
        labels=LABELS,
        weights=_weights(name, data, hashlib.sha256(content).hexdigest(), state, remarks),
        metrics=evaluate(answer, data, images=images),
    )
    if _fits(len(content), file):
        temporary.replace(file)
    else:
        temporary.unlink()
        file.unlink(missing_ok=True)
    checkpoint.write(file.with_suffix(".json"))
    return checkpoint


def _fits(size: int, file: Path) -> bool:
    others = sum(f.stat().st_size for f in file.parent.glob("*.safetensors") if f != file)
    return size <= LARGEST and size + others <= TOGETHER


def leave(network: Network, card: Checkpoint, file: Path) -> Checkpoint:
    """Writes the weights, as precise as they are, to `file` (.safetensors) and `card` beside it.

    The card is given the file's hash.
    """
    state = network.state_dict()
    content = safetensors.torch.save({k: v.detach().cpu().contiguous() for k, v in state.items()})
    weights = replace(card.weights, sha256=hashlib.sha256(content).hexdigest())
    card = replace(card, weights=weights)
    temporary = file.with_name(file.name + ".part")
    temporary.write_bytes(content)
    temporary.replace(file)
    card.write(file.with_suffix(".json"))
    return card


def _weights(
    name: str, data: Data, sha256: str, state: dict[str, Any], remarks: Remarks
) -> Weights:
    """An epoch is as many pictures as there are training digits."""
    report = state["report"]
    words = state.get("words") or recipe(name, data).words()
    return Weights(
        name=f"{data}-v1",
        source="shipped",
        sha256=sha256,
        trained=True,
        trained_on=trained_on(data),
        seed=state["seed"],
        recipe="; ".join(filter(None, (words, remarks.note))),
        epochs=report["images"] // len(digits("train").labels),
        images=report["images"],
        seconds=round(report["seconds"], 1),
        machine=remarks.machine,
    )


def trained_on(data: Data) -> str:
    """The training data in words."""
    count = len(digits("train").labels)
    own = f"{count} of scikit-learn's 1797 handwritten digits"
    if data == "digits":
        return f"{own}, at 32x32, moved, slanted and scaled afresh every time, on both polarities"
    photographs = len(PHOTOGRAPHS["train"])
    return (
        f"digit scenes: {own} on pieces of {photographs} photographs of scikit-learn and "
        "scikit-image, drawn afresh every time"
    )
