"""From a folder of photographs to answers with the user's labels, and what may change meanwhile."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from rich.console import Console

from models.architecture import Architecture
from models.card import Checkpoint, ModelCard
from models.catalog import CATALOG, architecture
from service.engines import open_engine
from training.feed import PREPROCESSING, feed
from training.folder import pixels
from training.photographs import photographs
from training.pictures import pictures, preprocessing
from training.prepare import keep_open
from training.progress import Budget
from training.recipe import recipe
from training.run import Run
from training.transfer import WeightsError, freeze, stages, transferred

ROOT = Path(__file__).parents[2]
CLASSES = {"astronaut": 1, "coffee": 3, "temple": 0}  # by their places among the photographs


@pytest.fixture(scope="module")
def crops(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sixteen different crops of each of three real photographs."""
    home = tmp_path_factory.mktemp("data") / "places"
    rng = np.random.default_rng(1)
    for name, place in CLASSES.items():
        (home / name).mkdir(parents=True)
        photograph = photographs("train")[place]
        for i in range(16):
            left, top = (int(rng.integers(n - 260)) for n in photograph.size)
            crop = photograph.crop((left, top, left + 260, top + 260))
            crop.save(home / name / f"{i}.jpg", quality=95)
    return home


def python(*words: str, at: Path) -> str:
    run = subprocess.run(
        [sys.executable, "-m", *words],
        cwd=at,
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin", "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    return run.stdout


def test_from_a_folder_of_photographs_to_the_users_own_labels(crops: Path, tmp_path: Path) -> None:
    """The commands of the README, on the smallest network that has trained weights."""
    (crops / "coffee" / "notes.txt").write_text("no picture")
    fit = "training fit lenet5_plain --weights digits --no-flip --images 9600 --run runs/mine.pt"
    said = python(*fit.split(), "--data", str(crops), at=tmp_path)
    assert "skipped" in said
    assert "notes.txt" in said

    card = Checkpoint.read(tmp_path / "runs" / "mine.json")
    assert card.labels == tuple(CLASSES)
    assert card.metrics["top1"] > 0.6, "chance is a third"
    assert card.metrics["validation_images"] == 9
    assert card.weights.trained_on == "39 pictures of 3 classes in places"
    assert card.preprocessing == PREPROCESSING["digits"], "what the first weights were used to"

    export = "export lenet5_plain --weights runs/mine.safetensors --name mine"
    python(*export.split(), at=tmp_path)
    version = tmp_path / "artifacts" / "mine" / "1"
    served = ModelCard.read(version / "card.json")
    assert served.labels == tuple(CLASSES)
    engine = open_engine("ort", served, version, device="cpu", lanes=1)
    try:
        images = [pixels(crops / label / "3.jpg", served.preprocessing) for label in CLASSES]
        asked = np.full((3, served.explained), -1, np.int64)
        best = engine.run(np.stack(images), asked).logits.argmax(1)
    finally:
        engine.close()
    assert [served.labels[i] for i in best] == list(CLASSES)


def test_only_what_follows_the_number_of_classes_starts_anew() -> None:
    row = architecture("squeezenet1_1")
    network, known = transferred(row, "scenes", 3, 1, Console(quiet=True))
    old, _ = transferred(row, "scenes", 10, 2, Console(quiet=True))
    assert len(known.labels) == 10
    same = {
        key: value.shape == old.state_dict()[key].shape
        and torch.equal(value, old.state_dict()[key])
        for key, value in network.state_dict().items()
    }
    assert {key for key, kept in same.items() if not kept} == {
        "classifier.1.weight",
        "classifier.1.bias",
    }


def test_weights_that_are_not_there_are_answered_with_advice() -> None:
    with pytest.raises(WeightsError, match="no scenes weights of vgg11"):
        transferred(architecture("vgg11"), "scenes", 3, 1, Console(quiet=True))


@pytest.mark.parametrize("row", CATALOG, ids=lambda row: row.name)
def test_every_network_has_stages_that_can_be_frozen(row: Architecture) -> None:
    found = stages(row)
    assert len(found) >= 4
    assert len({path for paths in found for path in paths}) == sum(map(len, found))


def test_the_stages_of_resnet_are_those_of_its_table() -> None:
    assert stages(architecture("resnet18")) == (
        ("conv1", "bn1"),
        ("layer1",),
        ("layer2",),
        ("layer3",),
        ("layer4",),
    )


@pytest.mark.parametrize("what", ["6", "-1", "most"])
def test_more_stages_than_there_are_is_answered_with_their_names(what: str) -> None:
    row = architecture("resnet18")
    with pytest.raises(ValueError, match=r"5 stages of resnet18.*layer4"):
        freeze(row.build(3), row, what)


def test_a_network_without_a_trained_head_is_not_frozen_whole() -> None:
    row = architecture("lenet5")
    with pytest.raises(ValueError, match="nothing of lenet5 to train"):
        freeze(row.build(3), row, "all")


@pytest.mark.parametrize(("what", "learning"), [("all", {"fc"}), ("4", {"layer4", "fc"})])
def test_what_is_frozen_stays_normalisation_included(what: str, learning: set[str]) -> None:
    torch.set_num_threads(1)
    row = architecture("resnet18")
    network = row.build(10)
    freeze(network, row, what)
    before = {key: value.clone() for key, value in network.state_dict().items()}
    prepared = preprocessing(row, "scenes")
    run = Run(network, recipe("resnet18", "scenes", 64), prepared, 1, feed("scenes", 1))
    run.step(Budget(images=1000))
    changed = {
        key.split(".")[0]
        for key, value in network.state_dict().items()
        if not torch.equal(value, before[key])
    }
    assert changed == learning


def test_the_stream_of_a_folder_repeats_shows_every_file_and_is_resumed_at_any_place(
    crops: Path,
) -> None:
    prepared = PREPROCESSING["scenes"]
    phase = recipe("resnet18", str(crops), 32).phases[0]
    first, second, other = (pictures(str(crops), prepared, s, flip=True) for s in (1, 1, 2))
    images, labels = first.feed(0, phase)
    assert images.shape == (16, 32, 32, 3)
    assert images.dtype == np.uint8
    assert np.array_equal(images, second.feed(0, phase)[0])
    assert np.array_equal(first.feed(5, phase)[0][:3], images[5:8])
    assert not np.array_equal(images, other.feed(0, phase)[0])
    epoch = np.concatenate([first.feed(at, phase)[1] for at in range(0, 48, 16)])[: first.epoch]
    assert np.bincount(epoch).tolist() == [13, 13, 13]
    assert len(labels) == 16


def test_held_out_pictures_are_what_the_service_would_show(crops: Path) -> None:
    prepared = PREPROCESSING["scenes"]
    shown = pictures(str(crops), prepared, 1, flip=True)
    held = np.concatenate([images for images, _ in shown.held_out()])
    served = {pixels(file, prepared).tobytes() for file in crops.rglob("*.jpg")}
    assert len(held) == 9
    assert {image.tobytes() for image in held} <= served


@pytest.mark.parametrize("name", ["lenet5", "squeezenet1_1", "alexnet_2012"])
@pytest.mark.parametrize("data", ["digits", "scenes", "folder"])
def test_any_network_can_be_shown_any_data(name: str, data: str, crops: Path) -> None:
    row = architecture(name)
    where = str(crops) if data == "folder" else data
    shown = pictures(where, preprocessing(row, where), 1, flip=False)
    rules = recipe(name, where, row.size)
    batches = [shown.feed(0, rules.phase(1.0)), next(shown.held_out()), shown.validation[0]]
    for images, labels in batches:
        assert images.shape == (len(labels), row.size, row.size, row.channels)
        assert labels.max() < len(shown.labels)


def test_class_maps_let_gradient_through_while_they_train_and_are_served_as_published() -> None:
    network = architecture("squeezenet1_1").build(3).eval()
    image = torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        network.get_parameter("classifier.1.bias").fill_(-100)  # closed
        keep_open(network)
        assert network(image).eq(0).all()
    network.train()(image).sum().backward()
    gradient = network.get_parameter("classifier.1.bias").grad
    assert gradient is not None
    assert gradient.gt(0).all()


def test_a_grey_picture_serves_a_network_of_three_colours(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        for i in range(2):
            Image.new("L", (40, 60), 100 * i).save(tmp_path / name / f"{i}.png")
    row = architecture("squeezenet1_1")
    shown = pictures(str(tmp_path), preprocessing(row, "own"), 1, flip=True)
    images, _ = shown.feed(0, recipe(row.name, "own", 224).phases[0])
    assert images.shape == (16, 224, 224, 3)
    assert shown.labels == ("a", "b")
