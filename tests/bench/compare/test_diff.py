"""The same code differs from itself only by chance; another code does, and it is said which way."""

import copy
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from bench.__main__ import cli
from bench.compare import diff
from bench.compare.diff import Change, changes
from bench.compare.results import Results

Make = Callable[..., Results]


def by_key(found: list[Change], name: str) -> dict[str, Change]:
    return {change.figure.key: change for change in found if change.network == name}


def test_two_runs_of_the_same_code_differ_by_chance_only(make: Make) -> None:
    alarms = 0
    for seed in range(40):
        found = changes(make(seed=seed, scatter=0.1), make(seed=seed + 1000, scatter=0.1))
        assert len(found) == 25
        alarms += any(change.differs for change in found)
    assert alarms <= 5  # of 40, where 2 are expected


def test_a_slower_network_is_found_and_only_that_one(make: Make) -> None:
    before, after = make(seed=1), make(seed=2)
    for each in after.networks[1].rounds:
        each.offline.rate /= 1.6
        each.single.p50 *= 0.5
    found = changes(before, after)
    alexnet = by_key(found, "alexnet")
    assert alexnet["offline_rate"].verdict == "worse"
    assert alexnet["p50_ms"].verdict == "better"
    assert alexnet["p50_ms"].ratio.value == pytest.approx(0.5, rel=0.1)
    assert {change.network for change in found if change.differs} == {"alexnet"}


def test_a_change_that_is_sure_but_tiny_is_none(make: Make) -> None:
    before = make(scatter=0.0001)
    after = copy.deepcopy(before)
    for each in after.networks[1].rounds:
        each.offline.rate *= 1.03
    change = by_key(changes(before, after), "alexnet")["offline_rate"]
    assert change.ratio.low is not None
    assert change.ratio.low > 1
    assert change.verdict == "no difference"


def test_both_rates_are_read_at_the_bound_of_the_first(make: Make) -> None:
    before = make(seed=1)
    after = copy.deepcopy(before)
    after.networks[1].bound_ms = 1e6
    assert not by_key(changes(before, after), "alexnet")["rate_at_bound"].differs


def test_one_round_cannot_tell(make: Make) -> None:
    found = changes(make(rounds=1, seed=1), make(rounds=1, seed=2))
    assert {change.verdict for change in found} == {"one round each cannot tell"}


def run(before: Results, after: Results, place: Path) -> tuple[int, str]:
    before.write(place / "a")
    after.write(place / "b")
    result = CliRunner().invoke(cli, ["diff", str(place / "a"), str(place / "b" / "results.json")])
    return result.exit_code, " ".join(result.output.replace("│", " ").split())


def test_the_exit_code_tells_a_script(make: Make, tmp_path: Path) -> None:
    before, after = make(seed=1), make(seed=2)
    status, text = run(before, after, tmp_path)
    assert (status, text[-13:]) == (0, "no difference")
    for each in after.networks[2].rounds:
        each.offline.rate *= 2
    after.settings["service"] = {"CONVOY_MAX_BATCH": "1"}
    status, text = run(before, after, tmp_path)
    assert status == 1
    assert "1 of 25 figures differ" in text
    assert "note: service: {} and {'CONVOY_MAX_BATCH': '1'}" in text


def test_what_cannot_be_compared_says_why(make: Make, tmp_path: Path) -> None:
    before, after = make(), make()
    after.networks = [after.networks[0].model_copy(update={"name": "other"})]
    status, text = run(before, after, tmp_path)
    assert (status, "no network in common" in text) == (2, True)
    (tmp_path / "b" / "results.json").write_text('{"schema": 7}')
    result = CliRunner().invoke(cli, ["diff", str(tmp_path / "a"), str(tmp_path / "b")])
    assert result.exit_code == 2
    result = CliRunner().invoke(cli, ["diff", str(tmp_path / "none"), str(tmp_path / "b")])
    assert result.exit_code == 2
    assert "does not exist" in " ".join(result.output.replace("│", " ").split())


def test_other_conditions_are_noted(make: Make) -> None:
    before, after = make(), make()
    assert list(diff.doubts(before, after)) == []
    after.machine["cpu"] = "another"
    after.versions["onnxruntime"] = "1.32"
    assert list(diff.doubts(before, after)) == [
        "cpu: a CPU and another",
        "onnxruntime: 1.31 and 1.32",
    ]
