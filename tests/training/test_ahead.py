"""Batches drawn ahead are those that would have been drawn."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from models.catalog import architecture
from training.ahead import Ahead
from training.feed import PREPROCESSING, feed
from training.fit import fit
from training.prepare import initialise
from training.progress import Budget
from training.recipe import Phase, recipe
from training.run import Run

SMALL, LARGE = Phase(0.5, 32, 10), Phase(1.0, 32, 20)


def test_the_batches_are_the_same_from_phase_to_phase_and_from_any_place_on() -> None:
    plain, ahead = feed("digits", 1), Ahead(feed("digits", 1), workers=2)
    for place, phase in [(0, SMALL), (10, SMALL), (20, LARGE), (40, LARGE), (7, SMALL)]:
        (images, labels), expected = ahead(place, phase), plain(place, phase)
        assert np.array_equal(images, expected[0])
        assert np.array_equal(labels, expected[1])


def test_a_run_ends_with_the_same_weights_and_chance_in_the_same_state(tmp_path: Path) -> None:
    torch.set_num_threads(1)

    def trained(workers: int) -> list[torch.Tensor]:
        network = architecture("lenet5_plain").build(10)
        initialise(network, 1)
        drawn = feed("digits", 1)
        seen = Ahead(drawn, workers) if workers else drawn
        rules = replace(recipe("lenet5_plain", "digits"), phases=(SMALL, LARGE))
        run = Run(network, rules, PREPROCESSING["digits"], 1, seen)
        fit(run, Budget(images=60), tmp_path / "run.pt", lambda _: None)
        return [*network.parameters(), torch.get_rng_state()]

    assert all(map(torch.equal, trained(2), trained(0)))
