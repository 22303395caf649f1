"""A real process: starts, answers, survives overload, and ends without losing what it accepted."""

import asyncio
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

import httpx2
import pytest

from models.card import ModelCard

JPEG = {"Content-Type": "image/jpeg"}
ROOT = Path(__file__).parents[2]


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port: int = s.getsockname()[1]
        return port


@contextmanager
def service(artifacts: Path, **knobs: str) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    port = free_port()
    environment = {f"CONVOY_{k.upper()}": v for k, v in knobs.items()}
    command = [sys.executable, "-m", "service", "--port", str(port), "--engine", "null"]
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        env=os.environ | {"CONVOY_ARTIFACTS": str(artifacts)} | environment,
        stderr=subprocess.PIPE,
        text=True,
    )
    url = f"http://127.0.0.1:{port}"
    try:
        wait_ready(url, process)
        yield url, process
    finally:
        process.kill()
        process.communicate()


def wait_ready(url: str, process: subprocess.Popen[str]) -> None:
    end = time.monotonic() + 60
    while time.monotonic() < end:
        assert process.poll() is None, process.communicate()
        try:
            if httpx2.get(f"{url}/health/ready").status_code == 200:
                return
        except httpx2.ConnectError:
            pass
        time.sleep(0.05)
    raise AssertionError("never ready")


def test_sigterm_under_load_loses_nothing_accepted(artifacts: Path, photo: bytes) -> None:
    """30 images wait for company that never comes; the signal ends their patience, not them."""

    async def load(url: str, process: subprocess.Popen[str]) -> list[int | str]:
        async def one(client: httpx2.AsyncClient) -> int | str:
            try:
                answer = await client.post("/predict/toy", content=photo, headers=JPEG)
            except httpx2.TransportError as error:
                return type(error).__name__
            return answer.status_code

        limits = httpx2.Limits(max_connections=31)
        async with httpx2.AsyncClient(base_url=url, limits=limits, timeout=60) as client:
            tasks = [asyncio.create_task(one(client)) for _ in range(30)]
            end = time.monotonic() + 30
            while waiting(await client.get("/metrics")) < 30:
                assert time.monotonic() < end
                await asyncio.sleep(0.01)
            process.send_signal(signal.SIGTERM)
            return await asyncio.gather(*tasks)

    with service(artifacts, models="toy", max_wait_ms="5000", lanes="1") as (
        url,
        process,
    ):
        results = asyncio.run(load(url, process))
        _, log = process.communicate(timeout=30)
    assert process.returncode in {0, -signal.SIGTERM}
    assert results == [200] * 30
    assert "Traceback" not in log


def waiting(metrics: httpx2.Response) -> float:
    depths = [row for row in metrics.text.splitlines() if row.startswith("convoy_queue_depth{")]
    return sum(float(row.split()[-1]) for row in depths)


def test_overload_is_refused_and_the_service_stays_ready(artifacts: Path, photo: bytes) -> None:
    async def load(url: str) -> list[httpx2.Response]:
        limits = httpx2.Limits(max_connections=50)
        async with httpx2.AsyncClient(base_url=url, limits=limits, timeout=60) as client:
            posts = [client.post("/predict/toy", content=photo, headers=JPEG) for _ in range(50)]
            return await asyncio.gather(*posts)

    with service(artifacts, models="toy", max_wait_ms="2000", max_queue="5") as (url, _):
        answers = asyncio.run(load(url))
        statuses = sorted(a.status_code for a in answers)
        assert statuses == [200] * 5 + [429] * 45
        assert all(int(a.headers["retry-after"]) >= 1 for a in answers if a.status_code == 429)
        assert httpx2.get(f"{url}/health/ready").status_code == 200
        assert httpx2.get(f"{url}/health/live").status_code == 200
        metrics = httpx2.get(f"{url}/metrics").text
        assert 'convoy_rejected_total{model="toy",reason="queue-full"} 45.0' in metrics


