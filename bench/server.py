"""The service as a process of its own, started for the benchmark and ended with it."""

import contextlib
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import IO

from bench.client import Load
from bench.http import request
from bench.samples import Sample

READY_S = 120.0
STOP_S = 40.0


class NotServing(Exception):
    """The service did not come up, or does not serve what is to be measured; says why."""


@dataclass(frozen=True, slots=True)
class Server:
    """Where the service listens; its process if it is ours."""

    host: str
    port: int
    pid: int | None = None


class Served:
    """`clients` keep-alive clients that post one photograph to one model."""

    def __init__(self, server: Server, model: str, photograph: bytes, clients: int) -> None:
        self.model = model
        self.name = f"{clients} client{'s' if clients > 1 else ''}"
        self._server = server
        address = (server.host, server.port)
        payload = request(server.host, f"/predict/{model}?top=5", photograph)
        self._load = Load(address, payload, clients)

    def measure(self, seconds: float) -> Sample:
        return self._load.run(seconds, lambda: cpu_seconds(self._server.pid))


@contextlib.contextmanager
def serving(artifacts: Path, models: list[str], engine: str) -> Iterator[Server]:
    """A service with these models on a free port. Raises `NotServing` with its last words."""
    port = free_port()
    command = [sys.executable, "-m", "service", "--port", str(port), "--engine", engine]
    environment = os.environ | {"CONVOY_ARTIFACTS": str(artifacts), "CONVOY_LOG_LEVEL": "warning"}
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(  # noqa: S603 - our own interpreter, our own module
            [*command, "--models", ",".join(models), "--device", "cpu"],
            env=environment,
            stderr=log,
            process_group=0,  # a Ctrl-C is for us; we end the service when we are done
        )
        try:
            server = Server("127.0.0.1", port, process.pid)
            _await_ready(server, process, log)
            yield server
        finally:
            _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(STOP_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _await_ready(server: Server, process: subprocess.Popen[bytes], log: IO[bytes]) -> None:
    end = time.perf_counter() + READY_S
    while time.perf_counter() < end:
        if process.poll() is not None:
            log.seek(0)
            words = log.read().decode(errors="replace").strip()[-500:]
            raise NotServing(f"the service ended with {process.returncode}: {words}")
        if get(server, "/health/ready") == 200:
            return
        time.sleep(0.1)
    raise NotServing(f"the service was not ready after {READY_S:.0f} s")


def get(server: Server, path: str) -> int | None:
    """The status of a GET; None if nobody answers."""
    connection = HTTPConnection(server.host, server.port, timeout=5)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    except (OSError, HTTPException):
        return None
    finally:
        connection.close()


def check(server: Server, models: list[str]) -> None:
    """Raises `NotServing` unless every model is there."""
    for model in models:
        status = get(server, f"/models/{model}")
        if status != 200:
            told = "nothing answers" if status is None else f"/models/{model} answers {status}"
            raise NotServing(f"http://{server.host}:{server.port}: {told}")


def device(server: Server, model: str) -> str:
    """What the model runs on, in the service's words. Raises `NotServing` if it does not tell."""
    connection = HTTPConnection(server.host, server.port, timeout=5)
    try:
        connection.request("GET", f"/models/{model}")
        return str(json.loads(connection.getresponse().read())["device"])
    except (OSError, HTTPException, ValueError, KeyError):
        raise NotServing(f"/models/{model} does not say what device it runs on") from None
    finally:
        connection.close()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def cpu_seconds(pid: int | None) -> float | None:
    """CPU time that a process has used with all its threads; None where it cannot be known."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
