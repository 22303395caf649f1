"""The images for a CPU, built and run: small, confined, healthy, and ending in order."""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from tests.docker import containers
from tests.docker.containers import REPOSITORY, Image, built, start

pytestmark = [
    pytest.mark.image,
    pytest.mark.skipif(containers.missing() is not None, reason=containers.missing() or ""),
]
MIB = 2**20
PHOTOGRAPH = REPOSITORY / "service" / "page" / "examples" / "scene-7.jpg"


@pytest.fixture(scope="module")
def exporting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Image]:
    with built("export", tmp_path_factory.mktemp("export")) as image:
        yield image


@pytest.fixture(scope="module")
def serving(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Image]:
    with built("service", tmp_path_factory.mktemp("service")) as image:
        yield image


@pytest.fixture(scope="module")
def artifacts(exporting: Image, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The volume after the first `docker compose up`."""
    volume = tmp_path_factory.mktemp("artifacts")
    os.chown(volume, *map(int, exporting.user.split(":")))
    export(exporting, volume)
    return volume


def export(image: Image, volume: Path) -> None:
    process = start(image, volume, "squeezenet1_1", "--missing")
    told, _ = process.communicate(timeout=300)
    assert process.returncode == 0, told


def test_the_service_is_small_and_has_nothing_to_build_with(
    serving: Image, exporting: Image, capsys: pytest.CaptureFixture[str]
) -> None:
    with capsys.disabled():
        for name, image in (("service", serving), ("export", exporting)):
            print(f"\nthe image {name} for a CPU has {image.size() / MIB:.0f} MiB")  # noqa: T201
    assert serving.size() < 600 * 10**6
    packages = {p.name for p in serving.root.glob("opt/venv/lib/python*/site-packages/*")}
    assert "onnxruntime" in packages
    assert not packages & {"torch", "pip", "setuptools"}
    assert {p.name for p in (serving.root / "app").iterdir()} == {
        "artifacts",
        "models",
        "reports",
        "service",
    }


def test_export_leaves_alone_what_is_there(exporting: Image, artifacts: Path) -> None:
    before = {f: f.stat().st_mtime_ns for f in artifacts.rglob("*")}
    assert artifacts / "squeezenet1_1" / "1" / "card.json" in before
    export(exporting, artifacts)
    assert {f: f.stat().st_mtime_ns for f in artifacts.rglob("*")} == before


@pytest.mark.parametrize("path", ["/app/x", "/x", "/opt/venv/x"])
def test_nothing_but_volumes_can_be_written(serving: Image, tmp_path: Path, path: str) -> None:
    probe = Image(serving.root, ["python", "-c"], serving.environment, "0:0", [])
    process = start(probe, tmp_path, f"open('{path}', 'w')")
    told, _ = process.communicate(timeout=30)
    assert "Read-only file system" in told


def test_it_is_healthy_answers_and_ends_in_order(serving: Image, artifacts: Path) -> None:
    assert serving.user != "0:0"
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    process = start(serving, artifacts, CONVOY_PORT=str(port))
    try:
        wait_healthy(serving, process, str(port))
        answer = httpx2.post(
            f"http://127.0.0.1:{port}/predict/squeezenet1_1?cam=top1",
            content=PHOTOGRAPH.read_bytes(),
            headers={"Content-Type": "image/jpeg"},
            timeout=30,
        ).json()
        assert answer["predictions"][0]["top1"]["label"] == "7"
        assert answer["engine"] == "onnxruntime"
        page = httpx2.get(f"http://127.0.0.1:{port}/")
        assert "Convoy" in page.text
        os.kill(first_process(process), signal.SIGTERM)
        told, _ = process.communicate(timeout=40)
    finally:
        process.kill()
    assert process.returncode == 0, told
    assert "Traceback" not in told


def wait_healthy(image: Image, process: subprocess.Popen[str], port: str) -> None:
    """Runs the image's health check as an engine would, until it is content."""
    check = ["chroot", *image.inside(image.health, CONVOY_PORT=port)]
    end = time.monotonic() + 120
    while subprocess.run(check, capture_output=True, check=False).returncode != 0:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end
        time.sleep(0.5)


def first_process(container: subprocess.Popen[str]) -> int:
    """The outside number of the process that has number 1 inside."""
    children = Path(f"/proc/{container.pid}/task/{container.pid}/children")
    (child,) = children.read_text().split()
    return int(child)
