"""What containers and dashboards are made from, held to the tools that read it and to the code."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from prometheus_client import REGISTRY

from service import metrics

ROOT = Path(__file__).parents[2]
MONITORING = ROOT / "deploy" / "prometheus"
DASHBOARD = json.loads((ROOT / "deploy/grafana/dashboards/convoy.json").read_text("utf-8"))
ALERTS = (MONITORING / "alerts.yml").read_text("utf-8")
QUERIES = {
    panel["title"]: target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"]
}
FORMS = {"gpu": (), "cpu": ("-f", "docker-compose.yml")}  # what the user types

compose = pytest.mark.skipif(
    shutil.which("docker-compose") is None, reason="there is no docker-compose here"
)
promtool = pytest.mark.skipif(shutil.which("promtool") is None, reason="there is no promtool here")


def run(*command: str | Path, **environment: str) -> str:
    done = subprocess.run(
        command, cwd=ROOT, env=os.environ | environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_dockerfile_is_clean() -> None:
    run(Path(sys.executable).with_name("hadolint"), "Dockerfile")


@pytest.mark.parametrize("image", ["service-cpu", "service-gpu", "export-cpu", "export-gpu"])
def test_an_image_gets_torch_only_to_export(image: str) -> None:
    names = run(sys.executable, "deploy/requirements.py", image).splitlines()
    assert "fastapi" in names
    assert any(name.startswith("onnxruntime") for name in names)
    assert any(name.startswith("torch") for name in names) == image.startswith("export")


@compose
@pytest.mark.parametrize("form", FORMS)
def test_compose_asks_for_gpus_only_where_they_are_wanted(form: str) -> None:
    shown = run("docker-compose", *FORMS[form], "config")
    assert ("driver: nvidia" in shown) == (form == "gpu")
    assert f"convoy-service:{form}" in shown
    assert f"convoy-export:{form}" in shown


@compose
def test_compose_passes_the_variables_on() -> None:
    given = {"MODELS": "resnet50 vgg16", "WEIGHTS": "imagenet", "ENGINE": "pytorch", "PORT": "8181"}
    shown = run("docker-compose", *FORMS["cpu"], "config", PRECISION="int8", **given)
    words = " ".join(word.strip("'\"") for word in shown.split() if word != "-")
    assert "resnet50 vgg16 --weights imagenet --missing" in words
    assert "CONVOY_MODELS: resnet50 vgg16" in words
    assert "CONVOY_ENGINE: pytorch" in words
    assert "CONVOY_PRECISION: int8" in words
    assert "8181" in words


@promtool
def test_prometheus_takes_its_configuration() -> None:
    run("promtool", "check", "config", MONITORING / "prometheus.yml")


@promtool
def test_every_alert_fires_on_what_it_is_for() -> None:
    tried = (ROOT / "tests/docker/alerts_test.yml").read_text("utf-8")
    for name in re.findall(r"- alert: (\w+)", ALERTS):
        assert f"alertname: {name}\n        exp_alerts:" in tried
    run("promtool", "test", "rules", "tests/docker/alerts_test.yml")


@promtool
@pytest.mark.parametrize("title", QUERIES)
def test_a_query_of_the_dashboard_is_one(title: str, tmp_path: Path) -> None:
    query = QUERIES[title].replace("$__rate_interval", "20s")
    rules = {"groups": [{"name": "panel", "rules": [{"record": "panel", "expr": query}]}]}
    file = tmp_path / "panel.yml"  # JSON is YAML
    file.write_text(json.dumps(rules), encoding="utf-8")
    run("promtool", "check", "rules", file)


@pytest.mark.parametrize(
    "text", [*QUERIES.values(), (MONITORING / "alerts.yml").read_text("utf-8")]
)
def test_what_is_asked_for_is_what_the_service_reports(text: str) -> None:
    reported = set()
    for family in (f for f in REGISTRY.collect() if f.name.startswith("convoy_")):
        ends = {"counter": ["_total"], "histogram": ["_bucket", "_sum", "_count"]}
        reported |= {family.name + end for end in ends.get(family.type, [""])}
    asked = set(re.findall(r"convoy_\w+", text))
    assert asked
    assert asked <= reported


def test_every_label_of_the_dashboard_is_one() -> None:
    labels = {"le", "phase", "status", "released", "reason", "device", *metrics.LABELS}
    shown = " ".join(t["legendFormat"] for p in DASHBOARD["panels"] for t in p["targets"])
    assert set(re.findall(r"\{\{(\w+)}}", shown)) <= labels
