"""Images wait here until a lane is free. Nobody waits for company when a lane is idle.

The engine idle: run at once with what is there. The engine busy: gather, up to `max_batch`, for
the next run; what waits is shared out among the lanes. `max_wait` adds patience, counted from the
first image and never restarted.
"""

import asyncio
import logging
import math
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from service.engines import Engine
from service.errors import DeadlinePassed, EngineFailed, NotReady, QueueFull
from service.images import Pixels
from service.lanes import Batch, Lanes

logger = logging.getLogger(__name__)

Released = Literal["full", "idle", "waited"]
BRIEF = 1e-4  # seconds; handing a run to a lane and back takes about as long


@dataclass(frozen=True, slots=True)
class Answer:
    """One image's row of the engine's outputs, and when what happened (`perf_counter` seconds)."""

    logits: NDArray[np.float32]
    scores: NDArray[np.float32]
    classes: NDArray[np.int64]
    maps: NDArray[np.float32]
    arrived: float
    started: float
    finished: float
    batch: int
    released: Released


@dataclass(slots=True, eq=False)
class Waiting:
    image: Pixels
    asked: NDArray[np.int64]
    deadline: float
    arrived: float
    future: asyncio.Future[Answer]


F32 = NDArray[np.float32]
Row = tuple[F32, F32, NDArray[np.int64], F32]  # logits, scores, classes, maps


class _Run:
    """One batch on a lane. If it fails, each image runs again alone, so only the culprit fails."""

    def __init__(self, engine: Engine, batch: list[Waiting], *, alone: bool) -> None:
        self._engine, self.batch, self._alone = engine, batch, alone
        self._rows: list[Row | EngineFailed] = []
        self.started = self.finished = 0.0

    def __call__(self) -> None:
        self.started = now = time.perf_counter()
        # those that gave up while the batch waited for a thread have been told so
        self.batch = [w for w in self.batch if w.deadline > now and not w.future.done()]
        if self.batch:
            self._rows = self._attempt(self.batch)
        self.finished = time.perf_counter()

    def _attempt(self, batch: list[Waiting]) -> list[Row | EngineFailed]:
        images = np.stack([w.image for w in batch])
        asked = np.stack([w.asked for w in batch])
        try:
            out = self._engine.run(images, asked, alone=self._alone)
            return list(zip(out.logits, out.scores, out.classes, out.maps, strict=True))
        except Exception as error:
            if len(batch) > 1:
                return [row for waiting in batch for row in self._attempt([waiting])]
            logger.exception("the engine failed on one image")
            return [EngineFailed(f"the engine failed on this image: {type(error).__name__}")]

    def answers(self, released: Released) -> Iterator[Answer | EngineFailed]:
        for waiting, row in zip(self.batch, self._rows, strict=True):
            if isinstance(row, EngineFailed):
                yield row
            else:
                times = (waiting.arrived, self.started, self.finished)
                yield Answer(*row, *times, len(self.batch), released)


