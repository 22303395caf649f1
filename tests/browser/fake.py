"""A stand-in that speaks the contract, for the failures that a healthy service cannot show."""

import asyncio
import io
import math
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import FileResponse, JSONResponse, Response
from fastapi.staticfiles import StaticFiles
from PIL import Image, UnidentifiedImageError

PAGE = Path(__file__).parents[2] / "service" / "page"
LABELS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


def card(name: str, *, trained: bool, ready: bool = True) -> dict[str, Any]:
    grey = name.startswith("lenet")
    side = 32 if grey else 224
    return {
        "name": name,
        "version": 1,
        "ready": ready,
        "engine": "null",
        "precision": "fp32",
        "device": "CPU",
        "architecture": name,
        "input": {"channels": 1 if grey else 3, "height": side, "width": side},
        "classes": 10 if trained else 1000,
        "weights": {
            "name": "scenes-v1" if trained else "random-0",
            "trained_on": "digit scenes" if trained else None,
            "trained": trained,
            "sha256": "0676ba61" * 8,
        },
        "metrics": {"top1": 0.953} if trained else {},
    }


MODELS = [
    card("lenet5_plain", trained=True),
    card("mobilenet_v1", trained=True),
    card("resnet50", trained=False),
    card("vgg16", trained=False, ready=False),
]


def hill(rows: int, columns: int, top: float, left: float) -> list[list[float]]:
    """One smooth peak of height 1 at the given share of the height and width."""
    return [
        [
            math.exp(-(((y + 0.5) / rows - top) ** 2 + ((x + 0.5) / columns - left) ** 2) / 0.06)
            for x in range(columns)
        ]
        for y in range(rows)
    ]


def answer(model: dict[str, Any], width: int, height: int) -> dict[str, Any]:
    shares = (0.714, 0.161, 0.083, 0.021, 0.009)
    top = [
        {"index": i, "label": LABELS[i], "probability": share}
        for i, share in zip((7, 1, 9, 4, 2), shares, strict=True)
    ]
    side = min(width, height) * 224 / 256
    across, down = side / width / 2, side / height / 2
    cams = [
        {**row, "shape": [7, 7], "map": hill(7, 7, 0.25 + 0.1 * i, 0.3 + 0.1 * i), "image": None}
        for i, row in enumerate(top)
    ]
    return {
        **{key: model[key] for key in ("version", "engine", "precision", "device", "weights")},
        "model": model["name"],
        "predictions": [
            {
                "top1": top[0],
                "top5": top,
                "cams": cams,
                "box": [0.5 - across, 0.5 - down, 0.5 + across, 0.5 + down],
            }
        ],
        "latency_ms": {
            "read": 0.1,
            "decode": 1.9,
            "queue": 0.4,
            "infer": 7.2,
            "post": 0.2,
            "total": 9.8,
        },
        "batch": {"size": 1, "released": "idle"},
        "request_id": "5f0c1d2e3b4a",
    }


def problem(status: int, title: str, detail: str) -> JSONResponse:
    body = {"type": "about:blank", "title": title, "status": status, "detail": detail}
    return JSONResponse(body, status, media_type="application/problem+json")


def app(slow: float = 0.0) -> FastAPI:
    """`slow`: seconds that `mobilenet_v1` takes; the others answer at once."""
    service = FastAPI()

    @service.get("/")
    def index() -> FileResponse:
        return FileResponse(PAGE / "index.html")

    @service.get("/models")
    def models() -> dict[str, Any]:
        return {"models": MODELS}

    @service.post("/predict/{name}")
    async def predict(name: str, request: Request) -> Response:
        model = next(m for m in MODELS if m["name"] == name)
        body = await request.body()
        try:
            width, height = Image.open(io.BytesIO(body)).size
        except UnidentifiedImageError:
            return problem(400, "Not a readable image", f"{len(body)} bytes begin like no image.")
        if slow and name == "mobilenet_v1":
            await asyncio.sleep(slow)
        return JSONResponse(answer(model, width, height))

    service.mount("/page", StaticFiles(directory=PAGE))
    return service


@contextmanager
def running(application: FastAPI, port: int = 0) -> Iterator[str]:
    """Serves in a thread until the block ends; gives the address."""
    server = uvicorn.Server(uvicorn.Config(application, port=port, log_level="warning"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    address = server.servers[0].sockets[0].getsockname()
    try:
        yield f"http://127.0.0.1:{address[1]}"
    finally:
        server.should_exit = True
        thread.join()
