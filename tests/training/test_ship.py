"""What is shipped is what its card says."""

import hashlib
from pathlib import Path

import pytest
import safetensors.torch
import torch

import training.ship as shipping
from models.card import Checkpoint
from models.catalog import architecture
from models.weights import SHIPPED
from training.digits import LABELS
from training.evaluate import evaluate, from_network
from training.feed import PREPROCESSING, feed
from training.fit import fit
from training.prepare import initialise
from training.progress import Budget
from training.recipe import Data, recipe
from training.run import Run
from training.ship import LARGEST, TOGETHER, Remarks, load, ship

WEIGHTS = sorted(SHIPPED.glob("*.safetensors"))


def test_what_is_shipped_stays_small_and_has_a_card() -> None:
    assert {"lenet5_plain.digits", "mobilenet_v1.scenes"} < {file.stem for file in WEIGHTS}
    assert {file.stem for file in WEIGHTS} <= {file.stem for file in SHIPPED.glob("*.json")}
    sizes = [file.stat().st_size for file in WEIGHTS]
    assert max(sizes) <= LARGEST == 25e6
    assert sum(sizes) <= TOGETHER == 150e6


@pytest.mark.parametrize("file", WEIGHTS, ids=lambda file: file.stem)
def test_the_card_belongs_to_the_weights(file: Path) -> None:
    card, content = Checkpoint.read(file.with_suffix(".json")), file.read_bytes()
    assert hashlib.sha256(content).hexdigest() == card.weights.sha256
    assert f"{card.architecture}.{card.weights.name.removesuffix('-v1')}" == file.stem
    assert card.weights.trained
    assert card.labels == LABELS
    tensors = safetensors.torch.load(content)
    assert {t.dtype for t in tensors.values()} <= {torch.float16, torch.int64}
    assert all(bool(t.isfinite().all()) for t in tensors.values())


@pytest.mark.parametrize("file", WEIGHTS, ids=lambda file: file.stem)
def test_the_weights_reach_the_figures_of_their_card(file: Path) -> None:
    """On the first 60 of the card's own test scenes; four standard deviations are allowed."""
    card = Checkpoint.read(file.with_suffix(".json"))
    network = load(card.architecture, file)
    data: Data = "digits" if file.stem.endswith("digits") else "scenes"
    found = evaluate(from_network(network, card.preprocessing), data, images=60)
    for name in {"top1", "top5", "pointing"} & card.metrics.keys():
        p, n = card.metrics[name], found["test_images"]
        assert abs(found[name] - p) <= 4 * (p * (1 - p) / n) ** 0.5 + 1 / n, name


@pytest.fixture
def short_run(tmp_path: Path) -> Path:
    torch.set_num_threads(1)
    network = architecture("lenet5_plain").build(10)
    initialise(network, 3)
    rules = recipe("lenet5_plain", "digits")
    run = Run(network, rules, PREPROCESSING["digits"], 3, feed("digits", 3))
    fit(run, Budget(images=128), tmp_path / "run.pt", lambda _: None)
    return tmp_path / "run.pt"


def test_a_run_is_shipped_rounded_measured_and_described(short_run: Path, tmp_path: Path) -> None:
    remarks = Remarks("a test", "stopped early")
    card = ship("lenet5_plain", "digits", short_run, remarks, images=0, folder=tmp_path)
    file = tmp_path / "lenet5_plain.digits.safetensors"
    assert Checkpoint.read(file.with_suffix(".json")) == card
    assert (card.weights.seed, card.weights.images, card.weights.machine) == (3, 128, "a test")
    assert (card.weights.recipe or "").endswith("; stopped early")
    shipped = load("lenet5_plain", file)
    trained = torch.load(short_run, weights_only=True)["network"]
    for key, value in shipped.state_dict().items():
        assert torch.equal(trained[key].half().float(), value)
    measured = evaluate(from_network(shipped, card.preprocessing), "digits", images=0)
    assert measured == card.metrics
    assert not list(tmp_path.glob("*.part"))


@pytest.mark.parametrize("limit", ["LARGEST", "TOGETHER"])
def test_of_weights_that_are_too_large_the_card_is_shipped(
    limit: str, short_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shipping, limit, 100_000)
    folder = tmp_path / "shipped"
    ship("lenet5_plain", "digits", short_run, Remarks("a test"), images=0, folder=folder)
    assert [file.name for file in folder.iterdir()] == ["lenet5_plain.digits.json"]
