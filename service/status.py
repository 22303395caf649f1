"""What is served and how it does: models, latency, health, metrics, the page."""

from fastapi import APIRouter, Request, Response
from fastapi.responses import FileResponse, JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from service import PAGE, schemas
from service.model import Model
from service.registry import Registry

router = APIRouter(tags=["status"])


def registry_of(request: Request) -> Registry:
    registry: Registry = request.app.state.registry
    return registry


def info(model: Model) -> schemas.ModelInfo:
    p = model.card.preprocessing
    return schemas.ModelInfo(
        name=model.card.name,
        version=model.card.version,
        ready=model.ready,
        engine=model.engine.name,
        precision=model.engine.precision,
        device=model.engine.device,
        architecture=model.card.architecture,
        input=schemas.InputInfo(channels=p.channels, height=p.size, width=p.size),
        classes=len(model.card.labels),
        weights=model.weights,
        metrics=model.card.metrics,
    )


@router.get("/models")
async def models(request: Request) -> schemas.ModelList:
    """What is loaded, and what was refused and why."""
    registry = registry_of(request)
    return schemas.ModelList(models=[info(m) for m in registry.models()], refused=registry.refused)


@router.get("/models/{name}")
async def model(name: str, request: Request, version: int | None = None) -> schemas.ModelDetail:
    """One model with its whole card: weights, preprocessing, parity, files."""
    registry = registry_of(request)
    found = registry.get(name, version)
    return schemas.ModelDetail(
        **info(found).model_dump(),
        versions=[m.card.version for m in registry.models() if m.card.name == name],
        card=found.card.as_dict(),
    )


@router.get("/models/{name}/latency")
async def model_latency(
    name: str, request: Request, version: int | None = None
) -> schemas.LatencyInfo:
    """Where the time went, per phase, since the start."""
    return latency_of(registry_of(request).get(name, version))


@router.get("/latency")
async def latency(request: Request) -> schemas.LatencyList:
    """The live comparison: one row a model."""
    return schemas.LatencyList(models=[latency_of(m) for m in registry_of(request).models()])


def latency_of(model: Model) -> schemas.LatencyInfo:
    return schemas.LatencyInfo(
        model=model.card.name,
        version=model.card.version,
        engine=model.engine.name,
        device=model.engine.device,
        trained=model.card.weights.trained,
        **model.latency.summary(),
    )


@router.get("/health/live", responses={503: {"model": schemas.Health}})
async def live(request: Request) -> Response:
    """503 when only a restart would help: the dispatcher died, or a run never ends."""
    registry = registry_of(request)
    return health(registry, registry.lanes.stalled(registry.settings.stall_s))


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
