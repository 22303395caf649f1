"""One loaded version of one network: from an image's bytes to its prediction."""

import asyncio
import dataclasses
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from models.card import ModelCard
from service.batcher import Batcher
from service.engines import Engine
from service.errors import BadParameter, ConvoyError, QueueFull
from service.images import Box, Pixels, View, decode, quick
from service.lanes import Lanes
from service.latency import Latency, Timing
from service.metrics import ModelMetrics
from service.run import Answer, Look, Released
from service.settings import Settings
from service.workers import Workers

logger = logging.getLogger(__name__)
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class WeightsInfo:
    """What every answer says of its weights."""

    name: str
    trained_on: str | None
    trained: bool
    sha256: str


def weights_info(card: ModelCard) -> WeightsInfo:
    w = card.weights
    return WeightsInfo(w.name, w.trained_on, w.trained, w.sha256)


@dataclass(frozen=True, slots=True)
class Ranked:
    index: int
    label: str
    probability: float


@dataclass(frozen=True, slots=True)
class Map:
    """A class activation map, rectified and scaled so that its peak is 1 (all 0 if none is > 0)."""

    index: int
    label: str
    values: NDArray[np.float32]  # [h', w']


@dataclass(frozen=True, slots=True)
class Prediction:
    top: list[Ranked]
    maps: list[Map]
    box: Box
    answer: Answer


class Model:
    """A card, its engine and the batcher before it.

    In a `with` block a request holds it: it stays open, and how the block ends is counted.
    """

    def __init__(
        self,
        card: ModelCard,
        engine: Engine,
        latency: Latency,
        lanes: Lanes,
        workers: Workers,
        settings: Settings,
    ) -> None:
        self.card, self.engine, self.latency = card, engine, latency
        self.batcher = Batcher(
            engine,
            lanes,
            max_batch=settings.max_batch,
            max_wait=settings.max_wait_ms / 1e3,
            max_queue=settings.max_queue,
            observe=self._batch_done,
        )
        self._workers = workers
        self._max_pixels = settings.max_pixels
        self._lanes_decode = lanes.workers is workers
        self.metrics = ModelMetrics(card.name, card.version, engine.name, latency)
        self.ready = False
        self.users = 0  # requests that hold it
        self.used_at = time.perf_counter()  # by a request, for the last time
        self.served_at = 0.0  # perf_counter seconds of the last answer
        self._own_choice = np.full(card.explained, -1, np.int64)
        self.weights = weights_info(card)

    def __enter__(self) -> Self:
        self.users += 1
        return self

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        self.users -= 1
        self.used_at = time.perf_counter()
        status = 200 if error is None else error.status if isinstance(error, ConvoyError) else 500
        self.metrics.request(status)

    def asked(self, classes: Sequence[int]) -> NDArray[np.int64]:
        """What the engine is to explain: these classes first, then its own choice."""
        if len(classes) > self.card.explained:
            raise BadParameter(f"cam names {len(classes)} classes, at most {self.card.explained}")
        if wrong := [c for c in classes if not 0 <= c < len(self.card.labels)]:
            raise BadParameter(
                f"{self.card.name} has no class {wrong[0]}: its classes are 0 to "
                f"{len(self.card.labels) - 1}"
            )
        if not classes:
            return self._own_choice
        asked = self._own_choice.copy()
        asked[: len(classes)] = classes
        return asked

    async def in_thread(self, work: Callable[[], T]) -> T:
        """Does on a worker what would hold up the event loop."""
        return await self._workers.run(work)

    async def predict(
        self, data: bytes, asked: NDArray[np.int64], *, top: int, maps: int, deadline: float
    ) -> Prediction:
        """`classify` for an image file; an image waits to be decoded like for its run."""
        look: Look = partial(decode, data, self.card.preprocessing, self._max_pixels)
        if not (self._lanes_decode and quick(data)):
            with self.batcher.expecting():
                view = await self.in_thread(look)
            look = lambda: view  # noqa: E731
        return await self.classify(look, asked, top=top, maps=maps, deadline=deadline)

    async def photograph(self, data: bytes, side: int) -> Pixels:
        """The same region in colour, `side` x `side` pixels."""
        p = self.card.preprocessing
        resize = round(p.resize * side / p.size)
        larger = dataclasses.replace(p, channels=3, size=side, resize=resize)
        return (await self.in_thread(lambda: decode(data, larger, self._max_pixels))).pixels

    async def classify(
        self, look: Look, asked: NDArray[np.int64], *, top: int, maps: int, deadline: float
    ) -> Prediction:
        """The `top` likeliest classes of one image, and the first `maps` of the maps asked for."""
        answer = await self.batcher.submit(look, asked, deadline)
        self.served_at = answer.finished
        # the engine has ranked its own choice already
        ranked = asked is self._own_choice and top <= len(asked)
        best = self._ranked(answer, top) if ranked else self._rank(answer.logits, top)
        return Prediction(best, self._maps(answer, maps), answer.view.box, answer)

    def _ranked(self, answer: Answer, top: int) -> list[Ranked]:
        pairs = zip(answer.classes[:top].tolist(), answer.scores[:top].tolist(), strict=True)
        return [Ranked(i, self.card.labels[i], share) for i, share in pairs]

    def _rank(self, logits: NDArray[np.float32], top: int) -> list[Ranked]:
        powers = np.exp(logits - logits.max())
        shares = powers / powers.sum()
        order = np.argsort(-logits, kind="stable")[:top].tolist()  # equal logits rank by index
        return [Ranked(i, self.card.labels[i], float(shares[i])) for i in order]

    def _maps(self, answer: Answer, count: int) -> list[Map]:
        return [
            Map(index, self.card.labels[index], scaled(answer.maps[rank]))
            for rank, index in enumerate(answer.classes[:count].tolist())
        ]

    def observe(self, timing: Timing) -> dict[str, float]:
        """Notes one answered request; gives its phases in seconds."""
        phases = timing.phases()
        self.latency.add(phases)
        return phases

    def _batch_done(self, size: int, released: Released) -> None:
        self.latency.batches[size] += 1
        self.metrics.batch(size, released)

    async def canary(self, seconds: float) -> None:
        """Sends one grey image through the batcher; raises if no answer comes back."""
        p = self.card.preprocessing
        image = np.full((p.size, p.size, p.channels), 128, np.uint8)
        view = View(image, (0.0, 0.0, 1.0, 1.0))
        await self.batcher.submit(lambda: view, self._own_choice, time.perf_counter() + seconds)
        self.served_at = time.perf_counter()

    def become_ready(self, load_seconds: float) -> None:
        self.ready = True
        self.metrics.load.set(load_seconds)
        self.metrics.ready.set(1)
        self.metrics.queue.set_function(lambda: len(self.batcher))

    async def check(self, seconds: float) -> None:
        """Ready if a canary comes back, else not until one does."""
        try:
            await self.canary(seconds)
        except QueueFull:
            return  # it is busy, which is no sign of illness
        except ConvoyError as error:
            logger.warning("%s failed its canary: %s", self.card.name, error)
            self.ready = False
        else:
            self.ready = True
        self.metrics.ready.set(self.ready)

    async def close(self) -> None:
        """Lets the requests that hold this model finish, then frees the engine."""
        while self.users:  # noqa: ASYNC110 - as in Batcher.close
            await asyncio.sleep(0.005)
        await self.batcher.close()
        self.engine.close()


def scaled(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Rectified, with a peak of 1: evidence against a class is not shown (Grad-CAM, eq. 2)."""
    positive = values.clip(min=0)
    return (positive / (positive.max() or 1)).astype(np.float32)