class Batcher:
    """Gathers images for one engine. Lives on the event loop; not safe from other threads."""

    def __init__(
        self,
        engine: Engine,
        lanes: Lanes,
        *,
        max_batch: int,
        max_wait: float,
        max_queue: int,
        observe: Callable[[int, Released], None],
    ) -> None:
        self._engine, self._lanes = engine, lanes
        self.max_batch = min(max_batch, engine.max_batch)
        self.max_wait = max_wait
        self.max_queue = max_queue
        self._observe = observe  # called with the size of every batch that ran
        self._queue: deque[Waiting] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._running = self._expected = 0
        self._seconds_per_image = 0.01  # a first guess, for Retry-After only
        self._quickest = math.inf
        self.closed = False
        lanes.attach(self)

    def __len__(self) -> int:
        """Images waiting."""
        return len(self._queue)

    async def submit(self, image: Pixels, asked: NDArray[np.int64], deadline: float) -> Answer:
        """The engine's answer to one image.

        `deadline` is a `perf_counter` time: an image past it never reaches the engine. Cancelling
        frees the image's place and disturbs nobody. Raises `QueueFull`, `DeadlinePassed`,
        `EngineFailed`, `NotReady`.
        """
        if self.closed:
            raise NotReady("this model is being unloaded: try again")
        self._admit()
        loop = asyncio.get_running_loop()
        waiting = Waiting(image, asked, deadline, time.perf_counter(), loop.create_future())
        self._queue.append(waiting)
        # once this turn of the loop is over: images that arrive together run together
        loop.call_soon(self._lanes.wake)
        expiry = loop.call_at(loop.time() + deadline - waiting.arrived, self._expire, waiting)
        try:
            return await waiting.future
        finally:
            expiry.cancel()
            if waiting.future.cancelled() and waiting in self._queue:
                self._queue.remove(waiting)

    @contextmanager
    def expecting(self) -> Iterator[None]:
        """Holds a place for an image that is being decoded. Raises `QueueFull`."""
        self._admit()
        self._expected += 1
        try:
            yield
        finally:
            self._expected -= 1

    def _admit(self) -> None:
        waiting = len(self._queue) + self._expected
        if waiting >= self.max_queue:
            seconds = waiting * self._seconds_per_image / self._lanes.count
            raise QueueFull(
                f"{waiting} images wait already, about {seconds:.1f} s of work",
                retry_after=max(1, math.ceil(seconds)),
            )

    def _expire(self, waiting: Waiting) -> None:
        if not waiting.future.done():
            waited = time.perf_counter() - waiting.arrived
            waiting.future.set_exception(
                DeadlinePassed(f"no answer after {waited * 1e3:.0f} ms; the image was dropped")
            )
        if waiting in self._queue:
            self._queue.remove(waiting)

    def oldest(self, now: float) -> float | None:
        if not self._queue:
            return None
        first = self._queue[0].arrived
        if len(self._queue) >= self.max_batch or self.closed or now >= first + self.max_wait:
            return first
        if self._timer is None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(first + self.max_wait - now, self._patience_over)
        return None

    def _patience_over(self) -> None:
        self._timer = None
        self._lanes.wake()

    def take(self, places: int, *, alone: bool) -> Batch | None:
        full = len(self._queue) >= self.max_batch
        share = min(self.max_batch, math.ceil(len(self._queue) / places))
        released: Released = "full" if full else "waited" if self.max_wait else "idle"
        now = time.perf_counter()
        batch = [w for w in (self._queue.popleft() for _ in range(share)) if not w.future.done()]
        for late in [w for w in batch if w.deadline <= now]:
            self._expire(late)
            batch.remove(late)
        if not batch:
            return None
        self._running += 1
        run = _Run(self._engine, batch, alone=alone and len(batch) == 1 and not self._busy())
        brief = self._quickest * len(batch) < BRIEF
        return Batch(run, lambda: self._deliver(run, released), brief)

    def _busy(self) -> bool:
        return bool(self._queue or self._expected)

    def _deliver(self, run: _Run, released: Released) -> None:
        self._running -= 1
        if not run.batch:
            return
        self._observe(len(run.batch), released)
        spent = (run.finished - run.started) / len(run.batch)
        self._seconds_per_image += 0.1 * (spent - self._seconds_per_image)
        answers = list(run.answers(released))
        # the quickest, since what others on the cores add is not its own; to fail is quick as well
        if not any(isinstance(answer, EngineFailed) for answer in answers):
            self._quickest = min(self._quickest, spent)
        for waiting, answer in zip(run.batch, answers, strict=True):
            if waiting.future.done():
                continue
            if isinstance(answer, EngineFailed):
                waiting.future.set_exception(answer)
            else:
                waiting.future.set_result(answer)

    async def close(self) -> None:
        """Takes no more images, waits until the accepted ones are answered."""
        self.closed = True
        self._lanes.wake()
        # closing is rare, so no other path has to know of it
        while self._queue or self._running:  # noqa: ASYNC110
            await asyncio.sleep(0.005)
        self._lanes.detach(self)
