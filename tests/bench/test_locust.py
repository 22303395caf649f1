"""Locust's users against a real service, as docs/operations.md tells to start them."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.server import serving

ROOT = Path(__file__).parents[2]
COMMAND = [sys.executable, "-m", "locust", "-f", "bench/locustfile.py"]
BRIEFLY = ["--headless", "--users", "4", "--spawn-rate", "4", "--run-time", "3s", "--json"]


@pytest.fixture
def url(artifacts: Path) -> Iterator[str]:
    with serving(artifacts, ["toy"], "null") as server:
        yield f"http://{server.host}:{server.port}"


def locust(*options: str) -> tuple[int, dict[str, dict[str, float]]]:
    """The exit code, and the statistics of each path."""
    command = [*COMMAND, *BRIEFLY, *options]
    out = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)
    return out.returncode, {row["name"]: row for row in json.loads(out.stdout)}


def test_users_ask_what_is_served_and_nobody_is_refused(url: str) -> None:
    status, paths = locust("--host", url)
    assert status == 0
    assert paths["/models"]["num_requests"] == 4
    assert paths["/predict/toy"]["num_requests"] >= 4
    assert paths["/predict/toy"]["num_failures"] == 0


def test_a_network_that_is_not_there_is_a_failure(url: str) -> None:
    status, paths = locust("--host", url, "--models", "toys")
    assert status == 1
    assert paths.keys() == {"/predict/toys"}
    assert paths["/predict/toys"]["num_failures"] == paths["/predict/toys"]["num_requests"] > 0
