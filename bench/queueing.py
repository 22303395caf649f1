"""A simulation of the service's queue: events in the order of time, by the rules of its batcher.

One queue feeds the lanes. As in `service/lanes.py` and `service/batcher.py` an idle lane never
waits for company, what waits is shared out among the lanes, one batch more than they run is handed
out on a CPU, and an image that is alone in the service takes the whole device. A test holds every
image's stay to that in the real lanes and batcher.
"""

import math
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from heapq import heappop, heappush

import numpy as np
from numpy.typing import NDArray

F64 = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Station:
    """One service, in seconds from a lane's start to the answer.

    `alone`: for an image that has the device to itself; `batch(n)`: for n on one of the lanes.
    """

    lanes: int
    max_batch: int
    alone: float
    batch: Callable[[int], float]
    share_out: bool = True  # a GPU takes all that waits at once


def simulate(station: Station, arrivals: F64, factors: F64) -> F64:
    """Seconds [n] from the arrival of each image to its answer.

    `arrivals` are seconds [n] in rising order; a batch takes its time by the mean factor [n] of its
    images.
    """
    return _Replica(station, arrivals, factors).run()


class _Replica:
    def __init__(self, station: Station, arrivals: F64, factors: F64) -> None:
        self._station = station
        self._arrivals: list[float] = arrivals.tolist()
        self._factors: list[float] = factors.tolist()
        self._latencies = np.zeros(len(arrivals))
        spare = 1 if station.share_out and station.lanes > 1 else 0
        self._places = station.lanes + spare
        self._shares = self._places if station.share_out else 1
        self._waiting: deque[int] = deque()
        self._handed: deque[list[int]] = deque()  # batches that wait for a lane
        self._running: list[tuple[float, list[int]]] = []  # a heap by their ends

    def run(self) -> F64:
        for image, now in enumerate(self._arrivals):
            self._finish(now)
            self._waiting.append(image)
            self._dispatch(now)
        self._finish(math.inf)
        return self._latencies

    def _finish(self, until: float) -> None:
        while self._running and self._running[0][0] <= until:
            now, batch = heappop(self._running)
            for image in batch:
                self._latencies[image] = now - self._arrivals[image]
            self._dispatch(now)

    def _dispatch(self, now: float) -> None:
        while self._waiting and len(self._handed) + len(self._running) < self._places:
            share = math.ceil(len(self._waiting) / self._shares)
            size = min(self._station.max_batch, share)
            self._handed.append([self._waiting.popleft() for _ in range(size)])
        while self._handed and len(self._running) < self._station.lanes:
            batch = self._handed.popleft()
            heappush(self._running, (now + self._seconds(batch), batch))

    def _seconds(self, batch: list[int]) -> float:
        others = self._waiting or self._handed or self._running
        lone = len(batch) == 1 and not others
        seconds = self._station.alone if lone else self._station.batch(len(batch))
        return seconds * sum(self._factors[image] for image in batch) / len(batch)
