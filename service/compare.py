"""POST /compare: one photograph through several networks, one after the other."""

import time
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from service import schemas
from service.answers import described, draw, json, served_by
from service.body import read_images
from service.errors import BadParameter, ConvoyError
from service.images import View, decode_for
from service.registry import Registry
from service.routes import IMAGE_BODY, PROBLEMS, PredictQuery
from service.version import Version
from service.waiting import Leaving

router = APIRouter(tags=["predict"])


class CompareQuery(PredictQuery):
    """As for /predict, but for the version: the newest of each is compared."""

    models: str = ""
    version: None = None

    def names(self) -> list[str]:
        return list(dict.fromkeys(self.models.replace(",", " ").split()))


@router.post(
    "/compare",
    response_model=schemas.Compared,
    responses=PROBLEMS,  # type: ignore[arg-type]
    openapi_extra=IMAGE_BODY,
)
async def compare(request: Request, query: Annotated[CompareQuery, Query()]) -> Response:
    """Every network's classes, maps and latency for one image, which is decoded once.

    `models` are names with commas between; without them, all that are loaded. They run one after
    the other, so that none slows another down; one that fails leaves the others their answers.
    """
    begun = time.perf_counter()
    registry: Registry = request.app.state.registry
    deadline = begun + (query.timeout_ms or registry.settings.timeout_ms) / 1e3
    names = query.names() or list(dict.fromkeys(m.card.name for m in registry.models()))
    versions = [registry.get(name) for name in names]
    if not versions:
        raise BadParameter("no model is loaded: name some, as in /compare?models=resnet50,vgg16")
    with Leaving(request, deadline) as client:
        images = await read_images(request, registry.settings)
        if len(images) > 1:
            raise BadParameter(f"the request has {len(images)} images: compare takes one")
        read = time.perf_counter()
        client.watch()
        networks = [version.card.preprocessing for version in versions]
        limit = registry.settings.max_pixels
        views = await registry.decode(partial(decode_for, networks, images[0], limit))
        decoded = time.perf_counter()
        results = [
            await one(registry, version, view, images[0], query, deadline)
            for version, view in zip(versions, views, strict=True)
        ]
    return json(
        {
            "results": results,
            "read_ms": milliseconds(read - begun),
            "decode_ms": milliseconds(decoded - read),
            "request_id": request.state.request_id,
        }
    )


async def one(
    registry: Registry,
    version: Version,
    view: View,
    data: bytes,
    query: CompareQuery,
    deadline: float,
) -> dict[str, Any]:
    """What one network makes of the image, or why it could not."""
    name, number = version.card.name, version.card.version
    begun = time.perf_counter()
    try:
        await registry.load(name, number, deadline)
        loaded = time.perf_counter()
        with registry.lease(name, number) as model:
            asked, maps = model.asked(query.classes()), query.maps()
            found = await model.classify(
                lambda: view, asked, top=query.top, maps=maps, deadline=deadline
            )
            (cams,) = await draw(model, [data], [found], query.cam_as)
    except ConvoyError as error:
        return {"model": name, "problem": str(error)}
    answer, ended = found.answer, time.perf_counter()
    spans = {
        "queue": answer.started - answer.arrived,
        "infer": answer.finished - answer.started,
        "post": ended - answer.finished,
        "total": ended - answer.arrived,
    }
    return served_by(model) | {
        "prediction": described(found, cams),
        "latency_ms": {phase: milliseconds(seconds) for phase, seconds in spans.items()},
        "load_ms": milliseconds(loaded - begun),
    }


def milliseconds(seconds: float) -> float:
    return round(seconds * 1e3, 3)
