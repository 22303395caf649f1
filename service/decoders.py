"""Threads for work that would hold up the event loop: decoding, and drawing maps.

Results come back in bunches: the loop is woken once for all that finished since it last looked,
which under load saves most of the switches between threads.
"""

import asyncio
import threading
from collections import deque
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any, TypeVar

T = TypeVar("T")
Task = tuple[Callable[[], Any], "asyncio.Future[Any]"]
Result = tuple["asyncio.Future[Any]", Any, BaseException | None]


class Decoders:
    """`count` threads. Must be made and used on a running event loop."""

    def __init__(self, count: int) -> None:
        self._loop = asyncio.get_running_loop()
        self._tasks: SimpleQueue[Task | None] = SimpleQueue()
        self._results: deque[Result] = deque()
        self._woken = False
        self._threads = [
            threading.Thread(target=self._work, name=f"decode-{i}", daemon=True)
            for i in range(count)
        ]
        for thread in self._threads:
            thread.start()

    async def run(self, work: Callable[[], T]) -> T:
        """What `work()` gives or raises. Cancelling leaves the work to end by itself."""
        future: asyncio.Future[T] = self._loop.create_future()
        self._tasks.put((work, future))
        return await future

    def _work(self) -> None:
        while (task := self._tasks.get()) is not None:
            work, future = task
            if future.cancelled():  # nobody waits for it any more
                continue
            try:
                self._results.append((future, work(), None))
            except BaseException as error:  # noqa: BLE001 - it belongs to the one who waits
                self._results.append((future, None, error))
            if not self._woken:
                self._woken = True
                self._loop.call_soon_threadsafe(self._settle)

    def _settle(self) -> None:
        self._woken = False  # before looking, so that a result that comes now wakes the loop again
        while self._results:
            future, result, error = self._results.popleft()
            if future.done():
                continue
            if error is None:
                future.set_result(result)
            else:
                future.set_exception(error)

    def close(self) -> None:
        """Ends the threads once their work is through."""
        for _ in self._threads:
            self._tasks.put(None)
