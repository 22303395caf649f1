"""Which weights go into an export: shipped with the project, published, random, or a file.

`auto` takes what is best known here: shipped weights, else published ones; never random ones, for
a network that guesses must be asked for by name.
"""

import hashlib
from pathlib import Path

from rich.console import Console
from safetensors.torch import save as to_bytes

from models.architecture import Architecture, Network
from models.card import Checkpoint, Preprocessing, Weights
from models.labels import labels
from models.published import Published, published
from models.weights import KINDS, SHIPPED
from models.weights.download import cache_directory, fetch, sha256
from models.weights.files import WeightsError, load
from models.weights.random_weights import randomise

SEED = 1998


def obtain(
    architecture: Architecture, source: str, console: Console, shipped: Path = SHIPPED
) -> tuple[Network, Checkpoint]:
    """The network with its weights, in eval mode, and what is known of them.

    `source` is one of `KINDS` or a file's path. Raises `WeightsError`, saying what to do.
    """
    if source == "auto":
        source = _best(architecture, shipped)
    match source:
        case "scenes" | "digits":
            network, checkpoint = _shipped(architecture, source, shipped)
        case "imagenet":
            network, checkpoint = _imagenet(architecture, console)
        case "random":
            network, checkpoint = _random(architecture)
        case _:
            network, checkpoint = _file(architecture, Path(source))
    return network.eval(), checkpoint


def _best(architecture: Architecture, shipped: Path) -> str:
    for kind in ("scenes", "digits"):
        if (shipped / f"{architecture.name}.{kind}.safetensors").exists():
            return kind
    if published(architecture.name):
        return "imagenet"
    raise WeightsError(
        f"nobody has published weights for {architecture.name} and none are shipped: "
        "give --weights FILE, or --weights random for a network that only guesses"
    )


def _shipped(architecture: Architecture, kind: str, shipped: Path) -> tuple[Network, Checkpoint]:
    file = shipped / f"{architecture.name}.{kind}.safetensors"
    card = file.with_suffix(".json")
    if card.exists() and not file.exists():
        raise WeightsError(
            f"the {kind} weights of {architecture.name} are too large to ship: make them by "
            f"`python -m training fit {architecture.name} --data {kind}` and give --weights FILE; "
            f"{card.name} says how good they will be"
        )
    if not file.exists():
        there = sorted(f.name.split(".")[0] for f in shipped.glob(f"*.{kind}.safetensors"))
        raise WeightsError(
            f"no {kind} weights of {architecture.name} are shipped; there are some of "
            f"{', '.join(there)}"
        )
    return _with_card(architecture, file, Checkpoint.read(card))


def _with_card(
    architecture: Architecture, file: Path, checkpoint: Checkpoint
) -> tuple[Network, Checkpoint]:
    if checkpoint.architecture != architecture.name:
        raise WeightsError(f"{file} holds weights of {checkpoint.architecture}")
    if (found := sha256(file)) != checkpoint.weights.sha256:
        raise WeightsError(
            f"{file} is not the file its card describes: its sha256 is {found[:12]}…, the card "
            f"says {checkpoint.weights.sha256[:12]}…"
        )
    network = architecture.build(len(checkpoint.labels))
    load(network, file)
    return network, checkpoint


def _imagenet(architecture: Architecture, console: Console) -> tuple[Network, Checkpoint]:
    row = published(architecture.name)
    if row is None:
        raise WeightsError(
            f"no published weights are known for {architecture.name}: "
            "give --weights random, or --weights FILE with weights of your own"
        )
    file = fetch(row, cache_directory(), console)
    return _published_file(architecture, row, file, row.url)


def _published_file(
    architecture: Architecture, row: Published, file: Path, source: str
) -> tuple[Network, Checkpoint]:
    names = labels(row.labels)
    network = architecture.build(len(names))
    load(network, file, row.renames, row.dropped, row.background)
    weights = Weights(row.name, source, sha256(file), trained=True, trained_on=row.trained_on)
    metrics = {"published_top1": row.top1 / 100, "published_top5": row.top5 / 100}
    return network, Checkpoint(architecture.name, row.preprocessing, names, weights, metrics)


def _random(architecture: Architecture) -> tuple[Network, Checkpoint]:
    network = architecture.build(architecture.classes)
    randomise(network, architecture.channels, architecture.size, SEED)
    digest = hashlib.sha256(to_bytes(network.state_dict())).hexdigest()
    weights = Weights("random", f"seed {SEED}", digest, trained=False, seed=SEED)
    return network, Checkpoint(
        architecture.name, _preprocessing(architecture), _labels(architecture), weights
    )


def _file(architecture: Architecture, file: Path) -> tuple[Network, Checkpoint]:
    if not file.is_file():
        raise WeightsError(f"--weights is one of {', '.join(KINDS)} or a file; {file} is neither")
    if (card := file.with_suffix(".json")).exists():
        return _with_card(architecture, file, Checkpoint.read(card))
    row = published(architecture.name)
    if row and sha256(file).startswith(row.sha256 or "no hash is known"):
        return _published_file(architecture, row, file, row.url)
    network = architecture.build(architecture.classes)
    if row:  # another file of the same form
        load(network, file, row.renames, row.dropped, row.background)
    else:
        load(network, file)
    weights = Weights(file.stem, file.name, sha256(file), trained=True)
    return network, Checkpoint(
        architecture.name, _preprocessing(architecture), _labels(architecture), weights
    )


def _preprocessing(architecture: Architecture) -> Preprocessing:
    if row := published(architecture.name):
        return row.preprocessing
    size, channels = architecture.size, architecture.channels
    resize = size if size < 64 else round(size * 256 / 224)
    return Preprocessing(channels, size, resize, "bilinear", (0.5,) * channels, (0.25,) * channels)


def _labels(architecture: Architecture) -> tuple[str, ...]:
    if architecture.classes == len(labels("imagenet")):
        return labels("imagenet")
    return tuple(str(index) for index in range(architecture.classes))
