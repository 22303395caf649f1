"""What is served and how it does: models, latency, health, metrics, the page."""

import asyncio
from pathlib import Path

from fastapi import APIRouter, Request, Response
from fastapi.responses import FileResponse, JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from models.card import CardError, ModelCard
from models.table import LAYERS, LayerTable
from service import PAGE, schemas
from service.errors import NoLayerTable
from service.model import weights_info
from service.registry import Registry
from service.version import Version, check

router = APIRouter(tags=["status"])


def registry_of(request: Request) -> Registry:
    registry: Registry = request.app.state.registry
    return registry


def info(version: Version) -> schemas.ModelInfo:
    card, model = version.card, version.model
    p, engine = card.preprocessing, model.engine if model else None
    return schemas.ModelInfo(
        name=card.name,
        version=card.version,
        ready=model is None or model.ready,
        loaded=model is not None,
        engine=engine and engine.name,
        precision=engine and engine.precision,
        precisions=list(card.precisions),
        device=engine and engine.device,
        architecture=card.architecture,
        input=schemas.InputInfo(channels=p.channels, height=p.size, width=p.size),
        classes=len(card.labels),
        weights=weights_info(card),
        metrics=card.metrics,
    )


@router.get("/models")
async def models(request: Request) -> schemas.ModelList:
    """What is served, loaded or not yet, and what was refused and why."""
    registry = registry_of(request)
    return schemas.ModelList(
        models=[info(v) for v in registry.versions()], refused=registry.refused
    )


@router.get("/models/{name}")
async def model(name: str, request: Request, version: int | None = None) -> schemas.ModelDetail:
    """One model with its whole card: weights, preprocessing, parity, files."""
    registry = registry_of(request)
    found = registry.get(name, version)
    return schemas.ModelDetail(
        **info(found).model_dump(),
        versions=[v.card.version for v in registry.versions() if v.card.name == name],
        card=found.card.as_dict(),
    )


@router.get("/models/{name}/layers", response_model=LayerTable)
async def model_layers(name: str, request: Request, version: int | None = None) -> Response:
    """The layers one by one: size, memory, parameters, multiply-adds, receptive field."""
    registry = registry_of(request)
    found = registry.get(name, version)
    table = await asyncio.to_thread(layers_of, found.card, found.directory / LAYERS)
    return Response(table, media_type="application/json")


def layers_of(card: ModelCard, file: Path) -> bytes:
    if card.layers is None:
        raise NoLayerTable(f"{card.name}/{card.version} was exported without one: export it again")
    try:
        check(file, card.layers)
    except CardError as error:
        raise NoLayerTable(str(error)) from error
    return file.read_bytes()


@router.get("/models/{name}/latency")
async def model_latency(
    name: str, request: Request, version: int | None = None
) -> schemas.LatencyInfo:
    """Where the time went, per phase, since the start."""
    return latency_of(registry_of(request).get(name, version))


@router.get("/latency")
async def latency(request: Request) -> schemas.LatencyList:
    """The live comparison: one row a model."""
    return schemas.LatencyList(models=[latency_of(v) for v in registry_of(request).versions()])


def latency_of(version: Version) -> schemas.LatencyInfo:
    engine = version.model.engine if version.model else None
    return schemas.LatencyInfo(
        model=version.card.name,
        version=version.card.version,
        engine=engine and engine.name,
        device=engine and engine.device,
        trained=version.card.weights.trained,
        **version.latency.summary(),
    )


@router.get("/health/live", responses={503: {"model": schemas.Health}})
async def live(request: Request) -> Response:
    """503 when only a restart would help: the dispatcher died, or a run never ends."""
    registry = registry_of(request)
    return health(registry, registry.stalled())


@router.get("/health/ready", responses={503: {"model": schemas.Health}})
async def ready(request: Request) -> Response:
    """200 when every loaded model has answered a test image."""
    registry = registry_of(request)
    return health(registry, registry.not_ready())


def health(registry: Registry, reason: str | None) -> Response:
    body = schemas.Health(
        status="unavailable" if reason else "ok",
        reason=reason,
        models={f"{m.card.name}/{m.card.version}": m.ready for m in registry.models()},
        fallbacks={v.key: v.fallback for v in registry.versions() if v.fallback},
        refused=registry.refused,
    )
    return JSONResponse(body.model_dump(), status_code=503 if reason else 200)


@router.get("/metrics", response_class=Response)
async def metrics() -> Response:
    """Prometheus."""
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)


@router.get("/", include_in_schema=False)
async def page() -> FileResponse:
    return FileResponse(PAGE / "index.html")
