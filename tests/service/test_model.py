"""Where a model decodes: on the lane that will run the image, or beforehand."""

import asyncio
import io
import time
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image

from models.card import ModelCard, Preprocessing
from service import model as module
from service.images import View, decode
from service.lanes import Lanes
from service.latency import Latency
from service.model import Model
from service.settings import Settings
from service.workers import Workers
from tests.service.batching import Engine


def file(kind: str, **options: object) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (64, 48), (200, 30, 60)).save(out, kind, **options)
    return out.getvalue()


@pytest.mark.parametrize(
    ("data", "decoders", "on_the_lane"),
    [
        (file("JPEG"), 0, True),
        (file("JPEG", progressive=True), 0, False),
        (file("PNG"), 0, False),
        (file("JPEG"), 1, False),
    ],
    ids=["JPEG", "progressive", "PNG", "decoders"],
)
def test_a_quick_jpeg_is_decoded_on_its_lane_and_all_else_beforehand(
    data: bytes,
    decoders: int,
    *,
    on_the_lane: bool,
    make_engine: Engine,
    make_card: Callable[..., ModelCard],
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def test() -> None:
        lane = Workers(1)
        own = Workers(decoders) if decoders else lane
        engine = make_engine()
        engine.open()
        model = Model(make_card(), engine, Latency(), Lanes(1, lane), own, settings)
        held = []

        def look(data: bytes, preprocessing: Preprocessing, most: int) -> View:
            held.append(model.batcher.due)  # beforehand it holds a place in the queue
            return decode(data, preprocessing, most)

        monkeypatch.setattr(module, "decode", look)
        asked = np.full(5, -1)
        soon = time.perf_counter() + 10
        await model.predict(data, asked, top=1, maps=1, deadline=soon)
        assert held == [0 if on_the_lane else 1]
        await model.close()

    asyncio.run(asyncio.wait_for(test(), 30))
