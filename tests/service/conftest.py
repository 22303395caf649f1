"""Cards, images and engines that the tests of the service share."""

import io
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from models.card import CARD, ModelCard, Preprocessing, Weights
from service.engines import Outputs
from service.settings import Settings

MakeCard = Callable[..., ModelCard]


def card(name: str = "toy", version: int = 1, classes: int = 10, size: int = 32) -> ModelCard:
    return ModelCard(
        name=name,
        version=version,
        architecture="lenet5_plain",
        preprocessing=Preprocessing(3, size, size, "bilinear", (0.5,) * 3, (0.25,) * 3),
        labels=tuple(f"class {i}" for i in range(classes)),
        weights=Weights("random", "seed 1", "0" * 64, trained=False, seed=1),
        metrics={},
        artifacts={},
        created="2026-11-21T00:00:00+00:00",
        commit=None,
    )


@pytest.fixture
def make_card() -> MakeCard:
    return card


@pytest.fixture
def artifacts(tmp_path: Path) -> Path:
    """A directory with `toy/1` and `other/1`, enough for the null engine."""
    for name in ("toy", "other"):
        publish(tmp_path, card(name))
    return tmp_path


def publish(artifacts: Path, one: ModelCard) -> Path:
    directory = artifacts / one.name / str(one.version)
    directory.mkdir(parents=True)
    one.write(directory / CARD)
    return directory


@pytest.fixture
def make_publish() -> Callable[[Path, ModelCard], Path]:
    return publish


@pytest.fixture
def settings(artifacts: Path) -> Settings:
    return Settings(artifacts=artifacts, engine="null", device="cpu", lanes=2)


def jpeg(colour: tuple[int, int, int] = (200, 30, 60), size: tuple[int, int] = (64, 48)) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", size, colour).save(out, "JPEG", quality=95)
    return out.getvalue()


@pytest.fixture
def photo() -> bytes:
    return jpeg()


class GatedEngine:
    """Every run waits at a gate and is noted; the answer to an image is its first pixel."""

    name, precision, device = "gated", "none", "none"

    def __init__(self, lanes: int = 1, max_batch: int = 8) -> None:
        self.lanes, self.max_batch = lanes, max_batch
        self.batches: list[list[int]] = []
        self.alone: list[bool] = []
        self.arrived = threading.Semaphore(0)  # a run has begun
        self.gate = threading.Semaphore(0)  # a run may go on
        self.poison: set[int] = set()
        self.closed = False

    def run(
        self, images: NDArray[np.uint8], asked: NDArray[np.int64], *, alone: bool = False
    ) -> Outputs:
        values = images[:, 0, 0, 0].astype(int).tolist()
        self.batches.append(values)
        self.alone.append(alone)
        self.arrived.release()
        self.gate.acquire()
        if self.poison & set(values):
            raise RuntimeError("poison")
        logits = np.eye(10, dtype=np.float32)[[v % 10 for v in values]] * 9
        maps = np.stack([np.full((5, 2, 2), v, np.float32) for v in values])
        return Outputs(logits, logits[:, :5], np.where(asked < 0, 7, asked), maps)

    def close(self) -> None:
        self.closed = True

    def open(self, runs: int = 10_000) -> None:
        """Lets that many runs through."""
        self.gate.release(runs)


@pytest.fixture
def make_engine() -> type[GatedEngine]:
    return GatedEngine
