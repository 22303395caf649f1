"""The same seed gives the same weights, stopped in between or not."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from models.catalog import architecture
from training.feed import PREPROCESSING, feed
from training.fit import Budget, DepthwiseFloat32, Report, Run, fit, initialise
from training.recipe import RECIPES, Phase, recipe
from training.scenes import FULL


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


def test_ctrl_c_leaves_a_checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = lenet()
    step = run.step

    def interrupted(budget: Budget) -> None:
        if run.report.images == 40:
            raise KeyboardInterrupt
        step(budget)

    monkeypatch.setattr(run, "step", interrupted)
    report = fit(run, Budget(images=1000), tmp_path / "run.pt", silent)
    assert report.images == 40
    again = lenet(seed=5)
    again.load(tmp_path / "run.pt")
    assert torch.equal(weights(again), weights(run))


@pytest.mark.parametrize(("every", "reports"), [(0, 6), (3600, 1)])
def test_it_reports_and_saves_as_often_as_asked_and_at_the_end(
    every: float, reports: int, tmp_path: Path
) -> None:
    told: list[int] = []
    fit(
        lenet(),
        Budget(images=100),
        tmp_path / "run.pt",
        lambda report: told.append(report.images),
        every,
    )
    assert len(told) == reports
    assert told[-1] == 100


def test_a_run_learns(tmp_path: Path) -> None:
    report = fit(lenet(), Budget(images=5000), tmp_path / "run.pt", silent)
    assert report.top1 > 0.4, "chance is 0.1"


def test_a_budget_ends_with_whichever_is_spent_first() -> None:
    assert Budget(minutes=1, images=100).spent(30, 80) == 0.8
    assert Budget(minutes=1, images=100).spent(54, 10) == 0.9
    assert Budget().endless
    assert not Budget(minutes=1).endless


@pytest.mark.parametrize("key", RECIPES, ids=" on ".join)
def test_a_recipe_ends_at_full_size_with_its_rate_at_zero(
    key: tuple[str, str],
) -> None:
    rules = RECIPES[key[0], "digits" if key[1] == "digits" else "scenes"]
    last = rules.phases[-1]
    assert [p.until for p in rules.phases] == sorted({p.until for p in rules.phases})
    assert (last.until, last.side) == (1.0, architecture(key[0]).size)
    assert last.difficulty is None or replace(last.difficulty, recolour=False) == FULL
    assert rules.rate_at(0) < rules.rate / 10
    assert rules.rate_at(rules.warmup) > 0.99 * rules.rate
    assert rules.rate_at(1.0) == 0
    assert rules.phase(0.0) is rules.phases[0]
    assert rules.phase(1.0) is last


def test_an_unknown_recipe_names_those_there_are() -> None:
    with pytest.raises(ValueError, match="squeezenet1_1 on scenes"):
        recipe("squeezenet1_1", "digits")


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
