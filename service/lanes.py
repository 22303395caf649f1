"""A device has lanes; on every lane one batch runs at a time, and the oldest image goes first.

The lanes belong to the device, not to a model: however many models share them, none starves and
none fights for cores. All bookkeeping happens on the event loop, so there are no locks; a lane's
thread only stacks images and runs the engine. Only a run that is shorter than the way to a thread
and back happens on the spot: a LeNet takes 60 microseconds.
"""

import asyncio
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from operator import itemgetter
from queue import SimpleQueue
from typing import Protocol

Work = Callable[[], None]


@dataclass(frozen=True, slots=True)
class Batch:
    """`run` is for a lane, `done` for the event loop afterwards.

    `brief`: it takes less time than handing it to a lane and back would.
    """

    run: Work
    done: Work
    brief: bool


class Source(Protocol):
    """Something with images waiting: a batcher."""

    def oldest(self, now: float) -> float | None:
        """When the image that has waited longest arrived; None if nothing is ready to run."""

    def take(self, lanes: int, *, alone: bool) -> Batch | None:
        """Removes a batch; None if all that waited has left."""


class Lanes:
    """`count` batches run at once. Must be made and used on a running event loop."""

    def __init__(self, count: int) -> None:
        self.count = count
        self._loop = asyncio.get_running_loop()
        self._sources: list[Source] = []
        self._work: SimpleQueue[Batch | None] = SimpleQueue()
        self._started: dict[int, float] = {}  # lane -> when its batch began, by the lane itself
        self.idle = count
        self.error: BaseException | None = None
        self._threads = [
            threading.Thread(target=self._lane, args=(i,), name=f"lane-{i}", daemon=True)
            for i in range(count)
        ]
        for thread in self._threads:
            thread.start()

    def attach(self, source: Source) -> None:
        self._sources.append(source)

    def detach(self, source: Source) -> None:
        self._sources.remove(source)

    def wake(self) -> None:
        """Starts what can start. Called when an image arrives, a batch ends or a wait is over."""
        try:
            while self.idle and (waiting := self._waiting()):
                _, source = min(waiting, key=itemgetter(0))
                alone = self.idle == self.count and len(waiting) == 1
                batch = source.take(self.count, alone=alone)
                if batch and batch.brief:
                    batch.run()
                    batch.done()
                elif batch:
                    self.idle -= 1
                    self._work.put(batch)
        except BaseException as error:
            self.error = error  # a dispatcher that died is for liveness to tell
            raise

    def _waiting(self) -> list[tuple[float, Source]]:
        now = time.perf_counter()
        return [(age, s) for s in self._sources if (age := s.oldest(now)) is not None]

    def _lane(self, number: int) -> None:
        while (batch := self._work.get()) is not None:
            self._started[number] = time.perf_counter()
            batch.run()
            self._started.pop(number)
            self._loop.call_soon_threadsafe(self._finish, batch.done)

    def _finish(self, done: Work) -> None:
        self.idle += 1
        self.wake()  # the next batch first, then the answers of this one
        done()

    def stalled(self, seconds: float) -> str | None:
        """Why this device is dead, or None: its dispatcher failed, or a run takes too long."""
        if self.error:
            return f"the dispatcher failed: {self.error!r}"
        if not all(thread.is_alive() for thread in self._threads):
            return "a lane has ended"
        longest = max((time.perf_counter() - t for t in self._started.copy().values()), default=0.0)
        return f"a run has taken {longest:.0f} s" if longest > seconds else None

    def close(self) -> None:
        """Ends the lanes once their batches are through."""
        for _ in self._threads:
            self._work.put(None)
