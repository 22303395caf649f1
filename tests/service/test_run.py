"""What becomes of each image of a batch: seen, dropped, failed or answered."""

import asyncio
import threading

import numpy as np
import pytest

from service.errors import BadImage, DeadlinePassed, EngineFailed
from service.images import View
from service.run import Answer
from tests.service.batching import Bench, Engine, make_lanes, run, settled, value, values


def test_an_image_past_its_deadline_never_reaches_the_engine(make_engine: Engine) -> None:
    async def test() -> None:
        bench = Bench(make_engine(), make_lanes(1))
        first = bench.submit(1)
        await bench.started()
        late, patient = bench.submit(2, seconds=0.01), bench.submit(3)
        with pytest.raises(DeadlinePassed):
            await late
        bench.engine.open()
        assert await values([first, patient]) == [1, 3]
        assert bench.engine.batches == [[1], [3]]

    run(test)


def test_what_gives_up_while_its_batch_waits_for_a_thread_is_not_run(make_engine: Engine) -> None:
    async def test() -> None:
        bench = Bench(make_engine(lanes=2), make_lanes(2), max_batch=1)
        running = [bench.submit(v) for v in (0, 1)]
        await bench.started()
        await bench.started()
        late = bench.submit(2, seconds=0.01)
        with pytest.raises(DeadlinePassed):
            await late
        assert len(bench.batcher) == 0  # it had left the queue
        after = bench.submit(3)
        bench.engine.open()
        assert await values([*running, after]) == [0, 1, 3]
        assert sorted(bench.engine.batches) == [[0], [1], [3]]
        await bench.batcher.close()

    run(test)


def test_what_gives_up_while_its_batch_is_decoded_is_not_run(make_engine: Engine) -> None:
    async def test() -> None:
        bench = Bench(make_engine(), make_lanes(1))
        bench.engine.open()
        decoding, go_on = threading.Event(), threading.Event()

        def slow() -> View:
            decoding.set()
            assert go_on.wait(10)
            return View(np.full((4, 4, 3), 2, np.uint8), (0.0, 0.0, 1.0, 1.0))

        gone, late, patient = bench.submit(1), bench.send(slow, seconds=0.01), bench.submit(3)
        assert await asyncio.to_thread(decoding.wait, 10)
        gone.cancel()
        with pytest.raises(DeadlinePassed):
            await late
        go_on.set()
        assert await values([patient]) == [3]
        assert bench.engine.batches == [[3]]

    run(test)


def test_a_deadline_passes_even_while_the_engine_runs(make_engine: Engine) -> None:
    async def test() -> None:
        bench = Bench(make_engine(), make_lanes(1))
        late = bench.submit(1, seconds=0.05)
        await bench.started()
        with pytest.raises(DeadlinePassed):
            await late
        bench.engine.open()
        assert await values([bench.submit(2)]) == [2]

    run(test)


def test_the_poisoned_image_fails_alone_and_the_next_batch_runs(make_engine: Engine) -> None:
    async def test() -> None:
        bench = Bench(make_engine(), make_lanes(1))
        bench.engine.poison = {2}
        bench.engine.open()
        tasks = [bench.submit(v) for v in (1, 2, 3)]
        results = await asyncio.gather(*tasks, return_exceptions=True)
        assert [type(r) for r in results] == [Answer, EngineFailed, Answer]
        assert await values([bench.submit(4)]) == [4]
        assert bench.lanes.stalled(60) is None

    run(test)


def broken() -> View:
    raise BadImage("broken")


def test_a_bad_image_fails_alone_and_never_reaches_the_engine(make_engine: Engine) -> None:
    async def test() -> None:
        bench = Bench(make_engine(), make_lanes(1))
        bench.engine.open()
        tasks = [bench.submit(1), bench.send(broken), bench.submit(3)]
        first, bad, third = await asyncio.gather(*tasks, return_exceptions=True)
        assert isinstance(bad, BadImage)
        assert isinstance(first, Answer)
        assert isinstance(third, Answer)
        assert (value(first), value(third), first.batch) == (1, 3, 2)
        with pytest.raises(BadImage):
            await bench.send(broken)
        assert bench.engine.batches == [[1, 3]]
        assert bench.sizes == [(2, "idle")]

    run(test)


def test_an_image_is_decoded_on_a_lane_once_it_is_its_turn(make_engine: Engine) -> None:
    async def test() -> None:
        bench = Bench(make_engine(), make_lanes(1))
        first = bench.submit(1)
        await bench.started()
        threads = []

        def look() -> View:
            threads.append(threading.current_thread().name)
            return View(np.full((4, 4, 3), 2, np.uint8), (0.0, 0.0, 1.0, 1.0))

        second, gone = bench.send(look), bench.send(look)
        await settled()
        assert threads == []
        gone.cancel()
        bench.engine.open()
        assert await values([first, second]) == [1, 2]
        assert threads == ["worker-0"]  # the one that left was not decoded

    run(test)
