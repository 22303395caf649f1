"""Images wait here until a lane is free, which decodes and runs them.

Nobody waits for company when a lane is idle.

The engine idle: run at once with what is there. The engine busy: gather, up to `max_batch`, for
the next run; what waits is shared out among the lanes. `max_wait` adds patience, counted from the
first image and never restarted.
"""

import asyncio
import math
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
from numpy.typing import NDArray

from service.engines import Engine
from service.errors import DeadlinePassed, NotReady, QueueFull
from service.lanes import Batch, Lanes
from service.run import Answer, Look, Released, Run, Waiting


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
        self.closed = False
        lanes.attach(self)

    def __len__(self) -> int:
        """Images waiting."""
        return len(self._queue)

    @property
    def due(self) -> int:
        """Images waiting, and those being decoded before they may."""
        return len(self._queue) + self._expected

    async def submit(self, look: Look, asked: NDArray[np.int64], deadline: float) -> Answer:
        """The engine's answer to the image that `look` gives, which is called on the lane.

        `deadline` is a `perf_counter` time: an image past it never reaches the engine. Cancelling
        frees the image's place and disturbs nobody. Raises `QueueFull`, `DeadlinePassed`,
        `EngineFailed`, `OutOfMemory`, `NotReady`, and what `look` raises.
        """
        if self.closed:
            raise NotReady("this model is being unloaded: try again")
        self._admit()
        loop = asyncio.get_running_loop()
        waiting = Waiting(look, asked, deadline, time.perf_counter(), loop.create_future())
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
        """Holds a place for an image that is decoded beforehand. Raises `QueueFull`."""
        self._admit()
        self._expected += 1
        try:
            yield
        finally:
            self._expected -= 1

    def _admit(self) -> None:
        waiting = self.due
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

    def take(self, places: int, lone: Callable[[], bool]) -> Batch | None:
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
        run = Run(self._engine, batch, lone)
        return Batch(run, lambda: self._deliver(run, released))

    def _deliver(self, run: Run, released: Released) -> None:
        self._running -= 1
        if run.exhausting:
            self.max_batch = max(1, min(self.max_batch, run.exhausting // 2))
        if run.size:
            self._observe(run.size, released)
            spent = (run.finished - run.started) / run.size
            self._seconds_per_image += 0.1 * (spent - self._seconds_per_image)
        for waiting, answer in zip(run.batch, run.answers(released), strict=True):
            if waiting.future.done():
                continue
            if isinstance(answer, Exception):
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
