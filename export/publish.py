"""A version directory exists only if it was proven: built aside, then renamed into place.

Float32 is in every version. A lower precision that was refused is left out, and the console told.
"""

import errno
import importlib.metadata
import subprocess
import tempfile
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import get_args

import onnxruntime
from rich.console import Console
from rich.markup import escape
from safetensors.torch import save_file

from export.onnx_from_torch import onnx_from_torch
from export.parity import prove
from models.architecture import Network
from models.card import CARD, Artifact, Checkpoint, ModelCard, Parity, Precision
from models.catalog import architecture
from models.layers import describe
from models.served import Served
from models.table import LAYERS
from models.weights.download import sha256
from models.weights.sources import obtain
from service.engines import Kind, open_engine

UNPUBLISHED = 0
UNPROVEN = Parity((), float("inf"), float("inf"), 0.0)


@dataclass(frozen=True, slots=True)
class Recipe:
    """What to export. `name` is the model's name in URLs, by default the architecture's."""

    architecture: str
    weights: str = "auto"
    name: str = ""
    max_batch: int = 32
    with_pytorch: bool = False
    precisions: tuple[str, ...] = ("fp32",)

    def __post_init__(self) -> None:
        architecture(self.architecture)
        if self.max_batch < 1:
            raise ValueError(f"the largest batch is {self.max_batch}, must be at least 1")
        if wrong := set(self.precisions) - set(get_args(Precision)):
            raise ValueError(f"{sorted(wrong)} is no precision: {', '.join(get_args(Precision))}")
        if self.name and not self.name.replace("_", "").replace("-", "").isalnum():
            raise ValueError(f"{self.name!r} is no model name: letters, digits, - and _ only")

    @property
    def model(self) -> str:
        return self.name or self.architecture


def export(recipe: Recipe, artifacts: Path, console: Console) -> ModelCard:
    """Publishes the next version of the model under `artifacts`, or raises and leaves nothing.

    The card's `precisions` lack what was asked for and refused.

    Raises `WeightsError`, `ParityError`, `EngineUnavailable`.
    """
    network, checkpoint = obtain(architecture(recipe.architecture), recipe.weights, console)
    artifacts.mkdir(parents=True, exist_ok=True)
    # beside the target, so that the rename stays within one file system
    with tempfile.TemporaryDirectory(prefix=".export-", dir=artifacts) as temporary:
        building = Path(temporary) / "version"
        building.mkdir()
        card = _build(recipe, network, checkpoint, building, console)
        return _publish(card, building, artifacts)


def _build(
    recipe: Recipe, network: Network, checkpoint: Checkpoint, directory: Path, console: Console
) -> ModelCard:
    p, classes = checkpoint.preprocessing, len(checkpoint.labels)
    served = Served(network, p, classes).eval()
    onnx_from_torch(served, directory / "model.fp32.onnx", channels=p.channels, size=p.size)
    table = describe(architecture(checkpoint.architecture), classes, p.size)
    (directory / LAYERS).write_text(table.as_json(), encoding="utf-8")
    files: dict[str, tuple[Kind, str]] = {"onnx": ("ort", "model.fp32.onnx")}
    if recipe.with_pytorch:
        save_file(network.state_dict(), directory / "model.safetensors")
        files["pytorch"] = ("pytorch", "model.safetensors")
    card = ModelCard(
        name=recipe.model,
        version=UNPUBLISHED,
        architecture=checkpoint.architecture,
        preprocessing=p,
        labels=checkpoint.labels,
        weights=checkpoint.weights,
        metrics=checkpoint.metrics,
        artifacts={},
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        commit=_commit(),
        layers=sha256(directory / LAYERS),
    )
    for format_, (kind, file) in files.items():
        artifact = Artifact(
            file, sha256(directory / file), "fp32", recipe.max_batch, _versions(), UNPROVEN
        )
        card.artifacts[format_] = artifact  # the engine finds its file by the card
        engine = open_engine(kind, card, directory, device="cpu", lanes=1)
        try:
            parity = prove(engine, served, p)
        finally:
            engine.close()
        card.artifacts[format_] = replace(artifact, parity=parity)
    if not set(recipe.precisions) <= {"fp32"}:
        _add(recipe.precisions, card, directory, served, console)
    return card


def _add(
    wanted: tuple[str, ...], card: ModelCard, directory: Path, served: Served, console: Console
) -> None:
    from export.precision import MAY_LOSE, Refused, add

    for precision in MAY_LOSE:
        if precision not in wanted:
            continue
        try:
            add(precision, card, directory, served)
        except Refused as error:
            told = f"[yellow]{card.name} in {precision} is not published[/]: {escape(str(error))}"
            console.print(told, soft_wrap=True)


def _publish(card: ModelCard, building: Path, artifacts: Path) -> ModelCard:
    home = artifacts / card.name
    home.mkdir(exist_ok=True)
    while True:
        taken = [int(d.name) for d in home.iterdir() if d.name.isdecimal()]
        card = replace(card, version=max(taken, default=0) + 1)
        card.write(building / CARD)
        building.chmod(0o755)
        try:
            building.rename(home / str(card.version))
        except OSError as error:
            if error.errno not in (errno.EEXIST, errno.ENOTEMPTY):
                raise
        else:  # nobody else published this number in the meantime
            return card


def _versions() -> dict[str, str]:
    """Of the packages that made the file; ONNX Runtime's has another name on a GPU host."""
    versions = {name: importlib.metadata.version(name) for name in ("torch", "onnx", "onnxscript")}
    return versions | {"onnxruntime": onnxruntime.__version__}


def _commit() -> str | None:
    """The commit of this checkout; None where there is no git."""
    try:
        found = subprocess.run(
            ["git", "rev-parse", "HEAD"],  # noqa: S607 - whichever git the user has
            cwd=Path(__file__).parent,
            capture_output=True,
            text=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    return found.stdout.strip()
