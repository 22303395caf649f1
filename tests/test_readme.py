"""What the README tells a newcomer to type, typed: against the trained networks that ship."""

import json
import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from models.weights import SHIPPED

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
COMMANDS = [
    line.strip()
    for block in re.findall(r"```sh\n(.*?)```", README, re.DOTALL)
    for line in block.splitlines()
    if line.startswith("curl ")
]

pytestmark = pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl here")


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A service with every shipped network, exported as `make serve` does."""
    artifacts = tmp_path_factory.mktemp("artifacts")
    python = sys.executable
    subprocess.run(
        [python, "-m", "export", "--missing", "--artifacts", str(artifacts)], cwd=ROOT, check=True
    )
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    environment = os.environ | {"CONVOY_ARTIFACTS": str(artifacts)}
    process = subprocess.Popen(
        [python, "-m", "service", "--port", str(port), "--device", "cpu"],
        cwd=ROOT,
        env=environment,
    )
    url = f"http://127.0.0.1:{port}"
    try:
        wait_ready(url)
        yield url
    finally:
        process.terminate()
        process.wait(30)


def wait_ready(url: str) -> None:
    end = time.monotonic() + 60
    while time.monotonic() < end:
        try:
            urllib.request.urlopen(f"{url}/health/ready").close()
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.1)
        else:
            return
    raise AssertionError("never ready")


def run(command: str, url: str) -> bytes:
    words = shlex.split(command.replace("http://127.0.0.1:8000", url))
    out = subprocess.run([*words, "-sS", "--fail-with-body"], cwd=ROOT, capture_output=True)  # noqa: PLW1510
    assert out.returncode == 0, (command, out.stdout, out.stderr)
    return out.stdout


def test_there_are_commands() -> None:
    assert len(COMMANDS) >= 8


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_of_the_readme_does_what_it_says(command: str, url: str, tmp_path: Path) -> None:
    picture = tmp_path / "cam.png"
    out = run(command.replace("-o cam.png", f"-o {picture}"), url)
    if "/cam/" in command:
        assert picture.read_bytes().startswith(b"\x89PNG")
    elif "/metrics" in command:
        assert b"convoy_requests_total" in out
    else:
        json.loads(out)


def test_the_answer_in_the_readme_has_the_fields_of_a_real_one(url: str) -> None:
    shown = json.loads(re.findall(r"```json\n(.*?)```", README, re.DOTALL)[0].replace("…", ""))
    real = json.loads(run(COMMANDS[0], url))
    assert shown.keys() == real.keys()
    for field in ("weights", "latency_ms", "batch"):
        assert shown[field].keys() == real[field].keys()
    assert shown["predictions"][0].keys() == real["predictions"][0].keys()
    assert shown["predictions"][0]["cams"][0].keys() == real["predictions"][0]["cams"][0].keys()


def test_the_scene_of_the_readme_gets_its_digit_and_the_map_finds_it(url: str) -> None:
    answer = json.loads(run(COMMANDS[0], url))
    assert answer["weights"]["trained"]
    prediction = answer["predictions"][0]
    assert prediction["top1"]["label"] == "7"


def test_every_shipped_network_is_named_in_the_readme() -> None:
    for file in SHIPPED.glob("*.safetensors"):
        assert f"`{file.name.split('.')[0]}`" in README
