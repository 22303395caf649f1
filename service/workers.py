"""The threads that decode and run: as many as the device has lanes, so no core is fought over.

They are nicer than the event loop: when all cores are busy it still runs at once, and so never
holds the interpreter lock while it waits for a core. Results come back in bunches: the loop is
woken once for all that finished since it last looked, which under load saves most of the switches
between threads.
"""

import asyncio
import os
import sys
import threading
from collections import deque
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any, TypeVar

NICE = 5  # a third of the event loop's weight when both want a core

T = TypeVar("T")
Done = Callable[[Any, BaseException | None], None]


def usable_cores() -> list[int]:
    """The cores that this process may run on; [] where a thread cannot be kept on one."""
    return sorted(os.sched_getaffinity(0)) if sys.platform == "linux" else []


class Workers:
    """`count` threads, first come first served. Must be made and used on a running event loop.

    With `pin` each stays on a core of its own, if there is one for each: with its caches, and no
    core is idle while two threads share another. Threads that they start would stay there too.
    """

    def __init__(self, count: int, *, pin: bool = False) -> None:
        self._loop = asyncio.get_running_loop()
        self._tasks: SimpleQueue[tuple[Callable[[], Any], Done] | None] = SimpleQueue()
        self._results: deque[tuple[Done, Any, BaseException | None]] = deque()
        self._woken = False
        cores = usable_cores() if pin else []
        self._cores = cores if len(cores) == count else []
        self._threads = [
            threading.Thread(target=self._work, args=(i,), name=f"worker-{i}", daemon=True)
            for i in range(count)
        ]
        for thread in self._threads:
            thread.start()

    def start(self, work: Callable[[], T], done: Done) -> None:
        """Does `work` on a thread, then calls `done(result, error)` on the event loop."""
        self._tasks.put((work, done))

    async def run(self, work: Callable[[], T]) -> T:
        """What `work()` gives or raises. What is cancelled before it begins is not done."""
        future: asyncio.Future[T] = self._loop.create_future()

        def begin() -> T | None:
            return None if future.cancelled() else work()

        def done(result: T, error: BaseException | None) -> None:
            if future.done():
                return
            if error is None:
                future.set_result(result)
            else:
                future.set_exception(error)

        self.start(begin, done)
        return await future

    def _work(self, number: int) -> None:
        if sys.platform == "linux":
            os.nice(NICE)  # this thread alone, as below
            if self._cores:
                os.sched_setaffinity(0, {self._cores[number]})
        while (task := self._tasks.get()) is not None:
            work, done = task
            try:
                self._results.append((done, work(), None))
            except BaseException as error:  # noqa: BLE001 - it belongs to the one who waits
                self._results.append((done, None, error))
            if not self._woken:
                self._woken = True
                self._loop.call_soon_threadsafe(self._settle)

    def _settle(self) -> None:
        self._woken = False  # before looking, so that a result that comes now wakes the loop again
        while self._results:
            done, result, error = self._results.popleft()
            done(result, error)

    def alive(self) -> bool:
        return all(thread.is_alive() for thread in self._threads)

    def close(self) -> None:
        """Ends the threads once their work is through."""
        for _ in self._threads:
            self._tasks.put(None)
