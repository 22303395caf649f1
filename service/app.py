"""The ASGI application: routes, one error handler, request ids, start and stop."""

import itertools
import logging
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi_offline import FastAPIOffline
from starlette.exceptions import HTTPException
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service import PAGE, compare, routes, status
from service.errors import BadParameter, ConvoyError
from service.logs import request_id
from service.metrics import REJECTED
from service.registry import Registry
from service.settings import Settings

logger = logging.getLogger(__name__)

SUMMARY = "The classic convolutional networks: predictions, class activation maps and latency."
PREDICT = "/predict/"
# random once, then counted: as unique, and no call of the system for every request
_FIRST_ID, _COUNT = uuid.uuid4().int >> 1, itertools.count()
BUG = "this is a bug in the service; its log has the details under this request id"


def create_app(settings: Settings) -> FastAPI:
    """The service with these settings. Models load in the background once it has started."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        app.state.registry = registry = Registry(settings)
        registry.start()
        yield
        await registry.close()

    app = FastAPIOffline(
        title="Convoy",
        version="0.1.0",
        summary=SUMMARY,
        lifespan=lifespan,
        telemetry={"tracing": False, "metrics": False, "logs": False},  # /metrics tells more
    )
    app.include_router(routes.router)
    app.include_router(compare.router)
    app.include_router(status.router)
    app.mount("/page", StaticFiles(directory=PAGE), name="page")
    app.add_exception_handler(ConvoyError, on_convoy_error)
    app.add_exception_handler(RequestValidationError, on_invalid)
    app.add_exception_handler(HTTPException, on_http)
    # outside of the framework's own layers, so that the hot path passes none of them
    app.middleware_stack = Envelope(app.build_middleware_stack())
    return app


class Envelope:
    """Echoes X-Request-ID or makes one, logs the request with it, and lets no traceback out."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        begun, started = time.perf_counter(), False
        rid = id_of(scope)
        scope.setdefault("state", {})["request_id"] = rid
        token = request_id.set(rid)

        async def sending(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                message["headers"].append((b"x-request-id", rid.encode()))
                logger.debug(
                    "%s %s %d in %.1f ms",
                    scope["method"],
                    scope["path"],
                    message["status"],
                    (time.perf_counter() - begun) * 1e3,
                )
            await send(message)

        fast = scope["method"] == "POST" and scope["path"].startswith(PREDICT)
        try:
            await (predict if fast else self.app)(scope, receive, sending)
        except Exception:
            logger.exception("%s %s failed", scope["method"], scope["path"])
            if started:
                raise
            response = problem(Request(scope), 500, "internal", "Internal error", BUG)
            await response(scope, receive, sending)
        finally:
            request_id.reset(token)


async def predict(scope: Scope, receive: Receive, send: Send) -> None:
    """The hot path goes around FastAPI's machinery, which would cost a small network a tenth."""
    scope["path_params"] = {"name": scope["path"].removeprefix(PREDICT)}
    request = Request(scope, receive, send)
    try:
        response = await routes.predict_fast(request)
    except ConvoyError as error:
        response = await on_convoy_error(request, error)
    except RequestValidationError as error:
        response = await on_invalid(request, error)
    await response(scope, receive, send)


def id_of(scope: Scope) -> str:
    """The client's own request id if a log line can bear it, else a new one."""
    given: bytes = dict(scope["headers"]).get(b"x-request-id", b"")
    text = given.decode("latin-1")
    usable = given and text.isascii() and text.isprintable() and len(text) <= 128
    return text if usable else f"{_FIRST_ID + next(_COUNT):032x}"


async def on_convoy_error(request: Request, error: Exception) -> Response:
    if not isinstance(error, ConvoyError):  # registered for nothing else
        raise error
    known = request.app.state.registry.names()
    name = request.path_params.get("name", "")
    # a series for every name that somebody mistypes would never end
    REJECTED.labels(name if name in known else "", error.kind()).inc()
    response = problem(request, error.status, error.kind(), error.title, str(error))
    if error.retry_after:
        response.headers["Retry-After"] = str(error.retry_after)
    return response


async def on_invalid(request: Request, error: Exception) -> Response:
    if not isinstance(error, RequestValidationError):  # registered for nothing else
        raise error
    details = "; ".join(f"{'.'.join(map(str, e['loc'][1:]))}: {e['msg']}" for e in error.errors())
    return await on_convoy_error(request, BadParameter(details))


async def on_http(request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):  # registered for nothing else
        raise error
    return problem(request, error.status_code, "http", str(error.detail))


def problem(request: Request, status: int, kind: str, title: str, detail: str = "") -> Response:
    body: dict[str, Any] = {
        "type": f"urn:convoy:{kind}",
        "title": title,
        "status": status,
        "detail": detail or title,
        "request_id": getattr(request.state, "request_id", ""),
    }
    return JSONResponse(body, status, media_type="application/problem+json")
