"""Lanes are shared: among batches, among models, and liveness watches them."""

import asyncio
from collections.abc import Callable
from functools import partial

import pytest

from tests.service.batching import Bench, Engine, make_lanes, run, settled, values


def test_waiting_images_are_shared_out_among_the_lanes(make_engine: Engine) -> None:
    async def test() -> None:
        bench = Bench(make_engine(lanes=2), make_lanes(2))
        tasks = [bench.submit(v) for v in range(9)]
        await bench.started()
        await bench.started()
        assert sorted(map(len, bench.engine.batches)) == [2, 3]
        assert len(bench.batcher) == 2  # a batch of two more is ready
        bench.engine.open()
        assert await values(tasks) == list(range(9))
        assert not any(bench.engine.alone)

    run(test)


def test_a_lone_image_may_take_the_whole_device(make_engine: Engine) -> None:
    async def test() -> None:
        bench = Bench(make_engine(lanes=2), make_lanes(2))
        lone = bench.submit(1)
        await bench.started()
        second = bench.submit(2)
        await bench.started()
        bench.engine.open()
        await values([lone, second])
        assert bench.engine.alone == [True, False]

    run(test)


def test_of_several_lanes_none_waits_for_the_event_loop(make_engine: Engine) -> None:
    async def test() -> None:
        bench = Bench(make_engine(lanes=2), make_lanes(2), max_batch=1)
        tasks = [bench.submit(v) for v in range(4)]
        await bench.started()
        await bench.started()
        assert len(bench.batcher) == 1  # two run, one more is with the workers
        bench.engine.open()
        assert await values(tasks) == [0, 1, 2, 3]

    run(test)


def test_two_models_share_the_lanes_and_the_oldest_image_goes_first(make_engine: Engine) -> None:
    async def test() -> None:
        lanes = make_lanes(1)
        a, b = Bench(make_engine(), lanes), Bench(make_engine(), lanes)
        first = a.submit(0)
        await a.started()
        order: list[str] = []

        def note(name: str, _: object) -> None:
            order.append(name)

        tasks = []
        for name, bench in (("b", b), ("a", a), ("b", b)):
            task = bench.submit(1)
            task.add_done_callback(partial(note, name))
            tasks.append(task)
            await settled()
        a.engine.open()
        b.engine.open()
        await asyncio.gather(first, *tasks)
        assert order == ["b", "b", "a"]  # one batch of b, since its first image is older
        assert lanes.idle == 1

    run(test)


def test_liveness_tells_of_a_run_that_never_ends(make_engine: Engine) -> None:
    async def test() -> None:
        bench = Bench(make_engine(), make_lanes(1))
        task = bench.submit(1)
        await bench.started()
        assert bench.lanes.stalled(3600) is None
        assert "a run has taken" in str(bench.lanes.stalled(-1))
        bench.engine.open()
        await task

    run(test)


def test_liveness_tells_of_a_dispatcher_that_died() -> None:
    class Broken:
        due = 1

        def oldest(self, now: float) -> float:
            return now

        def take(self, places: int, lone: Callable[[], bool]) -> None:
            raise ArithmeticError(f"{places} {lone}")

    async def test() -> None:
        lanes = make_lanes(1)
        lanes.attach(Broken())
        with pytest.raises(ArithmeticError):
            lanes.wake()
        assert "ArithmeticError" in str(lanes.stalled(60))

    run(test)
