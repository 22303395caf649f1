"""Recipes say what they do, and the papers' figures are the papers'."""

from dataclasses import replace

import pytest

from models.catalog import architecture
from training.papers import paper_recipe
from training.recipe import RECIPES, Phase, Recipe, recipe
from training.scenes import FULL

PHASES = (Phase(1.0, 32, 20),)


@pytest.mark.parametrize("key", RECIPES, ids=" on ".join)
def test_an_own_recipe_ends_at_full_size_with_its_rate_at_zero(key: tuple[str, str]) -> None:
    rules = RECIPES[key]
    last = rules.phases[-1]
    assert [p.until for p in rules.phases] == sorted({p.until for p in rules.phases})
    assert (last.until, last.side) == (1.0, architecture(key[0]).size)
    assert last.difficulty is None or replace(last.difficulty, recolour=False) == FULL
    assert rules.rate_at(0) < rules.rate / 10
    assert rules.rate_at(rules.warmup) > 0.99 * rules.rate
    assert rules.rate_at(1.0) == 0
    assert rules.phase(0.0) is rules.phases[0]
    assert rules.phase(1.0) is last


def test_any_other_network_gets_todays_recipe_at_its_own_size() -> None:
    rules = recipe("resnet34", "scenes", 224)
    assert [(p.until, p.side) for p in rules.phases] == [(1.0, 224)]
    assert (rules.optimiser, rules.schedule, rules.bfloat16) == ("adamw", "cosine", ("cuda",))
    assert rules.smoothing > 0
    assert rules.warmup > 0


@pytest.mark.parametrize(
    ("name", "batch", "rate", "decay", "dropout", "schedule"),
    [
        ("alexnet", 128, 0.01, 5e-4, 0.5, "plateau"),
        ("vgg16", 256, 0.01, 5e-4, 0.5, "plateau"),
        ("resnet50", 256, 0.1, 1e-4, 0.0, "plateau"),
        ("densenet121", 256, 0.1, 1e-4, 0.0, "steps"),
        ("squeezenet1_1", 512, 0.04, 2e-4, 0.5, "linear"),
        ("googlenet", 32, 0.01, 2e-4, 0.4, "staircase"),
    ],
)
def test_a_papers_recipe_has_its_figures_and_says_where_they_stand(
    name: str, batch: int, rate: float, decay: float, dropout: float, schedule: str
) -> None:
    rules = paper_recipe(architecture(name), "scenes", 224)
    assert (rules.phases[0].batch, rules.rate, rules.decay) == (batch, rate, decay)
    assert (rules.dropout, rules.schedule, rules.optimiser) == (dropout, schedule, "sgd")
    assert rules.nesterov == (name == "densenet121")
    assert rules.source in rules.words()
    assert "et al." in rules.source or "&" in rules.source
    assert "momentum 0.9" in rules.words()


def test_a_network_without_a_papers_recipe_is_told_which_have_one() -> None:
    with pytest.raises(ValueError, match=r"--recipe modern.*AlexNet"):
        paper_recipe(architecture("lenet5"), "digits", 32)


def test_rates_fall_as_their_schedule_says() -> None:
    def rates(rules: Recipe) -> list[float]:
        places = ((0.0, 0, 0), (0.5, 8, 1), (0.7, 16, 2), (1.0, 24, 3))
        return [rules.rate_at(*place) for place in places]

    plain = Recipe(PHASES, rate=1.0, warmup=0.0)
    assert rates(plain) == pytest.approx([1, 0.5, 0.206, 0], abs=1e-3)
    assert rates(replace(plain, schedule="linear")) == pytest.approx([1, 0.5, 0.3, 0])
    assert rates(replace(plain, schedule="plateau")) == pytest.approx([1, 0.1, 0.01, 0.001])
    assert rates(replace(plain, schedule="steps")) == pytest.approx([1, 0.1, 0.01, 0.01])
    stairs = [1, 0.96, 0.96**2, 0.96**3]
    assert rates(replace(plain, schedule="staircase")) == pytest.approx(stairs)
