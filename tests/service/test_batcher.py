"""Every rule of gathering, by counting runs. No test measures time."""

import asyncio
import random
import time
from collections.abc import Awaitable

import pytest

from service.errors import NotReady, QueueFull
from tests.service.batching import Bench, Engine, make_lanes, run, settled, value, values


def test_a_cancelled_image_frees_its_place_and_its_neighbours_get_their_own_answers(
    make_engine: Engine,
) -> None:
    async def test() -> None:
        bench = Bench(make_engine(), make_lanes(1), max_queue=3)
        first = bench.submit(1)
        await bench.started()
        waiting = [bench.submit(v) for v in (10, 11, 12)]
        await settled()
        waiting[1].cancel()
        await settled()
        assert len(bench.batcher) == 2
        late = bench.submit(13)  # the freed place
        await settled()
        bench.engine.open()
        assert await values([first, waiting[0], waiting[2], late]) == [1, 10, 12, 13]
        assert bench.engine.batches == [[1], [10, 12, 13]]
        with pytest.raises(asyncio.CancelledError):
            await waiting[1]

    run(test)


def test_cancelled_while_it_runs_disturbs_nobody(make_engine: Engine) -> None:
    async def test() -> None:
        bench = Bench(make_engine(), make_lanes(1))
        tasks = [bench.submit(v) for v in (1, 2, 3)]
        await bench.started()
        tasks[1].cancel()
        bench.engine.open()
        assert await values([tasks[0], tasks[2]]) == [1, 3]
        assert await values([bench.submit(4)]) == [4]

    run(test)


def test_an_idle_engine_runs_at_once_with_what_is_there(make_engine: Engine) -> None:
    async def test() -> None:
        bench = Bench(make_engine(), make_lanes(1))
        bench.engine.open()
        assert await values([bench.submit(5)]) == [5]
        assert await values([bench.submit(v) for v in (1, 2, 3)]) == [1, 2, 3]
        assert bench.engine.batches == [[5], [1, 2, 3]]
        assert bench.sizes == [(1, "idle"), (3, "idle")]

    run(test)


def test_a_busy_engine_gathers_up_to_max_batch(make_engine: Engine) -> None:
    async def test() -> None:
        bench = Bench(make_engine(), make_lanes(1), max_batch=4)
        first = bench.submit(0)
        await bench.started()
        rest = [bench.submit(v) for v in range(1, 7)]
        await settled()
        bench.engine.open()
        assert await values([first, *rest]) == list(range(7))
        assert bench.engine.batches == [[0], [1, 2, 3, 4], [5, 6]]
        assert bench.sizes == [(1, "idle"), (4, "full"), (2, "idle")]

    run(test)


def test_an_image_is_not_alone_while_another_is_decoded_beforehand(make_engine: Engine) -> None:
    async def test() -> None:
        bench = Bench(make_engine(lanes=2), make_lanes(2), max_queue=2)
        bench.engine.open()
        with bench.batcher.expecting():
            assert await values([bench.submit(1)]) == [1]
            with bench.batcher.expecting(), pytest.raises(QueueFull):
                await bench.submit(2)  # the two that are decoded fill the queue
        assert await values([bench.submit(3)]) == [3]
        assert bench.engine.alone == [False, True]

    run(test)


def test_max_wait_is_counted_from_the_first_image_and_ends_with_a_full_batch(
    make_engine: Engine,
) -> None:
    async def test() -> None:
        bench = Bench(make_engine(), make_lanes(1), max_batch=2, max_wait=3600.0)
        bench.engine.open()
        first = bench.submit(1)
        await settled()
        assert bench.engine.batches == []  # patient, though the engine is idle
        assert await values([first, bench.submit(2)]) == [1, 2]
        assert bench.sizes == [(2, "full")]
        await bench.batcher.close()

    run(test)


