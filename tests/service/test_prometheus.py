"""Prometheus, with the configuration that ships, scrapes a service and answers the dashboard."""

import json
import math
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.service.test_process import JPEG, ROOT, free_port, service

DASHBOARD = ROOT / "deploy" / "grafana" / "dashboards" / "convoy.json"
SHIPPED = ROOT / "deploy" / "prometheus"

pytestmark = pytest.mark.skipif(
    shutil.which("prometheus") is None, reason="Prometheus is not installed here"
)


@contextmanager
def prometheus(directory: Path, target: str) -> Iterator[str]:
    """The shipped configuration but for the address of the service and the patience of scraping."""
    configuration = (SHIPPED / "prometheus.yml").read_text("utf-8")
    assert "service:8000" in configuration
    assert "scrape_interval: 5s" in configuration
    configuration = configuration.replace("service:8000", target)
    (directory / "prometheus.yml").write_text(
        configuration.replace("scrape_interval: 5s", "scrape_interval: 1s"), encoding="utf-8"
    )
    shutil.copy(SHIPPED / "alerts.yml", directory)
    address = f"127.0.0.1:{free_port()}"
    options = ("--config.file=prometheus.yml", "--storage.tsdb.path=data")
    process = subprocess.Popen(
        ["prometheus", *options, f"--web.listen-address={address}"],
        cwd=directory,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield f"http://{address}"
    finally:
        process.kill()
        process.wait()


def asked(prometheus: str, query: str) -> list[dict[str, Any]]:
    """The series that `query` gives, none while Prometheus starts."""
    try:
        answer = httpx2.get(f"{prometheus}/api/v1/query", params={"query": query})
    except httpx2.TransportError:
        return []
    if answer.status_code == 503:
        return []
    found = answer.json()
    assert found["status"] == "success", found
    series: list[dict[str, Any]] = found["data"]["result"]
    return series


def query_of(title: str) -> str:
    """The dashboard's own, as Grafana would send it with everything chosen."""
    panels = json.loads(DASHBOARD.read_text("utf-8"))["panels"]
    (text,) = (p["targets"][0]["expr"] for p in panels if p["title"] == title)
    for variable, value in (("$model", ".*"), ("$phase", ".*"), ("$__rate_interval", "30s")):
        text = text.replace(variable, value)
    return str(text)


@pytest.mark.slow
def test_the_dashboard_shows_the_p99_of_every_phase(
    artifacts: Path, tmp_path: Path, photo: bytes
) -> None:
    """Every image waits 300 ms for company that never comes, so its p99 cannot be less."""
    directory = tmp_path / "prometheus"
    directory.mkdir()
    with (
        service(artifacts, models="toy", max_wait_ms="300") as (url, _),
        prometheus(directory, url.removeprefix("http://")) as monitor,
    ):
        p99: dict[str, float] = {}
        end = time.monotonic() + 60
        while not p99 or math.isnan(p99["queue"]):
            assert time.monotonic() < end
            answer = httpx2.post(f"{url}/predict/toy", content=photo, headers=JPEG)
            assert answer.status_code == 200
            found = asked(monitor, query_of("p99"))
            p99 = {s["metric"]["phase"]: float(s["value"][1]) for s in found}
        (up,) = asked(monitor, "up")
        rules = httpx2.get(f"{monitor}/api/v1/rules").json()["data"]["groups"][0]["rules"]
    assert up["metric"]["job"] == "convoy"
    assert up["value"][1] == "1"
    assert p99.keys() == {"read", "decode", "queue", "infer", "post", "total"}
    assert p99["queue"] > 0.25  # in the bucket that 300 ms fall into, or above
    assert p99["total"] >= p99["queue"]
    assert p99["infer"] < p99["total"]
    assert {rule["health"] for rule in rules} <= {"ok", "unknown"}