def test_a_client_that_hangs_up_frees_its_place(artifacts: Path, photo: bytes) -> None:
    with service(artifacts, models="toy", max_wait_ms="2500", max_queue="1") as (url, process):
        with pytest.raises(httpx2.ReadTimeout):
            httpx2.post(f"{url}/predict/toy", content=photo, headers=JPEG, timeout=1)
        answer = httpx2.post(f"{url}/predict/toy", content=photo, headers=JPEG, timeout=30)
        assert answer.status_code == 200
        batches = httpx2.get(f"{url}/models/toy/latency").json()["batch_sizes"]
        assert batches == {"1": 2}  # the canary and the second; the first never ran
        process.send_signal(signal.SIGTERM)
        _, log = process.communicate(timeout=30)
    assert "Traceback" not in log


def test_a_client_that_stops_sending_is_no_error_of_ours(artifacts: Path) -> None:
    def send_half(url: str, then: Callable[[socket.socket], bytes]) -> bytes:
        host, port = url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port))) as connection:
            head = "POST /predict/toy?timeout_ms=500 HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n"
            connection.sendall(f"{head}Content-Type: image/jpeg\r\n\r\nhalf".encode())
            return then(connection)

    with service(artifacts) as (url, process):
        send_half(url, lambda _: b"")  # hangs up at once
        assert b" 504 " in send_half(url, lambda connection: connection.recv(100))
        assert httpx2.get(f"{url}/health/ready").status_code == 200
        process.send_signal(signal.SIGTERM)
        _, log = process.communicate(timeout=30)
    assert "Traceback" not in log


def test_a_deadline_is_kept(artifacts: Path, photo: bytes) -> None:
    with service(artifacts, models="toy", max_wait_ms="1500") as (url, _):
        late = f"{url}/predict/toy?timeout_ms=300"
        answer = httpx2.post(late, content=photo, headers=JPEG, timeout=10)
        assert answer.status_code == 504
        assert answer.json()["title"] == "Deadline passed"


def test_hang_up_signal_looks_for_new_models(
    artifacts: Path, make_card: Callable[..., ModelCard]
) -> None:
    with service(artifacts) as (url, process):
        directory = artifacts / "late" / "1"
        directory.mkdir(parents=True)
        make_card("late").write(directory / "card.json")
        process.send_signal(signal.SIGHUP)
        end = time.monotonic() + 20
        while httpx2.get(f"{url}/models/late").status_code != 200:
            assert time.monotonic() < end
            time.sleep(0.02)


def test_logs_are_json_when_asked_for(artifacts: Path) -> None:
    with service(artifacts, log_json="true", log_level="debug") as (url, process):
        httpx2.post(f"{url}/predict/toy", headers=JPEG | {"X-Request-ID": "find-me"})
        process.send_signal(signal.SIGINT)
        _, log = process.communicate(timeout=30)
    lines = [json.loads(line) for line in log.splitlines()]
    (mine,) = [line for line in lines if line.get("request_id") == "find-me"]
    assert mine["level"] == "debug"
    assert mine["message"].startswith("POST /predict/toy 400 in ")


def test_a_wrong_setting_is_said_in_a_line() -> None:
    command = [sys.executable, "-m", "service", "--engine", "turbo"]
    out = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert out.returncode == 2
    assert out.stderr == "engine: Input should be 'ort', 'trt', 'pytorch' or 'null'\n"


def test_a_port_in_use_is_said(artifacts: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        command = [sys.executable, "-m", "service", "--port", str(taken.getsockname()[1])]
        environment = os.environ | {"CONVOY_ARTIFACTS": str(artifacts)}
        out = subprocess.run(
            command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
        )
    assert out.returncode == 1
    assert "address already in use" in out.stderr
    assert "Traceback" not in out.stderr


def test_help_shows_an_example() -> None:
    command = [sys.executable, "-m", "service", "--help"]
    out = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert "python -m service --models squeezenet1_1,lenet5_plain" in out.stdout
