"""Rounds are interleaved, nothing measured is lost, and what is resumed is the same comparison."""

import dataclasses
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

import pytest
from typer.testing import CliRunner

from bench import server as servers
from bench.__main__ import cli
from bench.compare import measure
from bench.compare.facts import facts
from bench.compare.plan import Mismatch, Plan
from bench.compare.results import BadResults, Network, Results, Round
from bench.compare.turn import doubts, fresh, thinned
from bench.loadgen import Run
from bench.server import NotServing, Server, serving

Make = Callable[..., Results]
NAMES = ["alexnet", "squeezenet1_1", "resnet50"]
HERE = Server("here", 80)


class Turns:
    """Gives the rounds of a comparison that nobody measured, and stops after `limit` of them."""

    tests = 7
    asked: ClassVar[list[tuple[int, str]]] = []
    limit = 99
    rounds: ClassVar[dict[str, list[Round]]] = {}

    def __init__(self, _plan: Plan, _server: Server, tell: Callable[[str], None]) -> None:
        self.tell = tell

    def take(self, network: Network, number: int) -> Round:
        if len(self.asked) == self.limit:
            raise KeyboardInterrupt
        self.asked.append((number, network.name))
        self.tell(network.name)
        return self.rounds[network.name][number]


@pytest.fixture
def turns(make: Make, monkeypatch: pytest.MonkeyPatch) -> type[Turns]:
    made = make()
    Turns.asked, Turns.limit = [], 99
    Turns.rounds = {network.name: network.rounds for network in made.networks}
    monkeypatch.setattr(measure, "Turns", Turns)
    monkeypatch.setattr(measure, "check", lambda *_: None)
    monkeypatch.setattr(measure, "facts", lambda _s, m, _i: Network(name=m, device="CPU"))
    return Turns


def test_every_network_has_its_turn_in_every_round(turns: type[Turns], tmp_path: Path) -> None:
    told: list[tuple[int, int, str]] = []
    found = measure.measure(
        Plan(NAMES, tmp_path / "out"), HERE, lambda *progress: told.append(progress)
    )
    assert [n for _, n in turns.asked] == [*NAMES, *NAMES[::-1], *NAMES]
    assert told[0] == (0, 9 * turns.tests, "alexnet")
    assert found.finished
    alexnet = found.networks[0]
    assert alexnet.bound_ms == pytest.approx(
        1e4 * sorted(each.single.p90 for each in alexnet.rounds)[1]
    )
    assert alexnet.rate_at_bound
    assert Results.read(tmp_path / "out") == found


def test_ctrl_c_keeps_whole_turns_and_resume_takes_the_others(
    turns: type[Turns], tmp_path: Path
) -> None:
    plan, turns.limit = Plan(NAMES, tmp_path / "out"), 4
    found = measure.measure(plan, HERE)
    assert not found.finished
    assert [len(network.rounds) for network in found.networks] == [1, 1, 2]
    assert "cut short" in {warning.name for warning in found.warnings}
    assert Results.read(plan.out) == found
    turns.limit = 99
    whole = measure.measure(plan, HERE)
    assert whole.finished
    assert len(turns.asked) == len(set(turns.asked)) == 9
    assert "cut short" not in {warning.name for warning in whole.warnings}


