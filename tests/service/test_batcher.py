"""Every rule of batching, by counting runs. No test measures time."""

import asyncio
import random
import threading
import time
from collections.abc import Awaitable, Callable, Coroutine
from functools import partial
from typing import Any

import numpy as np
import pytest

from service.batcher import Batcher
from service.errors import BadImage, DeadlinePassed, EngineFailed, NotReady, QueueFull
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
