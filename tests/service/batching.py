"""A batcher at its gate, for tests that count its runs. No test measures time."""

import asyncio
import time
from collections.abc import Callable, Coroutine
from typing import Any

import numpy as np

from service.batcher import Batcher
from service.images import View
from service.lanes import Lanes
from service.run import Answer, Look
from service.workers import Workers

Engine = Any  # tests/service/conftest.py: GatedEngine
ASKED = np.full(5, -1)


def make_lanes(count: int) -> Lanes:
    return Lanes(count, Workers(count))


class Bench:
    """An engine at its gate, its lanes and its batcher."""

    def __init__(self, engine: Engine, lanes: Lanes, **knobs: Any) -> None:
        self.engine, self.lanes = engine, lanes
        self.sizes: list[tuple[int, str]] = []
        known: dict[str, Any] = {"max_batch": 8, "max_wait": 0.0, "max_queue": 100}
        self.batcher = Batcher(
            engine, lanes, observe=lambda n, why: self.sizes.append((n, why)), **known | knobs
        )

    def submit(self, value: int, seconds: float = 60.0) -> asyncio.Task[Answer]:
        view = View(np.full((4, 4, 3), value, np.uint8), (0.0, 0.0, 1.0, 1.0))
        return self.send(lambda: view, seconds)

    def send(self, look: Look, seconds: float = 60.0) -> asyncio.Task[Answer]:
        return asyncio.create_task(self.batcher.submit(look, ASKED, time.perf_counter() + seconds))

    async def started(self) -> None:
        """Waits until one more run has begun."""
        assert await asyncio.to_thread(self.engine.arrived.acquire, timeout=10)


def run(test: Callable[[], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(asyncio.wait_for(test(), 30))


async def settled() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


def value(answer: Answer) -> int:
    return int(answer.maps[0, 0, 0])


async def values(tasks: list[asyncio.Task[Answer]]) -> list[int]:
    return [value(answer) for answer in await asyncio.gather(*tasks)]
