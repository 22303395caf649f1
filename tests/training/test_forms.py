"""Networks that are something else while they train are wired into a run, and end as served."""

from pathlib import Path

import pytest
import torch
from rich.console import Console

from models.catalog import CATALOG, architecture
from training import forms
from training.drop_path import DroppingJoin
from training.job import Job, Settings, start
from training.stochastic_depth import StochasticBottleneck

NAMES = ("fractalnet20_cifar10", "stochastic_depth_resnet50", "resnet18")


def started(tmp_path: Path, name: str, recipe: str = "modern") -> Job:
    settings = Settings(name, "digits", recipe, images=20)
    return start(settings, tmp_path / "run.pt", "cpu", Console(quiet=True))


def test_every_form_is_of_a_family_of_the_catalogue() -> None:
    assert set(forms.FORMS) <= {row.family for row in CATALOG}


@pytest.mark.parametrize("name", NAMES)
def test_what_is_served_computes_what_was_trained(name: str) -> None:
    row = architecture(name)
    network = row.build(10).eval()
    x = torch.randn(2, 3, row.size, row.size)
    with torch.no_grad():
        before = network(x)
        words = forms.begin(row, network)
        served = forms.end(row, network.state_dict(), 10)
        assert bool(words) == (row.family in forms.FORMS)
        for now in (network(x), served(x)):
            assert torch.allclose(now, before, atol=1e-4 * float(before.abs().max()))


@pytest.mark.parametrize(
    ("name", "part", "words"),
    [
        ("fractalnet20_cifar10", DroppingJoin, "drop-path (Larsson et al. 2016"),
        ("stochastic_depth_resnet50", StochasticBottleneck, "stochastic depth (Huang et al. 2016)"),
    ],
)
def test_a_run_trains_in_the_form_of_its_family_and_says_so(
    name: str, part: type, words: str, tmp_path: Path
) -> None:
    run = started(tmp_path, name).run
    assert any(isinstance(module, part) for module in run.network.modules())
    assert words in run.words


def test_a_papers_recipe_for_googlenet_has_its_auxiliary_classifiers(tmp_path: Path) -> None:
    paper, modern = (started(tmp_path, "googlenet_2014", r).run for r in ("paper", "modern"))
    assert paper.auxiliaries
    assert "auxiliary classifiers" in paper.words
    assert not modern.auxiliaries
    assert "auxiliary" not in modern.words
