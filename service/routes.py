"""POST /predict and POST /cam: read, decode, queue, infer, post."""

import time
from functools import lru_cache
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field, ValidationError, field_validator
from starlette.datastructures import QueryParams

from service import schemas
from service.answers import answer, draw
from service.body import read_images
from service.overlay import overlay, png
from service.registry import Registry
from service.waiting import Leaving, together

router = APIRouter(tags=["predict"])

IMAGE_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            kind: {"schema": {"type": "string", "format": "binary"}}
            for kind in ("image/jpeg", "image/png", "image/webp", "application/octet-stream")
        }
        | {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "properties": {
                        "image": {"type": "array", "items": {"type": "string", "format": "binary"}}
                    },
                }
            }
        },
    }
}
PROBLEMS = {
    status: {"model": schemas.Problem, "description": what}
    for status, what in {
        400: "Not an image, or a broken one",
        404: "Unknown model or version",
        413: "Too many bytes, pixels or images",
        415: "A content type that is no image",
        422: "A parameter or a class out of range",
        429: "Queue full; see Retry-After",
        503: "Not ready, draining, or out of memory",
        504: "Deadline passed",
    }.items()
}


class PredictQuery(BaseModel, frozen=True):
    top: int = Field(5, ge=1, le=10, description="Classes in the answer.")
    cam: str = Field("none", description="none, top1, top5, or class indices: 3,17")
    cam_as: Literal["array", "heatmap", "overlay"] = "array"
    version: int | None = Field(None, ge=1)
    timeout_ms: float | None = Field(None, gt=0, le=600_000)

    @field_validator("cam")
    @classmethod
    def _known(cls, cam: str) -> str:
        if cam in {"none", "top1", "top5"} or all(part.isdecimal() for part in cam.split(",")):
            return cam
        raise ValueError("cam is none, top1, top5, or class indices like 3,17")

    def classes(self) -> list[int]:
        return [] if self.cam in {"none", "top1", "top5"} else [int(c) for c in self.cam.split(",")]

    def maps(self) -> int:
        return {"none": 0, "top1": 1, "top5": 5}.get(self.cam) or len(self.classes())


@lru_cache(maxsize=256)
def parsed(query: bytes) -> PredictQuery:
    """The query string, checked; clients send the same few all the time."""
    try:
        return PredictQuery.model_validate(dict(QueryParams(query)))
    except ValidationError as error:
        raise RequestValidationError(
            [e | {"loc": ("query", *e["loc"])} for e in error.errors()]
        ) from None


async def predict_fast(request: Request) -> Response:
    """`predict` with its query, but without FastAPI; the route below documents it."""
    query = parsed(request.scope["query_string"])
    return await predict(request.path_params["name"], request, query)


@router.post(
    "/predict/{name}",
    response_model=schemas.Predicted,
    responses=PROBLEMS,  # type: ignore[arg-type]
    openapi_extra=IMAGE_BODY,
)
async def predict(name: str, request: Request, query: Annotated[PredictQuery, Query()]) -> Response:
    """The top classes of each image, with class activation maps if asked for, and the latency."""
    begun = time.perf_counter()
    registry: Registry = request.app.state.registry
    deadline = begun + (query.timeout_ms or registry.settings.timeout_ms) / 1e3
    await registry.load(name, query.version, deadline)
    loaded = time.perf_counter()
    with registry.lease(name, query.version) as model:
        asked = model.asked(query.classes())
        with Leaving(request, deadline) as client:
            images = await read_images(request, registry.settings)
            read = time.perf_counter()
            client.watch()
            top, maps = query.top, query.maps()
            found = await together(
                [model.predict(i, asked, top=top, maps=maps, deadline=deadline) for i in images]
            )
            cams = await draw(model, images, found, query.cam_as)
        return answer(
            model, found, cams, (begun, loaded, read), request.scope["state"]["request_id"]
        )


@router.post(
    "/cam/{name}",
    responses={**PROBLEMS, 200: {"content": {"image/png": {}}}},  # type: ignore[dict-item]
    response_class=Response,
    openapi_extra=IMAGE_BODY,
)
async def cam(
    name: str,
    request: Request,
    class_: Annotated[int | None, Query(alias="class", ge=0)] = None,
    size: Annotated[int, Query(ge=32, le=2048)] = 448,
    version: Annotated[int | None, Query(ge=1)] = None,
) -> Response:
    """The map of a class (by default the likeliest) over what the network saw, as a PNG."""
    registry: Registry = request.app.state.registry
    deadline = time.perf_counter() + registry.settings.timeout_ms / 1e3
    await registry.load(name, version, deadline)
    with registry.lease(name, version) as model:
        asked = model.asked([] if class_ is None else [class_])
        with Leaving(request, deadline) as client:
            data = (await read_images(request, registry.settings))[0]
            client.watch()
            found = await model.predict(data, asked, top=1, maps=1, deadline=deadline)
            photograph = await model.photograph(data, size)
            picture = await model.in_thread(lambda: png(overlay(found.maps[0].values, photograph)))
    shown = f"{found.maps[0].index} {found.maps[0].label}"
    headers = {"X-Class": shown.encode("ascii", "replace").decode()}
    return Response(picture, media_type="image/png", headers=headers)
