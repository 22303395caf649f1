"""A bad figure shows as a bad figure, and whatever speaks against one stands beside it."""

import io
import json
import math
from pathlib import Path

import pytest
from rich.console import Console

from bench import warnings
from bench.bare import SINGLE
from bench.machine import Machine, machine
from bench.report import Report, figure, per_core, save, show
from bench.samples import Sample, Series, Spread
from bench.targets import verdicts

QUIET = Machine("a CPU", 2, 0.1, "Linux", "3.11", {}, "abc123", "2026-11-21T00:00:00+00:00")
BUSY = Machine("a CPU", 2, 7.5, "Linux", "3.11", {}, "abc123", "2026-11-21T00:00:00+00:00")


def series(model: str, name: str, rates: list[float], p50: float = 0.1) -> Series:
    return Series(model, name, [Sample(r, p50, p50, cpu=0.01, count=500) for r in rates])


def report(served: Series, machine: Machine = QUIET) -> Report:
    bare = [
        series("resnet50", SINGLE, [20, 20, 20], p50=0.04),
        series("resnet50", "2 lanes, batch 1", [25, 20, 25]),
        series("resnet50", "2 lanes, batch 1, plain decode", [24, 24, 24]),
    ]
    found = list(verdicts("resnet50", bare, [served]))
    warned = [
        *warnings.of_machine(machine),
        *warnings.of_series([served]),
        *warnings.of_verdicts(found),
    ]
    return Report("serve", {"rounds": 3}, machine, bare, [served], [served], found, warned)


def shown(one: Report) -> str:
    out = io.StringIO()
    show(one, Console(file=out, width=150))
    return out.getvalue()


def test_a_target_missed_is_called_missed() -> None:
    text = shown(report(series("resnet50", "8 clients", [10, 10, 10])))
    assert "40.0 (40.0 to 50.0) %" in text
    assert "at least 95.0 %" in text
    assert "missed" in text
    assert "met" not in text


def test_shares_are_taken_round_by_round() -> None:
    # slow in the round in which the bare loop was slow: the machine, not the service
    text = shown(report(series("resnet50", "8 clients", [25, 20, 25])))
    assert "100.0 %" in text
    assert "met" in text


def test_a_slow_single_client_misses_by_milliseconds() -> None:
    slow = report(series("resnet50", "1 client", [20], p50=0.05))
    over = next(v for v in slow.verdicts if v.unit == "ms")
    assert over.found.median == pytest.approx(10)
    assert over.met is False
    quick = report(series("resnet50", "1 client", [20], p50=0.0414))
    assert next(v for v in quick.verdicts if v.unit == "ms").met


def test_a_service_that_beats_its_own_bare_loop_proves_nothing() -> None:
    one = report(series("resnet50", "8 clients", [29, 29, 29]))
    assert [v.met for v in one.verdicts if v.target] == [None]
    assert [w.name for w in one.warnings] == ["implausible"]
    text = shown(one)
    assert "116.0 (116.0 to 145.0) %" in text
    assert "the bare loop was disturbed" in text
    assert "met" not in text


def test_cpu_time_is_compared_where_it_is_known() -> None:
    served = Series("resnet50", "8 clients", [Sample(20, 1, 1, cpu=0.015, client_cpu=0.005)])
    cpu = next(v for v in report(served).verdicts if v.what.startswith("CPU time"))
    assert cpu.found.median == 0.5
    assert cpu.met is None


def test_a_figure_without_a_target_is_neither_met_nor_missed() -> None:
    found = report(series("resnet50", "8 clients", [25])).verdicts
    assert [v.met for v in found if "plain" in v.what] == [None]


def test_errors_scatter_load_and_a_busy_client_are_named() -> None:
    bad = Series(
        "resnet50",
        "8 clients",
        [
            Sample(rate, 0.1, math.nan, count=5, errors=3, client_cpu=1e-3, client_share=0.9)
            for rate in (10, 20, 30)
        ],
    )
    one = report(bad, BUSY)
    names = {w.name for w in one.warnings}
    assert names == {"loaded machine", "errors", "scatter", "client-bound", "too short"}
    text = shown(one)
    for told in ("load average 7.5", "9 requests failed", "differ by 100%", "90% of a core"):
        assert told in text


def test_a_quiet_steady_run_has_no_warning() -> None:
    assert report(series("resnet50", "8 clients", [25, 25, 25])).warnings == []


def test_a_run_that_was_cut_short_says_so() -> None:
    assert [w.detail for w in warnings.of_rounds(2, 5)] == ["stopped after 2 of 5 rounds"]
    assert list(warnings.of_rounds(5, 5)) == []


def test_what_was_not_measured_is_a_dash() -> None:
    assert figure(None) == "-"
    assert per_core(None) == "-"
    assert per_core(Spread(0.0, 0.0, 0.0)) == "-"
    assert "nan" not in shown(report(series("resnet50", "8 clients", [])))


def test_a_core_answers_as_often_as_a_request_fits_into_its_second() -> None:
    assert per_core(Spread(0.0005, 0.0004, 0.0006)) == "2,000"


def test_everything_is_in_the_file(tmp_path: Path) -> None:
    file = tmp_path / "report.json"
    save(report(series("resnet50", "8 clients", [10, 10, 10])), file)
    found = json.loads(file.read_text())
    assert found["schema"] == 1
    assert found["machine"]["commit"] == "abc123"
    assert found["settings"] == {"rounds": 3}
    assert [s["rate"] for s in found["served"][0]["samples"]] == [10, 10, 10]
    assert [v["met"] for v in found["verdicts"]] == [False, None]
    assert list(tmp_path.iterdir()) == [file]


def test_the_machine_is_described() -> None:
    here = machine()
    assert here.cores >= 1
    assert here.cpu
    assert "numpy" in here.versions
    assert here.commit
