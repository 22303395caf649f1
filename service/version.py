"""One version of a model on disk: read, believed or not, and opened in an engine."""

import hashlib
import logging
from dataclasses import dataclass, field
from pathlib import Path

from models.card import CARD, Artifact, CardError, ModelCard
from service.engines import DeviceOutOfMemory, Engine, EngineUnavailable, open_engine
from service.engines.choice import choices
from service.engines.device import Device
from service.latency import Latency
from service.model import Model
from service.settings import Settings

logger = logging.getLogger(__name__)

# Measured with ONNX Runtime on a CPU from 5 to 528 MiB of weights: two sessions with repacked
# weights take 2.7 times the file, and what a run needs is no more than the rest.
COPIES = 3
WORKING = 128 * 2**20


@dataclass(slots=True, eq=False)
class Version:
    """A version that may be served. `model` while it is loaded; its latency outlives that.

    `fallback` says why its engine or device is not what was asked for; None if it is.
    """

    card: ModelCard
    directory: Path
    memory: int  # bytes it takes while loaded, an estimate
    latency: Latency = field(default_factory=Latency)
    model: Model | None = None
    device: Device = "cpu"
    fallback: str | None = None

    @property
    def key(self) -> str:
        return f"{self.card.name}/{self.card.version}"


def read(directory: Path) -> Version:
    """What the card says, without opening a file of weights. Raises `CardError`."""
    card = ModelCard.read(directory / CARD)
    if (card.name, str(card.version)) != (directory.parent.name, directory.name):
        raise CardError(f"{directory / CARD} is the card of {card.name}/{card.version}")
    sizes = [_size(directory / artifact.file) for artifact in _portable(card)]
    return Version(card, directory, WORKING + COPIES * max(sizes, default=0))


def _portable(card: ModelCard) -> list[Artifact]:
    """All but TensorRT's plans: their engine checks them, and without them another serves."""
    return [a for a in card.artifacts.values() if a not in card.plans]


def open_version(version: Version, settings: Settings) -> Engine:
    """An engine for the files that were proven, the one asked for or the nearest that works.

    Notes on the version where it runs, and why if that is not what was asked for. Raises
    `CardError`, `EngineUnavailable`.
    """
    card, directory, s = version.card, version.directory, settings
    for artifact in _portable(card):
        check(directory / artifact.file, artifact.sha256)
    reasons: list[str] = []
    for kind, device in choices(s.engine, s.device):
        lanes = s.streams if device == "cuda" else s.lanes
        try:
            engine = open_engine(
                kind, card, directory, device=device, lanes=lanes, precision=s.precision
            )
        except (EngineUnavailable, DeviceOutOfMemory) as error:
            reasons.append(str(error))
            if s.engine_strict:
                break
            continue
        version.device = device
        version.fallback = _instead(engine, s, reasons) if reasons else None
        if kind == "ort" and engine.precision != s.precision:
            logger.warning(
                "%s is served in fp32, for it has no %s: `python -m export %s --precision %s` "
                "adds it",
                *(version.key, s.precision, card.architecture, s.precision),
            )
        return engine
    raise EngineUnavailable("; ".join(reasons))


def _instead(engine: Engine, s: Settings, reasons: list[str]) -> str:
    asked = s.engine if s.device == "auto" else f"{s.engine} on {s.device}"
    return f"{engine.name} on {engine.device} instead of {asked}: {'; '.join(reasons)}"


def check(file: Path, sha256: str) -> None:
    """Raises `CardError` if the file is not the one that was exported."""
    try:
        with file.open("rb") as content:
            found = hashlib.file_digest(content, "sha256").hexdigest()
    except OSError as error:
        raise CardError(f"{file} cannot be read: {error.strerror}") from error
    if found != sha256:
        raise CardError(
            f"{file} is not the file that was proven (sha256 {found[:12]}…, the card says "
            f"{sha256[:12]}…): export it again"
        )


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except OSError as error:
        raise CardError(f"{file} cannot be read: {error.strerror}") from error
