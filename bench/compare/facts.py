"""What is known of a network before it is measured: from the service, and from the catalogue."""

import json
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any

from bench import metrics
from bench.compare.results import Network
from bench.server import NotServing, Server
from models.architecture import Architecture
from models.catalog import architecture
from models.published import published

PATIENCE_S = 120.0  # the first request may load the model


def facts(server: Server, name: str, image: Path) -> Network:
    """Asks for one prediction, too, so that a network that fails does so at once.

    Raises `NotServing` if it does not answer as it should.
    """
    _ask(server, "POST", f"/predict/{name}", image.read_bytes())
    told = _ask(server, "GET", f"/models/{name}")
    layers = _ask(server, "GET", f"/models/{name}/layers", needed=False)
    load_s = metrics.read(metrics.fetch(server.host, server.port), name).load_s
    row, weights, size = _row(told["architecture"]), told["weights"], told["input"]
    stated = published(told["architecture"])
    return Network(
        name=name,
        year=row.year if row else None,
        input=f"{size['channels']}x{size['height']}x{size['width']}",
        parameters=layers.get("parameters"),
        macs=layers.get("macs"),
        published_top1=stated.top1 if stated else None,
        metrics=told["metrics"],
        trained=weights["trained"],
        weights=weights["name"],
        trained_on=weights["trained_on"],
        engine=told["engine"],
        precision=told["precision"],
        device=told["device"],
        load_ms=1e3 * load_s if load_s else None,
    )


def _row(name: str) -> Architecture | None:
    try:
        return architecture(name)
    except ValueError:
        return None


def _ask(
    server: Server, method: str, path: str, body: bytes | None = None, *, needed: bool = True
) -> dict[str, Any]:
    """The JSON of the answer; nothing where it is not needed and not there."""
    connection = HTTPConnection(server.host, server.port, timeout=PATIENCE_S)
    try:
        connection.request(method, path, body, {"Content-Type": "image/jpeg"} if body else {})
        answer = connection.getresponse()
        content = answer.read()
        if answer.status == 200:
            return dict(json.loads(content))
    except (OSError, HTTPException, ValueError) as error:
        raise NotServing(f"{path} of http://{server.host}:{server.port}: {error}") from None
    finally:
        connection.close()
    if needed:
        words = content.decode(errors="replace")[:300]
        raise NotServing(f"{path} answers {answer.status}: {words}")
    return {}
