"""A load test is told in a table, an answer, warnings by name, an exit code and JSON."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from bench import load_report, throttle
from bench.load import Measured, Plan
from bench.loadgen import Run
from bench.machine import machine
from tests.bench.runs import GOOD


def measured(run: Run | None = GOOD, **more: Any) -> Measured:
    plan = Plan("toy", "server", 10.0, Path("out"))
    quiet = dataclasses.replace(machine(), load=0.0)
    runs = [run] if run else []
    return Measured(plan, quiet, "CPU", 70.0, runs=runs, result=run, **more)


def test_a_good_run_has_no_warning_and_exit_code_0() -> None:
    assert load_report.warned(measured()) == []
    assert load_report.exit_code(measured()) == 0


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"long_enough": False}, "too short"),
        ({"sure": False}, "too short"),
        ({"drift": -0.2}, "unstable"),
        ({"lag": 0.002}, "client-bound"),
        ({"share": 0.6}, "client-bound"),
        ({"failures": 3, "failure": "answered 503"}, "errors"),
    ],
)
def test_a_run_that_cannot_be_believed_is_warned_of(change: dict[str, Any], name: str) -> None:
    (warning,) = load_report.warned(measured(dataclasses.replace(GOOD, **change)))
    assert warning.name == name
    assert "04-server" in warning.detail


@pytest.mark.parametrize(
    ("more", "name", "code"),
    [
        ({"null": dataclasses.replace(GOOD, rate=110.0)}, "client-bound", 0),
        ({"throttled": {"heat": 2}}, "throttled", 0),
        ({"check_p99": 0.012}, "unstable", 0),
        ({"check_p99": 0.0105, "check_failures": 1}, "errors", 1),
        ({"cut_short": True}, "cut short", 130),
    ],
)
def test_what_surrounded_the_run_is_warned_of(more: dict[str, Any], name: str, code: int) -> None:
    (warning,) = load_report.warned(measured(**more))
    assert warning.name == name
    assert load_report.exit_code(measured(**more)) == code


def test_exit_codes_of_failures_and_of_no_rate() -> None:
    assert load_report.exit_code(measured(dataclasses.replace(GOOD, failures=1))) == 1
    assert load_report.exit_code(measured(None)) == 3
    assert "no rate" in load_report.answer(measured(None))
    assert "stopped" in load_report.answer(measured(None, cut_short=True))


@pytest.mark.parametrize(
    ("scenario", "told"),
    [
        ("single", "SingleStream: p90 7.00 ms"),
        ("multi", "MultiStream: p99 10.00 ms"),
        ("offline", "100.0 images/s"),
        ("server", "100.0 requests/s, p99 10.00 ms (bound 70.0 ms)"),
    ],
)
def test_the_answer_is_the_scenarios_own_figure(scenario: Any, told: str) -> None:
    run = dataclasses.replace(GOOD, scenario=scenario)
    assert load_report.answer(measured(run)) == told


def test_the_table_has_a_row_for_each_run_and_all_is_saved(tmp_path: Path) -> None:
    found = measured(null=dataclasses.replace(GOOD, logs="null", rate=900.0), check_p99=0.0101)
    out = Console(record=True, width=120)
    load_report.show(found, out)
    text = out.export_text()
    assert "04-server" in text
    assert "null" in text
    assert "an independent client's p99: 10.10 ms" in text
    content = json.loads(load_report.save(found, tmp_path / "new").read_text())
    assert content["schema"] == 1
    assert content["result"]["p99"] == 0.010
    assert content["plan"]["model"] == "toy"
    assert content["warnings"] == []


def test_throttling_is_read_where_linux_counts_it(tmp_path: Path) -> None:
    (tmp_path / "cpu.stat").write_text("usage_usec 5\nnr_throttled 3\n")
    heat = tmp_path / "cpu0" / "thermal_throttle"
    heat.mkdir(parents=True)
    (heat / "core_throttle_count").write_text("4\n")
    found = throttle.counters(tmp_path / "cpu.stat", tmp_path)
    assert found == {"CPU quota of the container": 3, "heat": 4}
    assert set(throttle.counters(tmp_path / "none", tmp_path / "none").values()) == {0}
