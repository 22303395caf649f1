"""Replicas, costs and checks, on results whose truth is known: they come from a simulation."""

import itertools
import json
import math
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from bench.__main__ import cli
from bench.capacity import Model, batch_seconds, capacity, checks, model_of, replicas
from bench.capacity_report import warned
from bench.compare.results import (
    FILE,
    BatchRate,
    Network,
    Point,
    Results,
    Round,
    Stream,
    Warned,
)
from bench.queueing import Station

EACH = 0.010  # seconds of a lane for an image: two lanes do 200 a second
ALONE = 0.006  # with both lanes
SCATTER = np.sort(np.random.default_rng(3).gamma(50, 1 / 50, 500))
TRUTH = Model(Station(2, 8, ALONE, lambda n: n * EACH), SCATTER / SCATTER.mean())
TARGETS = [80.0, 140.0, 170.0, 200.0]
IMAGES = 4000


def stream(rate: float) -> Stream:
    return Stream(
        count=500,
        p50=ALONE,
        p90=ALONE,
        p99=ALONE,
        rate=rate,
        latencies_ms=(1e3 * ALONE * TRUTH.scatter).tolist(),
    )


def point(target: float, seed: int) -> Point:
    p99 = TRUTH.p99(target, IMAGES, seed)
    return Point(count=IMAGES, p50=p99, p90=p99, p99=p99, target=target, achieved=target)


@pytest.fixture(scope="module")
def network() -> Network:
    """As `compare` writes it: what a service with `TRUTH`'s times would have shown."""
    rounds = [
        Round(
            single=stream(1 / ALONE),
            offline=stream(2 / EACH),
            curve=[point(target, seed) for target in TARGETS],
            batches={"8": 100},
        )
        for seed in (101, 102, 103)
    ]
    rates = [BatchRate(size=size, rate=250.0) for size in (1, 8)]  # 8 ms, and 2 for HTTP
    return Network(name="toy", device="CPU", targets=TARGETS, rounds=rounds, batch_rates=rates)


@pytest.fixture
def results(network: Network) -> Results:
    machine = {"cores": 2}
    networks = [network.model_copy(deep=True)]
    return Results(created="2026-11-21", finished=True, machine=machine, networks=networks)


def test_the_model_has_the_times_that_were_measured(network: Network) -> None:
    station = model_of(network, 2).station
    assert (station.lanes, station.max_batch, station.share_out) == (2, 8, True)
    assert station.alone == pytest.approx(ALONE)
    for images in (1, 3, 8):
        assert station.batch(images) == pytest.approx(images * EACH)


def test_without_the_engine_alone_a_batch_costs_what_offline_cost(network: Network) -> None:
    """On one device an image alone costs what it did, and less the more there are."""
    elsewhere = network.model_copy(update={"batch_rates": []})
    assert batch_seconds(elsewhere, 2, ALONE)(4) == pytest.approx(4 * EACH)
    gpu = batch_seconds(elsewhere, 1, 2 * EACH)
    assert gpu(1) == pytest.approx(2 * EACH)
    assert gpu(8) == pytest.approx(8 * EACH / 2)


def test_the_simulation_agrees_with_what_it_made(network: Network) -> None:
    found = checks(network, model_of(network, 2))
    assert [check.rate for check in found] == TARGETS
    assert [check.stable for check in found] == [True, True, True, False]
    for check in found[:3]:
        assert check.error == pytest.approx(0, abs=0.1)
        assert check.chance


def test_a_wrong_model_shows_in_the_checks(network: Network) -> None:
    slow = Model(Station(2, 8, 2 * ALONE, lambda n: n * EACH * 1.2), TRUTH.scatter)
    for check in checks(network, slow)[:3]:
        assert check.error > 0.1
        assert not check.chance


@pytest.mark.parametrize(("times", "names"), [(1, []), (3, ["rough"])])
def test_an_error_beyond_chance_is_warned_of(
    results: Results, times: float, names: list[str]
) -> None:
    for point in (point for each in results.networks[0].rounds for point in each.curve):
        point.p99 *= times
    found = capacity(results, rate=500, bound=0.050)
    assert [warning.name for warning in warned(results, found)] == names


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"finished": False}, "cut short"),
        ({"warnings": [Warned(name="unstable", detail="so")]}, "doubtful"),
    ],
)
def test_what_the_comparison_doubts_is_passed_on(
    results: Results, change: dict[str, object], name: str
) -> None:
    assert [w.name for w in warned(results.model_copy(update=change), [])] == [name]


