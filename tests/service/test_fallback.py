"""Who asks for an engine that does not work here is served by the nearest, and told; or refused."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest
from rich.console import Console
from starlette.testclient import TestClient

from export.publish import Recipe, export
from models.card import Artifact, CardError, ModelCard, Parity
from service import loader, metrics, version
from service.app import create_app
from service.engines import DeviceOutOfMemory, EngineUnavailable, Kind, choice
from service.engines.choice import WantedDevice, choices
from service.engines.device import Gpu, no_driver
from service.engines.null import NullEngine
from service.settings import Settings
from service.version import Version

ROOT = Path(__file__).parents[2]
WITHOUT_GPU = pytest.mark.skipif(not no_driver(), reason="there is a GPU, so nothing falls back")
NO_DRIVER = "TensorRT needs a GPU, and there is no NVIDIA driver"


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two models, so that what is true of both is seen to be said once."""
    artifacts = tmp_path_factory.mktemp("artifacts")
    for name in ("lenet5_plain", "lenet5"):
        export(Recipe(name, "random", max_batch=4), artifacts, Console(quiet=True))
    return artifacts


@contextmanager
def service(artifacts: Path, **knobs: str) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """A real process that was asked for TensorRT, once it has loaded what it can."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, "-m", "service", "--port", str(port), "--engine", "trt"],
        cwd=ROOT,
        env=os.environ | {"CONVOY_ARTIFACTS": str(artifacts)} | knobs,
        stderr=subprocess.PIPE,
        text=True,
    )
    url, end = f"http://127.0.0.1:{port}", time.monotonic() + 60
    try:
        while loading(url):
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < end
            time.sleep(0.05)
        yield url, process
    finally:
        process.kill()
        process.communicate()


def loading(url: str) -> bool:
    try:
        return bool(ready(url)["reason"] == "loading models")
    except httpx2.ConnectError:
        return True


def ready(url: str) -> Any:
    return httpx2.get(f"{url}/health/ready").json()


def log_of(process: subprocess.Popen[str]) -> list[str]:
    process.send_signal(signal.SIGTERM)
    _, log = process.communicate(timeout=30)
    return [line for line in log.splitlines() if "TensorRT" in line or "Traceback" in line]


@WITHOUT_GPU
def test_the_service_says_why_it_serves_with_another_engine(exported: Path, photo: bytes) -> None:
    with service(exported, CONVOY_LOG_JSON="true") as (url, process):
        health = ready(url)
        jpeg = {"Content-Type": "image/jpeg"}
        answer = httpx2.post(f"{url}/predict/lenet5_plain", content=photo, headers=jpeg).json()
        log = log_of(process)
    assert health["status"] == "ok"
    assert sorted(health["fallbacks"]) == ["lenet5/1", "lenet5_plain/1"]
    for reason in health["fallbacks"].values():
        assert reason.startswith(f"onnxruntime on CPU instead of trt: {NO_DRIVER}")
    assert (answer["engine"], answer["device"]) == ("onnxruntime", "CPU")
    (line,) = log  # one, though both models fell back
    assert json.loads(line)["message"].startswith(f"onnxruntime on CPU instead of trt: {NO_DRIVER}")


@WITHOUT_GPU
def test_a_strict_service_refuses_and_says_why(exported: Path) -> None:
    with service(exported, CONVOY_ENGINE_STRICT="1") as (url, process):
        health = ready(url)
        answer = httpx2.post(f"{url}/predict/lenet5_plain")
        assert process.poll() is None
    assert health["status"] == "unavailable"
    assert health["reason"].startswith(NO_DRIVER)
    assert health["fallbacks"] == {}
    assert set(health["refused"]) == {"lenet5/1", "lenet5_plain/1"}
    assert answer.status_code == 404
    assert NO_DRIVER in answer.json()["detail"]


@pytest.mark.parametrize(
    ("kind", "device", "driver", "expected"),
    [
        ("trt", "auto", True, ["trt cuda", "ort cuda", "ort cpu"]),
        ("trt", "auto", False, ["trt cuda", "ort cpu"]),
        ("trt", "cuda", False, ["trt cuda", "ort cuda"]),
        ("trt", "cpu", True, ["trt cpu", "ort cpu"]),
        ("ort", "auto", True, ["ort cuda", "ort cpu"]),
        ("ort", "auto", False, ["ort cpu"]),
        ("ort", "cuda", False, ["ort cuda"]),
        ("ort", "cpu", True, ["ort cpu"]),
        ("null", "cuda", True, ["null cpu"]),
    ],
)
def test_what_is_tried_in_turn(
    kind: Kind,
    device: WantedDevice,
    driver: bool,
    expected: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(choice, "no_driver", lambda: None if driver else "none")
    assert [" ".join(pair) for pair in choices(kind, device)] == expected


class Opening:
    """Opens the null engine in the place of all but those that fail; notes what was tried."""

    def __init__(self, **failing: Exception) -> None:
        self.failing = failing
        self.tried: list[str] = []

    def __call__(self, kind: str, card: ModelCard, _: Path, **how: Any) -> NullEngine:
        self.tried.append(f"{kind}_{how['device']} {how['lanes']}")
        if error := self.failing.get(f"{kind}_{how['device']}"):
            raise error
        return NullEngine(card, lanes=how["lanes"])


def opened(
    monkeypatch: pytest.MonkeyPatch, artifacts: Path, opening: Opening, **knobs: Any
) -> Version:
    monkeypatch.setattr(choice, "no_driver", lambda: None)
    monkeypatch.setattr(version, "open_engine", opening)
    one = version.read(artifacts / "toy" / "1")
    version.open_version(one, Settings(artifacts=artifacts, lanes=3, streams=2, **knobs))
    return one


def test_a_gpu_has_streams_and_a_cpu_lanes(
    artifacts: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opening = Opening(trt_cuda=EngineUnavailable("no plan"), ort_cuda=DeviceOutOfMemory("full"))
    one = opened(monkeypatch, artifacts, opening, engine="trt")
    assert opening.tried == ["trt_cuda 2", "ort_cuda 2", "ort_cpu 3"]
    assert one.device == "cpu"
    assert one.fallback == "null on none instead of trt: no plan; full"


def test_what_works_at_once_is_no_fallback(
    artifacts: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = opened(monkeypatch, artifacts, Opening(), engine="trt")
    assert (one.device, one.fallback) == ("cuda", None)


def test_strict_is_also_for_the_device(artifacts: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opening = Opening(ort_cuda=EngineUnavailable("no provider"))
    with pytest.raises(EngineUnavailable, match=r"^no provider$"):
        opened(monkeypatch, artifacts, opening, engine_strict=True)
    assert opening.tried == ["ort_cuda 2"]


def test_all_reasons_are_said_when_nothing_works(
    artifacts: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opening = Opening(trt_cuda=EngineUnavailable("no plan"), ort_cuda=EngineUnavailable("no CUDA"))
    with pytest.raises(EngineUnavailable, match=r"^no plan; no CUDA$"):
        opened(monkeypatch, artifacts, opening, engine="trt", device="cuda")


def test_a_plan_that_is_gone_stops_nobody_else(
    artifacts: Path, monkeypatch: pytest.MonkeyPatch, make_card: Callable[..., ModelCard]
) -> None:
    """Its engine refuses it; another file that is gone makes the card a lie."""
    card, proven = make_card(), Parity((1,), 0.0, 0.0, 1.0)
    card.artifacts["tensorrt.gpu"] = Artifact("gone.plan", "ab" * 32, "fp32", 8, {}, proven)
    card.write(artifacts / "toy" / "1" / "card.json")
    opening = Opening(trt_cuda=EngineUnavailable("the plan is gone"))
    assert opened(monkeypatch, artifacts, opening, engine="trt").fallback
    card.artifacts["onnx"] = Artifact("gone.onnx", "ab" * 32, "fp32", 8, {}, proven)
    card.write(artifacts / "toy" / "1" / "card.json")
    with pytest.raises(CardError, match=r"gone\.onnx cannot be read"):
        opened(monkeypatch, artifacts, opening, engine="trt")


def test_models_on_a_gpu_share_its_lanes(
    artifacts: Path, photo: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As many as there are streams, and images that wait go together."""
    monkeypatch.setattr(loader, "no_driver", lambda: None)
    monkeypatch.setattr(loader, "gpu", lambda: Gpu("Fake H200", "9.0", 4 * 2**30))
    monkeypatch.setattr(metrics, "watch_gpu", lambda: None)
    monkeypatch.setattr(choice, "no_driver", lambda: None)
    monkeypatch.setattr(version, "open_engine", Opening())
    with TestClient(create_app(Settings(artifacts=artifacts, lanes=3, streams=2))) as client:
        while client.get("/health/ready").status_code != 200:
            time.sleep(0.01)
        assert client.post("/predict/toy", files={"image": photo}).status_code == 200
        used = client.app.state.registry._loader  # type: ignore[attr-defined]
        assert used._budget <= 3 * 2**30
        lanes = used.lanes
        assert {device: len(one._sources) for device, one in lanes.items()} == {"cpu": 0, "cuda": 2}
        assert (lanes["cuda"].count, lanes["cuda"].places, lanes["cpu"].places) == (2, 2, 4)
        assert client.get("/health/live").status_code == 200
        lanes["cuda"].error = RuntimeError("on purpose")
        assert "on purpose" in client.get("/health/live").json()["reason"]
