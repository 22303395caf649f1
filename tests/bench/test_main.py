"""The commands end to end, with the engine that does no arithmetic."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from bench.__main__ import cli
from bench.server import NotServing, Server, check, cpu_seconds, free_port, serving

QUICK = ["toy", "--engine", "null", "--seconds", "0.1", "--rounds", "1"]


def run(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(cli, list(arguments))
    return result.exit_code, result.output


def test_the_engine_alone(artifacts: Path, tmp_path: Path) -> None:
    file = tmp_path / "engine.json"
    status, text = run(
        "engine", *QUICK, "--artifacts", str(artifacts), "--batches", "1,2", "--json", str(file)
    )
    assert status == 0, text
    assert "single image, all cores" in text
    assert "batch 2, plain decode" in text
    found = json.loads(file.read_text())
    assert found["scenario"] == "engine"
    assert found["settings"]["batches"] == [1, 2]
    assert all(s["samples"][0]["count"] for s in found["bare"])


def test_the_service_against_the_bare_loops(artifacts: Path, tmp_path: Path) -> None:
    file = tmp_path / "serve.json"
    status, text = run(
        "serve", *QUICK, "--artifacts", str(artifacts), "--clients", "1,3", "--json", str(file)
    )
    assert status == 0, text
    found = json.loads(file.read_text())
    assert [s["name"] for s in found["served"]] == ["1 client", "3 clients"]
    assert all(s["samples"][0]["errors"] == 0 for s in found["served"])
    assert all(s["samples"][0]["count"] for s in (*found["served"], *found["null"]))
    assert any(v["what"].startswith("over the bare single") for v in found["verdicts"])
    assert "The server alone: the null engine" in text


def test_a_running_service_is_measured_where_it_is(artifacts: Path) -> None:
    with serving(artifacts, ["toy"], "null") as server:
        url = f"http://{server.host}:{server.port}"
        status, text = run(
            "serve", *QUICK, "--artifacts", str(artifacts), "--clients", "2", "--url", url
        )
        assert cpu_seconds(server.pid) is not None
        with pytest.raises(NotServing, match="/models/vgg16 answers 404"):
            check(server, ["vgg16"])
    assert status == 0, text
    assert "2 clients" in text
    assert "null engine" not in text.replace("--engine null", "")


def test_nobody_there_is_told_in_a_line(artifacts: Path) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    status, text = run("serve", *QUICK, "--artifacts", str(artifacts), "--url", url)
    assert status == 1
    assert "nothing answers" in text
    with pytest.raises(NotServing):
        check(Server("127.0.0.1", free_port()), ["toy"])


def test_a_service_that_cannot_start_leaves_its_last_words(artifacts: Path) -> None:
    with pytest.raises(NotServing, match="engine"), serving(artifacts, ["toy"], "warp"):
        pass


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["engine", "vgg16"], "python -m export vgg16"),
        (["serve", "toy", "--clients", "1,x"], "no list like 1,8,32"),
        (["serve", "toy", "--clients", "0"], "no list like 1,8,32"),
        (["serve", "toy", "--url", "localhost"], "no address like"),
    ],
)
def test_what_cannot_be_measured_says_why(artifacts: Path, arguments: list[str], told: str) -> None:
    status, text = run(*arguments, "--artifacts", str(artifacts))
    assert status in {1, 2}
    assert told in " ".join(text.replace("│", " ").split())


@pytest.mark.parametrize("command", ["engine", "serve"])
def test_help_shows_an_example(command: str) -> None:
    status, text = run(command, "--help")
    assert status == 0
    assert f"python -m bench {command}" in text


def test_without_proc_the_cpu_time_is_not_known() -> None:
    assert cpu_seconds(None) is None
