"""What a `fit` is made of: trained weights are of use, and a new head learns faster than they."""

from pathlib import Path

import numpy as np
import torch
from PIL import Image
from rich.console import Console

from training.digits import digits
from training.feed import plain_digits
from training.fit import fit
from training.job import Settings, start
from training.validate import validate

NAMES = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


def test_weights_that_know_something_learn_a_folder_sooner(tmp_path: Path) -> None:
    """Four of each digit that no shipped network learned from, and all others to judge by."""
    torch.set_num_threads(1)
    source, home = digits("test"), tmp_path / "handwriting"
    rows = np.concatenate([source.of(label)[:4] for label in range(len(NAMES))])
    for row in rows:
        place = home / NAMES[source.labels[row]]
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(255 - source.ink[row]).resize((96, 96)).save(place / f"{row}.png")
    others = np.setdiff1d(np.arange(len(source.labels)), rows)
    images, labels = (part[others] for part in plain_digits("test"))
    answers = np.array([sorted(NAMES).index(name) for name in NAMES])[labels]

    def reached(weights: str) -> float:
        settings = Settings("lenet5_plain", str(home), weights=weights, images=640, flip=False)
        job = start(settings, tmp_path / "run.pt", "cpu", Console(quiet=True))
        job.log.cut(0)
        fit(job.run, job.budget, tmp_path / "run.pt", lambda _: None)
        return validate(job.run.network, job.run.preprocessing, [(images, answers)])["top1"]

    transferred = reached("digits")
    assert transferred > 0.9
    assert transferred > reached("random") + 0.15


def test_a_new_head_follows_the_whole_rate_and_what_is_known_a_part(tmp_path: Path) -> None:
    settings = Settings("lenet5_plain", "digits", weights="digits", images=640)
    run = start(settings, tmp_path / "run.pt", "cpu", Console(quiet=True)).run
    shares = {
        p.shape[-1]: group["share"]
        for group in run._optimiser.param_groups
        for p in group["params"]
    }
    assert shares == {5: 0.3, 6: 0.3, 16: 0.3, 400: 0.3, 120: 0.3, 84: 1.0, 10: 1.0}
