"""The same seed gives the same weights, stopped in between or not."""

import csv
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
import safetensors.torch
import torch
from torch import Tensor, nn

from models.catalog import architecture
from training.feed import PREPROCESSING, Batch, feed
from training.fit import fit
from training.prepare import DepthwiseFloat32, initialise
from training.progress import Budget, Log, Report, Watch
from training.recipe import Phase, recipe
from training.run import Run

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def one_thread() -> None:
    """Sums in one order, so that runs can be compared bit by bit."""
    torch.set_num_threads(1)


def lenet(seed: int = 1) -> Run:
    network = architecture("lenet5_plain").build(10)
    initialise(network, seed)
    rules = replace(recipe("lenet5_plain", "digits"), phases=(Phase(1.0, 32, 20),))
    return Run(network, rules, PREPROCESSING["digits"], seed, feed("digits", seed))


def silent(report: Report) -> None:
    del report


def weights(run: Run) -> Tensor:
    return torch.cat([p.detach().flatten() for p in run.network.parameters()])


def test_the_same_seed_gives_the_same_weights_and_another_does_not(tmp_path: Path) -> None:
    runs = [lenet(), lenet(), lenet(seed=2)]
    for run in runs:
        fit(run, Budget(images=100), tmp_path / "run.pt", silent)
    assert torch.equal(weights(runs[0]), weights(runs[1]))
    assert not torch.equal(weights(runs[0]), weights(runs[2]))


def test_a_run_that_was_stopped_ends_with_the_weights_of_one_that_was_not(tmp_path: Path) -> None:
    file, budget = tmp_path / "run.pt", Budget(images=120)
    through = lenet()
    fit(through, budget, tmp_path / "through.pt", silent)
    first = lenet()
    for _ in range(3):
        first.step(budget)
    first.save(file)
    second = lenet(seed=9)
    second.load(file)
    second.feed = first.feed
    assert second.report.images == 60
    fit(second, budget, file, silent)
    assert torch.equal(weights(through), weights(second))


def test_ctrl_c_ends_the_step_and_leaves_a_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = lenet()
    drawn = run.feed

    def interrupted(place: int, phase: Phase) -> Batch:
        if place == 40:
            signal.raise_signal(signal.SIGINT)
        return drawn(place, phase)

    monkeypatch.setattr(run, "feed", interrupted)
    report = fit(run, Budget(images=1000), tmp_path / "run.pt", silent)
    assert report.images == 60
    again = lenet(seed=5)
    again.load(tmp_path / "run.pt")
    assert torch.equal(weights(again), weights(run))


def rows_of(file: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(file.read_text(encoding="utf-8").splitlines()))


def test_a_killed_run_goes_on_to_the_weights_of_an_unbroken_one(tmp_path: Path) -> None:
    """SIGKILL in the middle, at a place that nobody chose."""
    command = [sys.executable, "-m", "training", "fit", "lenet5_plain", "--data", "digits"]
    command += ["--images", "6400", "--seed", "3", "--every", "0.05", "--run"]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    broken, unbroken = tmp_path / "broken.pt", tmp_path / "unbroken.pt"
    process = subprocess.Popen([*command, broken], env=environment)
    while not broken.exists():
        assert process.poll() is None, "it ended before it was killed"
        time.sleep(0.01)
    process.kill()
    assert process.wait() == -signal.SIGKILL
    assert 0 < torch.load(broken, weights_only=True)["report"]["images"] < 6400

    again = [*command[:7], "--resume", "--run"]  # the budget and the seed are the checkpoint's
    for words in ([*again, str(broken)], [*command, str(unbroken)]):
        subprocess.run(words, env=environment, check=True, stdout=subprocess.DEVNULL)
    ends = [safetensors.torch.load_file(f.with_suffix(".safetensors")) for f in (broken, unbroken)]
    assert all(torch.equal(value, ends[1][key]) for key, value in ends[0].items())
    logs = [rows_of(f.with_suffix(".csv")) for f in (broken, unbroken)]
    assert [row["images"] for row in logs[0]] == ["1472", "2880", "4352", "5760"]
    assert [row["validation_loss"] for row in logs[0]] == [r["validation_loss"] for r in logs[1]]


def test_it_tells_of_every_step(tmp_path: Path) -> None:
    told: list[int] = []
    fit(lenet(), Budget(images=60), tmp_path / "run.pt", lambda report: told.append(report.images))
    assert told == [20, 40, 60]


def watched(patience: int, tmp_path: Path) -> Run:
    """A run that cannot get better: its rate is nothing."""
    run = lenet()
    run.recipe = replace(run.recipe, rate=1e-12, schedule="plateau", warmup=0.0)
    images, labels = run.feed(10_000, Phase(1.0, 32, 20))
    log = Log(tmp_path / "log.csv")
    log.cut(0)
    run.watch = Watch(((images, labels),), 20, patience, log)
    return run


def test_patience_ends_a_run_that_gets_no_better(tmp_path: Path) -> None:
    run = watched(3, tmp_path)
    report = fit(run, Budget(images=10_000), tmp_path / "run.pt", silent)
    assert run.stopped
    assert report.images < 400
    assert run.best.keys() == run.network.state_dict().keys()


def test_a_plateau_lowers_the_rate_three_times(tmp_path: Path) -> None:
    run = watched(0, tmp_path)
    run.report.best = 0.0  # which no epoch will reach
    report = fit(run, Budget(images=20 * 20), tmp_path / "run.pt", silent)
    assert (report.stale, report.drops) == (20, 3)
    rows = rows_of(tmp_path / "log.csv")
    assert [float(rows[i]["rate"]) for i in (0, 4, 9, 19)] == pytest.approx(
        [1e-12, 1e-13, 1e-14, 1e-15]
    )


def test_a_run_learns(tmp_path: Path) -> None:
    report = fit(lenet(), Budget(images=5000), tmp_path / "run.pt", silent)
    assert report.top1 > 0.4, "chance is 0.1"


def test_a_budget_ends_with_whichever_is_spent_first() -> None:
    assert Budget(minutes=1, images=100).spent(30, 80) == 0.8
    assert Budget(minutes=1, images=100).spent(54, 10) == 0.9
    assert Budget().endless
    assert not Budget(minutes=1).endless


@pytest.mark.parametrize("name", ["squeezenet1_1", "mobilenet_v1"])
def test_no_network_starts_dead(name: str) -> None:
    """Signals neither fade nor explode, and every class map lets the gradient through."""
    network = architecture(name).build(10)
    initialise(network, 1)
    x = torch.randn(4, 3, 64, 64)
    maps = network.maps(x)
    assert 0.05 < float(maps.detach().std()) < 20 or not network.head
    network(x).logsumexp(1).sum().backward()
    for parameter in network.parameters():
        assert parameter.grad is not None
        assert float(parameter.grad.abs().max()) > 0


def test_a_depthwise_convolution_in_float32_is_the_same_convolution() -> None:
    plain = nn.Conv2d(8, 8, 3, padding=1, groups=8, bias=False)
    x = torch.randn(2, 8, 10, 10)
    expected = plain(x)
    plain.__class__ = DepthwiseFloat32
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(plain(x), expected)
        assert plain(x.bfloat16()).dtype is torch.bfloat16
