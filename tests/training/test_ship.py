"""What is shipped is what its card says."""

import hashlib
from pathlib import Path

import pytest
import safetensors.torch
import torch

from models.card import Checkpoint
from models.catalog import architecture
from models.weights import SHIPPED
from training.digits import LABELS
from training.evaluate import evaluate, from_network
from training.feed import PREPROCESSING, feed
from training.fit import Budget, Run, fit, initialise
from training.recipe import Data, recipe
from training.ship import Remarks, load, ship

CARDS = sorted(SHIPPED.glob("*.json"))


def test_three_networks_are_shipped() -> None:
    assert [card.stem for card in CARDS] == [
        "lenet5_plain.digits",
        "mobilenet_v1.scenes",
        "squeezenet1_1.scenes",
    ]


@pytest.mark.parametrize("file", CARDS, ids=lambda file: file.stem)
def test_the_card_belongs_to_the_weights(file: Path) -> None:
    card, content = Checkpoint.read(file), file.with_suffix(".safetensors").read_bytes()
    assert hashlib.sha256(content).hexdigest() == card.weights.sha256
    assert len(content) < 25e6
    assert f"{card.architecture}.{card.weights.name.removesuffix('-v1')}" == file.stem
    assert card.weights.trained
    assert card.labels == LABELS
    tensors = safetensors.torch.load(content)
    assert {t.dtype for t in tensors.values()} <= {torch.float16, torch.int64}
    assert all(bool(t.isfinite().all()) for t in tensors.values())


@pytest.mark.parametrize("file", CARDS, ids=lambda file: file.stem)
def test_the_weights_reach_the_figures_of_their_card(file: Path) -> None:
    """On the first 60 of the card's own test scenes; four standard deviations are allowed."""
    card = Checkpoint.read(file)
    network = load(card.architecture, file.with_suffix(".safetensors"))
    data: Data = "digits" if file.stem.endswith("digits") else "scenes"
    found = evaluate(from_network(network, card.preprocessing), data, images=60)
    for name in {"top1", "top5", "pointing"} & card.metrics.keys():
        p, n = card.metrics[name], found["test_images"]
        assert abs(found[name] - p) <= 4 * (p * (1 - p) / n) ** 0.5 + 1 / n, name


def test_a_run_is_shipped_rounded_measured_and_described(tmp_path: Path) -> None:
    torch.set_num_threads(1)
    network = architecture("lenet5_plain").build(10)
    initialise(network, 3)
    run = Run(
        network, recipe("lenet5_plain", "digits"), PREPROCESSING["digits"], 3, feed("digits", 3)
    )
    fit(run, Budget(images=128), tmp_path / "run.pt", lambda _: None)
    remarks = Remarks("a test", "stopped early")
    card = ship("lenet5_plain", "digits", tmp_path / "run.pt", remarks, images=0, folder=tmp_path)
    file = tmp_path / "lenet5_plain.digits.safetensors"
    assert Checkpoint.read(file.with_suffix(".json")) == card
    assert (card.weights.seed, card.weights.images, card.weights.machine) == (3, 128, "a test")
    assert (card.weights.recipe or "").endswith("; stopped early")
    shipped = load("lenet5_plain", file)
    for ours, theirs in zip(network.parameters(), shipped.parameters(), strict=True):
        assert torch.equal(ours.half().float(), theirs)
    measured = evaluate(from_network(shipped, card.preprocessing), "digits", images=0)
    assert measured == card.metrics
    assert not list(tmp_path.glob("*.part"))
