"""A device has lanes; on every lane one batch runs at a time, and the oldest image goes first.

The lanes belong to the device, not to a model: however many models share them, none starves and
none fights for cores. All bookkeeping happens on the event loop, so there are no locks; a worker
thread only decodes images and runs the engine.

Of several lanes none shall wait for the event loop, so one batch more than they run is handed to
the workers. One lane alone gathers a larger batch in that time instead.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from operator import itemgetter
from typing import Protocol

from service.workers import Workers

Work = Callable[[], None]


@dataclass(frozen=True, slots=True)
class Batch:
    """`run` is for a lane, `done` for the event loop afterwards."""

    run: Work
    done: Work


class Source(Protocol):
    """Something with images waiting: a batcher."""

    def oldest(self, now: float) -> float | None:
        """When the image that has waited longest arrived; None if nothing is ready to run."""

    @property
    def due(self) -> int:
        """Images that wait or will soon."""

    def take(self, places: int, lone: Callable[[], bool]) -> Batch | None:
        """Removes a batch, the share of one of `places`; None if all that waited has left.

        `lone()` tells, on a lane, whether the batch there may take the whole device.
        """


class Lanes:
    """`count` batches run at once on these workers. Lives on the event loop."""

    def __init__(self, count: int, workers: Workers, *, share_out: bool = True) -> None:
        self.count = count
        spare = 1 if share_out and count > 1 else 0
        self.places = self.idle = count + spare
        self._shares = self.places if share_out else 1  # a GPU takes all that waits at once
        self.workers = workers
        self._sources: list[Source] = []
        self._started: dict[int, float] = {}  # batch -> when its run began, by the worker itself
        self.error: BaseException | None = None

    def attach(self, source: Source) -> None:
        self._sources.append(source)

    def detach(self, source: Source) -> None:
        self._sources.remove(source)

    def wake(self) -> None:
        """Starts what can start. Called when an image arrives, a batch ends or a wait is over."""
        try:
            while self.idle and (waiting := self._waiting()):
                _, source = min(waiting, key=itemgetter(0))
                if batch := source.take(self._shares, self._lone):
                    self._start(batch)
        except BaseException as error:
            self.error = error  # a dispatcher that died is for liveness to tell
            raise

    def _waiting(self) -> list[tuple[float, Source]]:
        now = time.perf_counter()
        return [(age, s) for s in self._sources if (age := s.oldest(now)) is not None]

    def _lone(self) -> bool:
        """Whether one batch is all that runs or waits."""
        return self.idle == self.places - 1 and not any(source.due for source in self._sources)

    def _start(self, batch: Batch) -> None:
        def run() -> None:
            self._started[id(batch)] = time.perf_counter()
            batch.run()
            del self._started[id(batch)]

        def done(_: None, error: BaseException | None) -> None:
            if error:
                self.error = error  # a batch catches what its engine raises; this is ours
            self.idle += 1
            self.wake()  # the next batch first, then the answers of this one
            batch.done()

        self.idle -= 1
        self.workers.start(run, done)

    def stalled(self, seconds: float) -> str | None:
        """Why this device is dead, or None: its dispatcher failed, or a run takes too long."""
        if self.error:
            return f"the dispatcher failed: {self.error!r}"
        if not self.workers.alive():
            return "a worker has ended"
        longest = max((time.perf_counter() - t for t in self._started.copy().values()), default=0.0)
        return f"a run has taken {longest:.0f} s" if longest > seconds else None