def test_more_rounds_may_be_added_but_nothing_else_changed(
    turns: type[Turns], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = Plan(NAMES, tmp_path / "out", rounds=2)
    measure.measure(plan, HERE)
    found = measure.measure(dataclasses.replace(plan, rounds=3), HERE)
    assert {len(network.rounds) for network in found.networks} == {3}
    assert len(turns.asked) == 9
    with pytest.raises(Mismatch, match=r"with seconds 2\.0, not 9"):
        measure.measure(dataclasses.replace(plan, seconds=9), HERE)
    monkeypatch.setenv("CONVOY_MAX_BATCH", "1")
    with pytest.raises(Mismatch, match="CONVOY_MAX_BATCH"):
        measure.measure(plan, HERE)
    (plan.out / "results.json").write_text("{")
    with pytest.raises(BadResults, match="is no comparison"):
        measure.measure(plan, HERE)


def test_a_bound_that_is_asked_for_and_the_one_of_a_gpu(
    turns: type[Turns], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert turns.asked == []
    found = measure.measure(Plan(NAMES, tmp_path / "a", bound_ms=7.0), HERE)
    assert {network.bound_ms for network in found.networks} == {7.0}
    monkeypatch.setattr(measure, "facts", lambda _s, m, _i: Network(name=m, device="H200"))
    found = measure.measure(Plan(NAMES, tmp_path / "b"), HERE)
    assert {network.bound_ms for network in found.networks} == {15.0}


def test_latencies_are_kept_evenly() -> None:
    few = [1.0, 2.0, 3.0]
    assert thinned(few) == few
    many = thinned([float(i) for i in range(5000)])
    assert (len(many), many[0], many[-1]) == (1000, 0.0, 4999.0)
    assert many[500] == pytest.approx(2500, abs=5)


def test_what_a_test_that_was_cut_short_left_is_removed(tmp_path: Path) -> None:
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "log").touch()
    assert not fresh(tmp_path / "old").exists()
    assert not fresh(tmp_path / "never").exists()


def test_a_growing_queue_is_no_doubt_where_it_has_to_grow() -> None:
    run = Run("server", 9.0, 100, 9.0, 0.1, 0.2, 0.3, 0.0, 0.5, 0, "", 0.1, True, True, False, "x")
    assert set(doubts(run)) == {"unstable"}
    assert doubts(run, stable=False) == {}
    assert set(doubts(dataclasses.replace(run, scenario="single"), stable=False)) == {"too short"}


def run(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(cli, ["compare", *arguments])
    return result.exit_code, " ".join(result.output.replace("│", " ").split())


@pytest.mark.slow
def test_a_comparison_end_to_end(artifacts: Path, tmp_path: Path) -> None:
    """A real service with an engine that does nothing, a real LoadGen, the whole report."""
    out = tmp_path / "out"
    with serving(artifacts, ["toy"], "null") as server:
        options = ["--models", "toy", "--url", f"http://{server.host}:{server.port}"]
        options += ["--seconds", "0.2", "--rounds", "1"]
        status, text = run(*options, "--out", str(out))
        assert status == 0, text
        status, text = run(*options, "--out", str(out))
        assert (status, "is not empty" in text) == (2, True)
        status, text = run(*options, "--resume", str(out))
        assert status == 0, text
    (network,) = Results.read(out).networks
    (once,) = network.rounds
    assert (network.engine, network.weights, network.input) == ("null", "random", "3x32x32")
    assert len(once.curve) == 4
    assert min(test.count for test in (once.single, *once.curve)) >= 100
    assert once.phases_ms["total"] > once.phases_ms["infer"] > 0
    assert sum(once.batches.values()) > 0
    assert {"report.html", "report.md", "results.csv", "plots", "logs"} <= {
        f.name for f in out.iterdir()
    }
    assert (out / "logs" / "1-toy-100%" / "mlperf_log_summary.txt").is_file()


def test_what_cannot_be_measured_says_why(artifacts: Path, tmp_path: Path) -> None:
    url = f"http://127.0.0.1:{servers.free_port()}"
    options = ["--artifacts", str(artifacts), "--out", str(tmp_path / "out")]
    for more, status, told in (
        (["--url", url], 1, "nothing answers"),
        (["--models", "vgg16"], 1, "python -m export vgg16"),
        (["--resume", str(tmp_path / "none")], 2, "holds no comparison"),
        (["--url", "localhost"], 2, "no address like"),
    ):
        found, text = run(*options, *more)
        assert (found, told in text) == (status, True), text


@pytest.mark.slow
def test_ctrl_c_in_a_terminal_reports_the_rounds_that_are_whole(
    artifacts: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    command = [sys.executable, "-m", "bench", "compare", "--models", "toy", "--seconds", "0.1"]
    with serving(artifacts, ["toy"], "null") as server:
        command += ["--url", f"http://{server.host}:{server.port}", "--out", str(out)]
        with subprocess.Popen([*command, "--rounds", "1000"], stderr=subprocess.PIPE) as process:
            end = time.monotonic() + 120
            while not (out / "results.json").exists():  # written after every turn
                assert process.poll() is None
                assert time.monotonic() < end
                time.sleep(0.05)
            process.send_signal(signal.SIGINT)
            try:
                assert process.wait(60) == 130
            finally:
                process.kill()  # whatever happened: the block waits for its end
    found = Results.read(out)
    assert not found.finished
    assert 1 <= len(found.networks[0].rounds) < 1000
    assert (out / "report.html").exists()


@pytest.mark.parametrize("command", ["compare", "diff"])
def test_help_shows_an_example(command: str) -> None:
    result = CliRunner().invoke(cli, [command, "--help"])
    assert f"python -m bench {command}" in result.output


def test_a_network_that_does_not_answer_is_told_at_once(artifacts: Path) -> None:
    with serving(artifacts, ["toy"], "null") as server:
        text = artifacts / "image.jpg"
        text.write_text("no image")
        with pytest.raises(NotServing, match=r"/predict/toy answers 4"):
            facts(server, "toy", text)
