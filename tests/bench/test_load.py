"""The search finds the rate, and the command does what its help says."""

import dataclasses
import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from bench import load, load_report
from bench.__main__ import cli
from bench.load import FINALS, STEPS, Plan, highest
from bench.loadgen import NotMeasured, Run, Spec
from bench.server import Server, device, serving
from tests.bench.runs import GOOD


class Queue:
    """A server whose p99 passes the bound of 20 ms above `limit` requests a second."""

    def __init__(self, limit: float, final: float | None = None) -> None:
        self.limit, self.final = limit, limit if final is None else final
        self.asked: list[tuple[float, int]] = []

    def __call__(self, rate: float, longer: int = 1) -> Run:
        self.asked.append((rate, longer))
        limit = self.limit if longer == 1 else self.final
        return dataclasses.replace(GOOD, target=rate, p99=0.010 if rate <= limit else 0.030)


@pytest.mark.parametrize("limit", [40.0, 130.0, 195.0])
def test_the_search_ends_at_the_highest_rate_that_holds(limit: float) -> None:
    server = Queue(limit)
    found = highest(server, 0.020, fastest=200.0)
    assert found is not None
    assert found.target is not None
    assert limit - 200 / 2**STEPS <= found.target <= limit
    assert [longer for _, longer in server.asked] == [1] * STEPS + [3]


def test_a_rate_that_does_not_hold_for_longer_is_lowered() -> None:
    server = Queue(130.0, final=120.0)
    found = highest(server, 0.020, fastest=200.0)
    assert found is not None
    assert found.target is not None
    assert 0.95 * 120 <= found.target <= 120


def test_a_bound_that_nothing_holds_has_no_rate() -> None:
    never = Queue(0.0)
    assert highest(never, 0.020, fastest=200.0) is None
    assert len(never.asked) == STEPS
    fickle = Queue(130.0, final=0.0)
    assert highest(fickle, 0.020, fastest=200.0) is None
    assert len(fickle.asked) == STEPS + FINALS


def test_failures_do_not_hold_however_quick() -> None:
    assert load.holds(GOOD, 0.020)
    assert not load.holds(dataclasses.replace(GOOD, failures=1), 0.020)


@pytest.fixture
def url(artifacts: Path) -> Iterator[str]:
    with serving(artifacts, ["toy"], "null") as server:
        assert device(server, "toy") == "none"
        yield f"http://{server.host}:{server.port}"


def run(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(cli, ["load", "--model", "toy", *arguments])
    return result.exit_code, result.output


def test_a_single_stream_end_to_end(url: str, tmp_path: Path) -> None:
    out = tmp_path / "out"
    status, text = run("--url", url, "--seconds", "0.2", "--out", str(out))
    assert status == 0, text
    assert "SingleStream: p90" in text
    content = json.loads((out / "results.json").read_text())
    assert content["result"]["queries"] >= 100
    assert (out / "01-single" / "mlperf_log_summary.txt").is_file()


def test_a_server_search_end_to_end_with_a_second_client(url: str, tmp_path: Path) -> None:
    out = tmp_path / "out"
    arguments = ("--scenario", "server", "--rate", "30", "--bound-ms", "10000", "--cross-check")
    status, text = run("--url", url, "--seconds", "0.2", "--out", str(out), *arguments)
    assert status == 0, text
    content = json.loads((out / "results.json").read_text())
    assert content["bound_ms"] == 10000
    assert [r["target"] for r in content["runs"]] == [30]
    assert content["check_p99"] > 0


def test_the_default_bound_is_ten_times_a_single_stream(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And 15 ms on a GPU; everything is measured in order, each in a folder of its own."""
    specs: list[tuple[Spec, str]] = []

    def run_test(spec: Spec, directory: Path) -> Run:
        specs.append((spec, directory.name))
        rate, p99 = spec.rate, 0.010 if spec.rate <= 70 else 9.0
        if spec.scenario == "offline":
            rate = 100.0
        return dataclasses.replace(GOOD, scenario=spec.scenario, target=rate, rate=rate, p99=p99)

    monkeypatch.setattr(load, "run_test", run_test)
    monkeypatch.setattr(load, "check", lambda *_: None)
    plan = Plan("toy", "server", 1.0, tmp_path)
    for found_device, bound in (("CPU", 70.0), ("CUDA", 15.0)):
        specs.clear()
        monkeypatch.setattr(load, "device", lambda *_, told=found_device: told)
        found = load.measure(plan, Server("here", 80))
        assert found.bound_ms == pytest.approx(bound)
        assert found.result is not None
        assert 65 < found.result.rate <= 70
        assert specs[-1][0].seconds == 3.0
        assert specs[-1][0].bound_ms == pytest.approx(bound)
    assert specs[0][1] == "01-offline"
    assert len({spec.seed for spec, _ in specs}) == len(specs)


def test_ctrl_c_keeps_what_was_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def run_test(spec: Spec, _directory: Path) -> Run:
        if spec.scenario == "server":
            raise KeyboardInterrupt
        return dataclasses.replace(GOOD, scenario=spec.scenario)

    monkeypatch.setattr(load, "run_test", run_test)
    monkeypatch.setattr(load, "check", lambda *_: None)
    monkeypatch.setattr(load, "device", lambda *_: "CPU")
    found = load.measure(Plan("toy", "server", 1.0, tmp_path), Server("here", 80))
    assert found.cut_short
    assert [r.scenario for r in found.runs] == ["single", "offline"]
    assert load_report.exit_code(found) == 130


def test_a_service_of_its_own_is_measured_against_a_null_engine(
    artifacts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engines: list[str] = []
    begun = serving

    def null(where: Path, models: list[str], engine: str) -> Any:
        engines.append(engine)
        return begun(where, models, "null")  # the toy has no weights to run

    monkeypatch.setattr(load, "serving", null)
    plan = Plan("toy", "offline", 0.2, tmp_path / "out", artifacts)
    found = load.measure(plan, None)
    assert engines == ["null", "ort"]
    assert found.null is not None
    assert found.null.logs == "null"
    assert found.result is found.runs[0]
    assert found.result.logs == "01-offline"


def test_what_cannot_be_measured_says_why(tmp_path: Path) -> None:
    with pytest.raises(NotMeasured, match=r"no \.jpg"):
        load.pictures(tmp_path)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").touch()
    for arguments, told in (
        (["--out", str(tmp_path / "full")], "is not empty"),
        (["--rate", "5"], "are for --scenario server"),
        (["--scenario", "burst"], "burst"),
        (["--url", "https://here"], "no address like"),
    ):
        status, text = run(*arguments)
        assert status == 2
        assert told in " ".join(text.replace("│", " ").split())


def test_ctrl_c_ends_a_running_test_and_says_so(url: str, tmp_path: Path) -> None:
    """LoadGen itself could not be stopped before its hour is over."""
    out = tmp_path / "out"
    command = [sys.executable, "-m", "bench", "load", "--model", "toy", "--url", url]
    with subprocess.Popen(
        [*command, "--seconds", "3600", "--out", str(out)], stderr=subprocess.PIPE, text=True
    ) as process:
        end = time.monotonic() + 60
        while not (out / "01-single" / "mlperf_log_detail.txt").exists():
            assert time.monotonic() < end
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        try:
            assert process.wait(60) == 130
        finally:
            process.kill()  # whatever happened: the block waits for its end
    assert json.loads((out / "results.json").read_text())["cut_short"] is True
