"""The commands end to end, with the engine that does no arithmetic."""

import json
from pathlib import Path

import pytest
from rich.console import Console
from typer.testing import CliRunner

from bench.__main__ import cli
from bench.precision import ratio
from bench.samples import Sample, Series, Spread
from bench.server import NotServing, Server, check, cpu_seconds, free_port, serving
from export.publish import Recipe, export

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


@pytest.mark.parametrize("command", ["engine", "serve", "precision"])
def test_help_shows_an_example(command: str) -> None:
    status, text = run(command, "--help")
    assert status == 0
    assert f"python -m bench {command}" in text


def test_without_proc_the_cpu_time_is_not_known() -> None:
    assert cpu_seconds(None) is None


def test_the_precisions_of_a_network_side_by_side(tmp_path: Path) -> None:
    recipe = Recipe("lenet5_plain", max_batch=1, precisions=("fp16", "int8"))
    export(recipe, tmp_path, Console(quiet=True))
    file = tmp_path / "precision.json"
    quick = ["--seconds", "0.1", "--rounds", "2", "--artifacts", str(tmp_path)]
    status, text = run("precision", "lenet5_plain", *quick, "--json", str(file))
    assert status == 0, text
    series = {s["name"]: s["samples"] for s in json.loads(file.read_text())["bare"]}
    assert list(series) == ["fp32", "fp16", "int8"]
    assert all(len(samples) == 2 and samples[0]["count"] for samples in series.values())
    assert "times fp32, by round" in text


def test_one_precision_is_nothing_to_compare(artifacts: Path) -> None:
    status, text = run("precision", "toy", "--artifacts", str(artifacts))
    assert status == 1
    assert "toy has nothing to compare" in text
    assert "--precision fp16,int8" in text


def test_ratios_are_taken_round_by_round() -> None:
    float32, int8 = (
        Series("net", name, [Sample(rate, 0.1, 0.1) for rate in rates])
        for name, rates in (("fp32", [10, 20, 40]), ("int8", [20, 50, 120]))
    )
    assert ratio(int8, [float32, int8]) == Spread(2.5, 2.0, 3.0)
