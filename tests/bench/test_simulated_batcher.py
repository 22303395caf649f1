"""The simulation decides as the service's own lanes and batcher do, in the same virtual time."""

import asyncio
import math
import time
from collections import deque
from collections.abc import Callable
from heapq import heappop, heappush
from itertools import count
from typing import Any

import numpy as np
import pytest

from bench.queueing import F64, Station, simulate
from service.batcher import Batcher
from service.engines import Outputs
from service.images import View
from service.lanes import Lanes

IMAGES = 600
PATIENCE = 1000.0  # seconds, of the real clock, that no test takes


class Clockwork:
    """Stands for the worker threads and the engine: a run takes as long as the station says."""

    max_batch = 1000
    name = precision = device = "clockwork"

    def __init__(self, station: Station, factors: F64) -> None:
        self.now = 0.0
        self._station, self._factors = station, factors
        self._idle = station.lanes
        self._tasks: deque[tuple[Callable[[], None], Callable[..., None]]] = deque()
        self._ends: list[tuple[float, int, Callable[..., None]]] = []
        self._number = count()
        self._took = 0.0

    def start(self, work: Callable[[], None], done: Callable[..., None]) -> None:
        self._tasks.append((work, done))
        self._begin()

    def _begin(self) -> None:
        while self._idle and self._tasks:
            work, done = self._tasks.popleft()
            self._idle -= 1
            work()  # which calls `run`
            heappush(self._ends, (self.now + self._took, next(self._number), done))

    def run(self, images: Any, asked: Any, *, alone: bool) -> Outputs:
        seconds = self._station.alone if alone else self._station.batch(len(images))
        self._took = seconds * float(self._factors[images.view(np.int64).ravel()].mean())
        nothing = np.zeros((len(images), 1), np.float32)
        return Outputs(nothing, nothing, asked, nothing)

    def ends(self) -> float:
        """When the next run ends."""
        return self._ends[0][0] if self._ends else math.inf

    def finish(self) -> None:
        self.now, _, done = heappop(self._ends)
        self._idle += 1
        done(None, None)
        self._begin()


async def real(station: Station, arrivals: F64, factors: F64) -> F64:
    """What `simulate` promises, by the service's own code."""
    clock: Any = Clockwork(station, factors)
    lanes = Lanes(station.lanes, clock, share_out=station.share_out)
    knobs: dict[str, Any] = {"max_batch": station.max_batch, "max_wait": 0.0, "max_queue": IMAGES}
    batcher = Batcher(clock, lanes, observe=lambda *_: None, **knobs)
    stay = np.zeros(len(arrivals))

    async def ask(image: int) -> None:
        pixels = np.array([image], np.int64).view(np.uint8)
        view = View(pixels, (0.0, 0.0, 1.0, 1.0))
        await batcher.submit(lambda: view, np.array([-1]), time.perf_counter() + PATIENCE)
        stay[image] = clock.now - arrivals[image]

    async def until(moment: float) -> None:
        while clock.ends() <= moment:
            clock.finish()
            await settled()
        clock.now = moment

    tasks = []
    for image, arrival in enumerate(arrivals):
        await until(arrival)
        tasks.append(asyncio.create_task(ask(image)))
        await settled()
    while clock.ends() < math.inf:
        await until(clock.ends())
    await asyncio.gather(*tasks)
    return stay


async def settled() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


@pytest.mark.parametrize(
    ("lanes", "max_batch", "share_out"),
    [(1, 1, True), (1, 8, True), (2, 1, True), (2, 8, True), (4, 32, True), (2, 8, False)],
)
@pytest.mark.parametrize("load", [0.4, 0.9, 1.3])
def test_every_image_stays_as_long_as_in_the_service(
    lanes: int, max_batch: int, load: float, *, share_out: bool
) -> None:
    station = Station(lanes, max_batch, 0.6, lambda n: 0.3 + 0.7 * n, share_out=share_out)
    rng = np.random.default_rng(5)
    arrivals = np.cumsum(rng.exponential(1 / (load * lanes), IMAGES))
    factors = rng.gamma(20, 1 / 20, IMAGES)
    expected = asyncio.run(real(station, arrivals, factors))
    assert simulate(station, arrivals, factors) == pytest.approx(expected)
