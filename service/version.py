"""One version of a model on disk: read, believed or not, and opened in an engine."""

import hashlib
import logging
from dataclasses import dataclass, field
from pathlib import Path

from models.card import CARD, CardError, ModelCard
from service.engines import Engine, EngineUnavailable, open_engine
from service.engines.device import cuda_works
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
    """A version that may be served. `model` while it is loaded; its latency outlives that."""

    card: ModelCard
    directory: Path
    memory: int  # bytes it takes while loaded, an estimate
    latency: Latency = field(default_factory=Latency)
    model: Model | None = None

    @property
    def key(self) -> str:
        return f"{self.card.name}/{self.card.version}"


def read(directory: Path) -> Version:
    """What the card says, without opening a file of weights. Raises `CardError`."""
    card = ModelCard.read(directory / CARD)
    if (card.name, str(card.version)) != (directory.parent.name, directory.name):
        raise CardError(f"{directory / CARD} is the card of {card.name}/{card.version}")
    sizes = [_size(directory / artifact.file) for artifact in card.artifacts.values()]
    return Version(card, directory, WORKING + COPIES * max(sizes, default=0))


def open_version(version: Version, settings: Settings) -> Engine:
    """An engine for the files that were proven. Raises `CardError`, `EngineUnavailable`."""
    card, directory, s = version.card, version.directory, settings
    for artifact in card.artifacts.values():
        check(directory / artifact.file, artifact.sha256)
    if s.engine == "ort" and s.precision not in card.precisions:
        logger.warning(
            "%s is served in fp32, for it has no %s: `python -m export %s --precision %s` adds it",
            *(version.key, s.precision, card.architecture, s.precision),
        )
    if s.device == "cuda" or (s.device == "auto" and cuda_works()):
        try:
            return _open(version, "cuda", s)
        except EngineUnavailable as error:
            if s.device == "cuda":
                raise
            logger.warning("%s on the CPU instead: %s", card.name, error)
    return _open(version, "cpu", s)


def _open(version: Version, device: str, s: Settings) -> Engine:
    return open_engine(
        s.engine,
        version.card,
        version.directory,
        device=device,
        lanes=s.lanes,
        precision=s.precision,
    )


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