def test_a_curve_that_was_not_measured_checks_nothing(results: Results) -> None:
    for each in results.networks[0].rounds:
        each.curve = []
    (found,) = capacity(results, rate=500, bound=0.050)
    assert found.error is None
    assert [warning.name for warning in warned(results, [found])] == ["not checked"]


@pytest.mark.parametrize("bound", [0.025, 0.050])
def test_the_fewest_replicas_that_hold_the_bound(bound: float) -> None:
    number = replicas(TRUTH, 1000, bound)
    assert number is not None
    assert TRUTH.p99(1000 / number) <= bound
    assert TRUTH.p99(1000 / (number - 1)) > bound
    assert number >= 1000 * EACH / 2


def test_more_replicas_wait_less_and_more_images_take_more() -> None:
    waits = [TRUTH.p99(1000 / number) for number in (5, 6, 8, 12, 40)]
    assert waits == sorted(waits, reverse=True)
    numbers = [replicas(TRUTH, rate, 0.030) or 0 for rate in (50, 500, 5000)]
    assert numbers == sorted(numbers)
    assert numbers[0] == 1
    tight, loose = (replicas(TRUTH, 1000, bound) or 0 for bound in (0.015, 0.100))
    assert tight > loose


def test_a_bound_below_one_image_alone_is_out_of_reach() -> None:
    assert replicas(TRUTH, 10, ALONE) is None


def test_the_cost_of_a_million_images(results: Results) -> None:
    (found,) = capacity(results, rate=500, bound=0.050, price=1.2)
    assert found.replicas is not None
    hours = 1e6 / 500 / 3600
    assert found.cost == pytest.approx(found.replicas * 1.2 * hours)
    assert found.rate == pytest.approx(500 / found.replicas)
    assert found.load == pytest.approx(500 / found.replicas / 200)
    assert capacity(results, rate=500, bound=0.050)[0].cost is None


def run(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(cli, ["capacity", *arguments])
    return result.exit_code, " ".join(result.output.replace("│", " ").split())


def test_the_command_end_to_end(results: Results, tmp_path: Path) -> None:
    results.write(tmp_path)
    file = tmp_path / "capacity.json"
    options = ("--rate", "500", "--p99", "50ms", "--price", "1.2", "--json", str(file))
    status, text = run(str(tmp_path), *options, "--plot", str(tmp_path / "plots"))
    assert status == 0, text
    assert "500 images/s, p99 within 50 ms" in text
    assert "a million images" in text
    assert "more than it does" in text
    content = json.loads(file.read_text())
    (found,) = content["found"]
    assert found["replicas"] >= math.ceil(500 / 200)
    assert [check["rate"] for check in found["checks"]] == TARGETS
    assert content["bound"] == pytest.approx(0.05)
    drawn = (tmp_path / "plots" / "capacity.svg").read_text()
    for word in ("toy", "measured", "simulated", "bound"):
        assert word in drawn
    assert (tmp_path / "plots" / "capacity.png").stat().st_size > 5000


def test_a_network_out_of_reach_is_told_and_costs_nothing(results: Results, tmp_path: Path) -> None:
    results.write(tmp_path)
    status, text = run(str(tmp_path), "--rate", "5", "--p99", "1ms")
    assert status == 0
    assert "warning: out of reach: toy" in text


def test_what_cannot_be_told_says_why(results: Results, tmp_path: Path) -> None:
    empty = results.model_copy(update={"networks": []})
    empty.write(tmp_path)
    told = ("--rate", "5", "--p99", "50ms")
    for arguments, status, words in (
        ([str(tmp_path), "--rate", "5", "--p99", "50"], 2, "no time like 50ms"),
        ([str(tmp_path), "--rate", "5", "--p99", "0ms"], 2, "no time like 50ms"),
        ([str(tmp_path / "nowhere"), *told], 2, "does not exist"),
        ([str(tmp_path / FILE), *told], 2, "has no network that was"),
    ):
        found, text = run(*arguments)
        assert (found, words in text) == (status, True), text


def test_waiting_grows_with_the_rate() -> None:
    waits = [TRUTH.p99(rate) for rate in (20, 80, 140, 170, 190)]
    assert all(less < more for less, more in itertools.pairwise(waits))
