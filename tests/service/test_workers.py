"""Work on threads gives its own result to the one who waits, and one failure is one failure."""

import asyncio
import os
import sys
import threading
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from service.loader import Loader
from service.settings import Settings
from service.workers import NICE, Workers, usable_cores


def run(test: Callable[[Workers], Coroutine[Any, Any, None]], count: int = 2) -> None:
    async def main() -> None:
        workers = Workers(count)
        try:
            await asyncio.wait_for(test(workers), 20)
        finally:
            workers.close()

    asyncio.run(main())


def test_every_result_goes_to_its_own_waiter() -> None:
    async def test(workers: Workers) -> None:
        calls = [workers.run(lambda n=n: n * n) for n in range(500)]  # type: ignore[misc]
        assert await asyncio.gather(*calls) == [n * n for n in range(500)]

    run(test)


def test_an_error_reaches_its_waiter_and_nobody_else() -> None:
    def fail() -> None:
        raise ValueError("mine")

    async def test(workers: Workers) -> None:
        results = await asyncio.gather(
            workers.run(lambda: 1),
            workers.run(fail),
            workers.run(lambda: 2),
            return_exceptions=True,
        )
        assert list(results[::2]) == [1, 2]
        assert repr(results[1]) == "ValueError('mine')"

    run(test, count=1)


def test_work_runs_beside_the_loop_and_not_on_it() -> None:
    async def test(workers: Workers) -> None:
        assert await workers.run(threading.get_ident) != threading.get_ident()

    run(test)


def test_what_was_cancelled_before_it_began_is_not_done() -> None:
    done: list[str] = []
    gate = threading.Event()

    async def test(workers: Workers) -> None:
        first = asyncio.create_task(workers.run(gate.wait))
        second = asyncio.create_task(workers.run(lambda: done.append("second")))
        third = asyncio.create_task(workers.run(lambda: done.append("third")))
        await asyncio.sleep(0)
        second.cancel()
        await asyncio.sleep(0)
        gate.set()
        await asyncio.gather(first, third)
        with pytest.raises(asyncio.CancelledError):
            await second
        assert done == ["third"]

    run(test, count=1)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has a niceness for each thread")
def test_workers_are_nicer_than_the_event_loop() -> None:
    async def test(workers: Workers) -> None:
        mine = os.getpriority(os.PRIO_PROCESS, 0)
        theirs = await workers.run(lambda: os.getpriority(os.PRIO_PROCESS, 0))
        assert theirs == min(19, mine + NICE)
        assert os.getpriority(os.PRIO_PROCESS, 0) == mine

    run(test)


@pytest.mark.skipif(sys.platform != "linux", reason="a thread is kept on a core on Linux only")
def test_each_thread_stays_on_a_core_of_its_own_if_there_is_one_for_each() -> None:
    async def where(count: int, *, pin: bool) -> list[set[int]]:
        workers = Workers(count, pin=pin)
        together = threading.Barrier(count)

        def look() -> set[int]:
            together.wait(10)  # so that every thread looks once
            return set(os.sched_getaffinity(0))

        try:
            return await asyncio.gather(*(workers.run(look) for _ in range(count)))
        finally:
            workers.close()

    cores = usable_cores()
    found = asyncio.run(where(len(cores), pin=True))
    assert sorted(map(sorted, found)) == [[core] for core in cores]
    everywhere = set(cores)
    assert asyncio.run(where(len(cores), pin=False)) == [everywhere] * len(cores)
    assert asyncio.run(where(len(cores) + 1, pin=True)) == [everywhere] * (len(cores) + 1)
    assert set(usable_cores()) == everywhere  # the rest of the process stays free


@pytest.mark.skipif(sys.platform != "linux", reason="a thread is kept on a core on Linux only")
@pytest.mark.parametrize(("engine", "cores"), [("null", 1), ("pytorch", len(usable_cores()))])
def test_lanes_stay_on_their_cores_unless_their_engine_starts_threads(
    settings: Settings, engine: str, cores: int
) -> None:
    async def test() -> None:
        everywhere = {"engine": engine, "lanes": len(usable_cores())}
        loader = Loader(settings.model_copy(update=everywhere))
        try:
            found = await loader.lanes["cpu"].workers.run(lambda: os.sched_getaffinity(0))
            assert len(found) == cores
        finally:
            loader.close()

    asyncio.run(asyncio.wait_for(test(), 20))
