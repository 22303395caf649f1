"""A device without memory for a batch: a clear 503, smaller batches, and the service lives on."""

import asyncio
import io
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from starlette.testclient import TestClient

from models.card import ModelCard
from service import loader
from service.app import create_app
from service.batcher import Batcher
from service.engines import DeviceOutOfMemory, Outputs, noticing_memory
from service.engines.null import NullEngine
from service.errors import OutOfMemory
from service.images import View
from service.lanes import Lanes
from service.run import Answer
from service.settings import Settings
from service.workers import Workers

OWN = np.full(5, -1)


class SmallDevice(NullEngine):
    """A device with memory for so many images at once."""

    def __init__(self, card: ModelCard, room: int) -> None:
        super().__init__(card, max_batch=8)
        self.room = room
        self.ran: list[int] = []

    def run(
        self, images: NDArray[np.uint8], asked: NDArray[np.int64], *, alone: bool = False
    ) -> Outputs:
        self.ran.append(len(images))
        if len(images) > self.room:
            raise DeviceOutOfMemory("CUDA out of memory")
        return super().run(images, asked, alone=alone)


def test_the_batch_fails_and_those_that_follow_have_half_its_size(
    make_card: Callable[..., ModelCard],
) -> None:
    engine = SmallDevice(make_card(), room=2)
    view = View(np.zeros((32, 32, 3), np.uint8), (0.0, 0.0, 1.0, 1.0))

    async def eight(batcher: Batcher) -> list[Answer | BaseException]:
        soon = time.perf_counter() + 10
        calls = [batcher.submit(lambda: view, OWN, soon) for _ in range(8)]
        return await asyncio.gather(*calls, return_exceptions=True)

    async def test() -> None:
        lanes = Lanes(1, Workers(1))
        knobs: dict[str, Any] = {"max_batch": 8, "max_wait": 0.0, "max_queue": 100}
        batcher = Batcher(engine, lanes, observe=lambda _n, _why: None, **knobs)
        first = await eight(batcher)
        assert [type(answer) for answer in first] == [OutOfMemory] * 8
        assert str(first[0]) == "the device has no memory for a batch of 8: try again"
        second = await eight(batcher)  # the second four are taken when the first four fail
        assert [type(answer) for answer in second] == [OutOfMemory] * 8
        third = await eight(batcher)
        assert [type(answer) for answer in third] == [Answer] * 8
        assert engine.ran == [8, 4, 4, 2, 2, 2, 2]
        assert batcher.max_batch == 2
        engine.room = 0
        await eight(batcher)
        assert batcher.max_batch == 1

    asyncio.run(asyncio.wait_for(test(), 30))


def test_a_client_is_told_to_come_back_and_the_service_lives_on(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    engines: list[SmallDevice] = []

    def small(one: Any, _settings: Settings) -> SmallDevice:
        engines.append(SmallDevice(one.card, room=8))
        return engines[-1]

    monkeypatch.setattr(loader, "open_version", small)
    image = io.BytesIO()
    Image.new("RGB", (40, 40)).save(image, "PNG")
    named = settings.model_copy(update={"models": "toy"})
    with TestClient(create_app(named)) as client:
        while client.get("/health/ready").status_code != 200:
            time.sleep(0.01)
        (engine,) = engines
        engine.room = 0
        refused = client.post("/predict/toy", files={"image": image.getvalue()})
        engine.room = 8
        answered = client.post("/predict/toy", files={"image": image.getvalue()})
        live = client.get("/health/live")
    assert refused.status_code == 503
    assert refused.json()["title"] == "Out of memory"
    assert refused.headers["Retry-After"] == "1"
    assert (answered.status_code, live.status_code) == (200, 200)


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB"),
        RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried"),
        Exception("[ONNXRuntimeError] : 1 : FAIL : Failed to allocate memory for requested buffer"),
        Exception("[ONNXRuntimeError] : 6 : RUNTIME_EXCEPTION : std::bad_alloc"),
    ],
)
def test_what_libraries_say_of_it_is_understood(error: Exception) -> None:
    with pytest.raises(DeviceOutOfMemory), noticing_memory():
        raise error


def test_other_errors_stay_what_they_are(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), noticing_memory():
        (tmp_path / "nothing").read_bytes()
