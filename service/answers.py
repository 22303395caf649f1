"""From predictions to the contract's JSON."""

import time
from functools import partial
from typing import Any

import orjson
from fastapi import Response

from service.images import Pixels
from service.latency import Timing
from service.model import Map, Model, Prediction
from service.overlay import data_url, heatmap, overlay
from service.schemas import ClassMap

HEATMAP_SIDE = 224  # pixels, where the network's own input is smaller


async def draw(
    model: Model, images: list[bytes], found: list[Prediction], kind: str
) -> list[list[ClassMap]]:
    """The maps of every image as the client wants them."""
    if kind == "array" or not found[0].maps:
        return [[as_array(m) for m in prediction.maps] for prediction in found]
    side = max(model.card.preprocessing.size, HEATMAP_SIDE)
    drawn = []
    for data, prediction in zip(images, found, strict=True):
        photograph = await model.photograph(data, side) if kind == "overlay" else None
        drawn.append(
            [await model.in_thread(partial(as_image, m, photograph, side)) for m in prediction.maps]
        )
    return drawn


def as_array(m: Map) -> ClassMap:
    values = [[round(value, 4) for value in row] for row in m.values.tolist()]
    return ClassMap(index=m.index, label=m.label, shape=m.values.shape, map=values, image=None)


def as_image(m: Map, photograph: Pixels | None, side: int) -> ClassMap:
    picture = heatmap(m.values, side) if photograph is None else overlay(m.values, photograph)
    image = data_url(picture)
    return ClassMap(index=m.index, label=m.label, shape=m.values.shape, map=None, image=image)


def answer(
    model: Model,
    found: list[Prediction],
    cams: list[list[ClassMap]],
    before: tuple[float, float, float],
    request_id: str,
) -> Response:
    """The contract's JSON. The phases are those of the image that was answered last.

    `before` is when the request came, the model was loaded and the body read. Loading happens to
    the first request only, so it is told apart and counted nowhere.
    """
    begun, loaded, read = before
    last = max(found, key=lambda p: p.answer.finished).answer
    ran = (last.arrived, last.started, last.decoded, last.finished)
    timing = Timing(loaded, read, *ran, time.perf_counter())
    phases = {phase: round(seconds * 1e3, 3) for phase, seconds in model.observe(timing).items()}
    body = served_by(model) | {
        "predictions": [described(p, maps) for p, maps in zip(found, cams, strict=True)],
        "latency_ms": phases,
        "load_ms": round((loaded - begun) * 1e3, 3),
        "batch": {"size": last.batch, "released": last.released},
        "request_id": request_id,
    }
    timings = ", ".join([f"{phase};dur={ms}" for phase, ms in phases.items()])
    return json(body, {"Server-Timing": timings})


def served_by(model: Model) -> dict[str, Any]:
    """What every answer says of its model."""
    return {
        "model": model.card.name,
        "version": model.card.version,
        "engine": model.engine.name,
        "precision": model.engine.precision,
        "device": model.engine.device,
        "weights": model.weights,
    }


def described(prediction: Prediction, cams: list[ClassMap]) -> dict[str, Any]:
    top = prediction.top
    return {"top1": top[0], "top5": top, "cams": cams, "box": prediction.box}


def json(body: dict[str, Any], headers: dict[str, str] | None = None) -> Response:
    content = orjson.dumps(body, default=lambda m: m.model_dump())
    return Response(content, media_type="application/json", headers=headers)