def test_patience_ends_without_company(make_engine: Engine) -> None:
    async def test() -> None:
        bench = Bench(make_engine(), make_lanes(1), max_wait=0.02)
        bench.engine.open()
        assert await values([bench.submit(1)]) == [1]
        assert bench.sizes == [(1, "waited")]

    run(test)


def test_patience_is_not_restarted_by_later_images(make_engine: Engine) -> None:
    async def test() -> None:
        bench = Bench(make_engine(), make_lanes(1), max_wait=0.2)
        first = bench.submit(1)
        await settled()
        arrived = time.perf_counter()
        over = bench.batcher.oldest(arrived + 0.21)
        later = bench.submit(2)
        await settled()
        assert over is not None
        assert bench.batcher.oldest(over + 0.21) == over  # whatever came in between
        bench.engine.open()
        assert await values([first, later]) == [1, 2]

    run(test)


def test_a_full_queue_refuses_and_says_when_to_come_back(make_engine: Engine) -> None:
    async def test() -> None:
        bench = Bench(make_engine(), make_lanes(1), max_queue=2)
        tasks = [bench.submit(1)]
        await bench.started()
        tasks += [bench.submit(2), bench.submit(3)]
        await settled()
        with pytest.raises(QueueFull) as refused:
            await bench.submit(4)
        assert refused.value.retry_after is not None
        assert refused.value.retry_after >= 1
        bench.engine.open()
        assert await values(tasks) == [1, 2, 3]

    run(test)


def test_retry_after_grows_with_the_queue(make_engine: Engine) -> None:
    async def test() -> None:
        bench = Bench(make_engine(), make_lanes(1), max_queue=50)
        bench.batcher._seconds_per_image = 0.2
        tasks = [bench.submit(1)]
        await bench.started()
        tasks += [bench.submit(2) for _ in range(50)]
        await settled()
        with pytest.raises(QueueFull, match=r"10\.0 s") as refused:
            await bench.submit(4)
        assert refused.value.retry_after == 10
        bench.engine.open()
        await values(tasks)

    run(test)


def test_every_answer_belongs_to_its_request(make_engine: Engine) -> None:
    """400 images, many lanes and batch sizes, a third of them cancelled at any time."""

    async def one(bench: Bench, rng: random.Random, number: int) -> bool:
        await asyncio.sleep(rng.random() * 0.05)
        task = bench.submit(number)
        if rng.random() < 1 / 3:
            await asyncio.sleep(rng.random() * 0.01)
            task.cancel()
        try:
            return value(await task) == number
        except asyncio.CancelledError:
            return True

    async def test() -> None:
        rng = random.Random(7)
        for lanes, max_batch in ((1, 1), (2, 3), (4, 8)):
            bench = Bench(
                make_engine(lanes=lanes), make_lanes(lanes), max_batch=max_batch, max_queue=500
            )
            bench.engine.open(10_000)
            right: list[Awaitable[bool]] = [one(bench, rng, n % 256) for n in range(400)]
            assert all(await asyncio.gather(*right))
            assert max(map(len, bench.engine.batches)) <= max_batch
            assert len(bench.batcher) == 0

    run(test)


def test_closing_answers_what_was_accepted_and_takes_no_more(make_engine: Engine) -> None:
    async def test() -> None:
        bench = Bench(make_engine(), make_lanes(1), max_batch=1)
        tasks = [bench.submit(v) for v in (1, 2, 3)]
        await bench.started()
        closing = asyncio.create_task(bench.batcher.close())
        await settled()
        with pytest.raises(NotReady):
            await bench.submit(4)
        bench.engine.open()
        await closing
        assert await values(tasks) == [1, 2, 3]

    run(test)


def test_closing_ends_patience(make_engine: Engine) -> None:
    async def test() -> None:
        bench = Bench(make_engine(), make_lanes(1), max_wait=3600.0)
        bench.engine.open()
        task = bench.submit(1)
        await settled()
        await bench.batcher.close()
        assert await values([task]) == [1]

    run(test)
