"""Figures that mean what they say, of whatever answers; and the command that prints them."""

import csv
import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from rich.console import Console
from typer.testing import CliRunner

from export.publish import Recipe, export
from models.card import ModelCard
from service.engines import Outputs
from training.__main__ import cli
from training.digits import Bytes, Integers
from training.evaluate import Evaluation, evaluate, examine, from_engine
from training.feed import plain_digits
from training.held_out import Batch, HeldOut
from training.metrics import Floats
from training.results import class_table, confusion, confusion_picture, per_class

runner = CliRunner()


def test_who_knows_the_answer_gets_all_of_it() -> None:
    def answer(images: Bytes, asked: Integers) -> tuple[Floats, Floats]:
        assert images.dtype == np.uint8
        assert asked.shape == (len(images), 5)
        assert (asked[:, 1:] == -1).all()
        logits = 99 * np.eye(10, dtype=np.float32)[asked[:, 0]]
        return logits, np.zeros((len(images), 5, 7, 7), np.float32)

    figures = evaluate(answer, "scenes", images=30, batch=20)
    assert figures["top1"] == figures["top5"] == 1
    assert figures["pointing"] == figures["energy_inside"] == 0
    assert figures["ece"] == pytest.approx(0)
    assert 0.1 < figures["pointing_chance"] < 0.5
    assert figures["test_images"] == 30


def test_who_always_says_the_same_is_right_once_in_ten() -> None:
    def answer(images: Bytes, asked: Integers) -> tuple[Floats, Floats]:
        logits = np.tile(99 * np.arange(10, dtype=np.float32), (len(asked), 1))
        return logits, np.zeros((len(images), 5, 10, 10), np.float32)

    figures = evaluate(answer, "digits", images=0)
    assert figures["top1"] == pytest.approx(0.1, abs=0.02)
    assert figures["top5"] == pytest.approx(0.5, abs=0.02)
    assert figures["ece"] == pytest.approx(1 - figures["top1"])  # it is always sure
    assert figures["top1_light_on_dark"] == figures["top1"]
    assert figures["test_images"] == 359
    assert "pointing" not in figures


class Knowing:
    """An engine that gives the class it is asked about, and maps of its own shape."""

    name, precision, device, max_batch, lanes = "knowing", "fp32", "CPU", 32, 1

    def run(self, images: Bytes, asked: Integers, *, alone: bool = False) -> Outputs:
        del images, alone
        logits = np.eye(10, dtype=np.float32)[asked[:, 0]]
        maps = np.zeros((*asked.shape, 13, 13), np.float32)
        return Outputs(logits, np.ones(asked.shape, np.float32), asked, maps)

    def close(self) -> None:
        """Nothing is held."""


def test_an_engine_is_measured_through_the_same_seam() -> None:
    figures = evaluate(from_engine(Knowing()), "scenes", images=10)
    assert (figures["top1"], figures["pointing"]) == (1, 0)


def three(chosen: list[int], labels: list[int], classes: int = 3) -> Evaluation:
    """What is found of a network that chooses so."""
    images = np.array(chosen, np.uint8).reshape(-1, 1, 1, 1)
    data = HeldOut("made", len(labels), lambda _: iter([Batch(images, np.array(labels))]))

    def answer(images: Bytes, asked: Integers) -> tuple[Floats, Floats]:
        logits = np.eye(classes, dtype=np.float32)[images.flatten()]
        return logits, np.zeros((*asked.shape, 1, 1), np.float32)

    return examine(answer, data, explained=1)


def test_of_three_classes_there_is_no_top_five() -> None:
    assert set(three([0, 1], [0, 0]).metrics) == {"top1", "ece", "test_images"}


def test_a_network_that_computes_nothing_gets_no_figures() -> None:
    def answer(images: Bytes, asked: Integers) -> tuple[Floats, Floats]:
        return np.full((len(images), 10), np.nan, np.float32), np.zeros((*asked.shape, 1, 1), "f")

    with pytest.raises(FloatingPointError, match="not finite"):
        evaluate(answer, "digits", images=0)


def test_each_class_has_its_precision_and_recall() -> None:
    rows = per_class(three([0, 0, 1, 1, 0], [0, 0, 0, 1, 2]), ("a", "b", "c"))
    assert [dataclasses.astuple(row) for row in rows] == [
        ("a", 3, pytest.approx(2 / 3), pytest.approx(2 / 3)),
        ("b", 1, 0.5, 1.0),
        ("c", 1, None, 0.0),
    ]


def test_the_confusion_matrix_has_the_classes_that_occur() -> None:
    matrix, there = confusion(three([0, 7, 7, 7], [0, 0, 7, 7], classes=9))
    assert there == [0, 7]
    assert matrix.tolist() == [[0.5, 0.5], [0, 1]]


def test_of_many_classes_the_worst_are_shown_and_the_picture_still_fits() -> None:
    everything = list(range(40))
    found = three([*everything[:-1], 0], everything, classes=40)
    names = tuple(f"class {i}" for i in everything)
    table = class_table(per_class(found, names))
    assert table.row_count == 20
    assert next(iter(table.columns[0].cells)) == "class 39"
    assert not confusion_picture(found, names).axes[0].texts


@pytest.fixture(scope="module")
def artifacts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("artifacts")
    export(Recipe("lenet5_plain", with_pytorch=True), home, Console(quiet=True))
    return home


@pytest.fixture(scope="module")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The held-out digits as a user's folder would have them."""
    home = tmp_path_factory.mktemp("handwriting")
    for i, (image, label) in enumerate(zip(*plain_digits("test"), strict=True)):
        (home / str(label)).mkdir(exist_ok=True)
        Image.fromarray(image[..., 0]).save(home / str(label) / f"{i:03}.png")
    return home


def told(*arguments: object) -> str:
    answer = runner.invoke(cli, ["evaluate", *map(str, arguments)])
    assert answer.exit_code == 0, answer.output
    return answer.output


@pytest.mark.parametrize("engine", ["ort", "pytorch"])
def test_both_engines_and_the_decoder_give_the_figures_of_the_card(
    engine: str, artifacts: Path, digits: Path, tmp_path: Path
) -> None:
    card = ModelCard.read(artifacts / "lenet5_plain" / "1" / "card.json")
    options = ("--artifacts", artifacts, "--engine", engine)
    told("lenet5_plain", *options, "--out", tmp_path / "own")
    told("lenet5_plain", *options, "--out", tmp_path / "folder", "--data", digits)
    own, folder = (
        json.loads((tmp_path / d / "results.json").read_text()) for d in ("own", "folder")
    )
    for name in ("top1", "top5", "top1_light_on_dark", "test_images"):
        assert own["metrics"][name] == card.metrics[name]
    for name in ("top1", "top5", "test_images"):
        assert folder["metrics"][name] == card.metrics[name]
    assert own["engine"] == {"ort": "onnxruntime", "pytorch": "pytorch"}[engine]
    assert folder["data"] == f"{digits.name}/"


def test_shipped_weights_reach_their_card_without_an_export(tmp_path: Path) -> None:
    output = told("lenet5_plain", "--artifacts", tmp_path)
    assert "lenet5_plain on digits, pytorch fp32" in output
    assert "0.9972" in output


def test_results_are_written_beside_each_other_and_skipped_files_counted(
    artifacts: Path, digits: Path, tmp_path: Path
) -> None:
    broken = digits / "3" / "zzz.png"
    broken.touch()
    options = ("--artifacts", artifacts, "--data", digits, "--out", tmp_path)
    output = told("lenet5_plain", *options)
    broken.unlink()
    assert "1 files could not be read and were skipped" in output
    assert json.loads((tmp_path / "results.json").read_text())["metrics"]["test_images"] == 359
    with (tmp_path / "per_class.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["class"] for row in rows] == list("0123456789")
    assert sum(int(row["pictures"]) for row in rows) == 359
    with Image.open(tmp_path / "confusion.png") as image:
        assert min(image.size) > 500


def test_write_adds_the_metrics_to_the_card_and_changes_nothing_else(artifacts: Path) -> None:
    file = artifacts / "lenet5_plain" / "1" / "card.json"
    before = ModelCard.read(file)
    told("lenet5_plain", "--artifacts", artifacts, "--write")
    after = ModelCard.read(file)
    assert after.metrics["digits.onnxruntime.fp32.top1"] == before.metrics["top1"]
    assert before.metrics.items() < after.metrics.items()
    assert dataclasses.replace(after, metrics=before.metrics) == before
    assert [f.name for f in file.parent.glob("*.part")] == []


@pytest.mark.parametrize(
    ("arguments", "advice"),
    [
        (["lenet5_plain", "--data", "scenes"], "sees 32x32 grey pictures, scenes are 224x224"),
        (["lenet5_plain", "--version", "7"], "has no version 7; there are: 1"),
        (["lenet5_plain", "--data", "nowhere"], "nowhere is no folder"),
        (["resnet50"], "run `make export MODELS=resnet50`"),
        (["squeezenet1_1", "--write"], "--write needs an exported model"),
    ],
)
def test_a_mistake_is_answered_with_advice(
    arguments: list[str], advice: str, artifacts: Path
) -> None:
    answer = runner.invoke(cli, ["evaluate", *arguments, "--artifacts", str(artifacts)])
    assert answer.exit_code == 2
    assert advice in " ".join(answer.output.split())


def test_unknown_folders_are_refused_by_name(artifacts: Path, tmp_path: Path) -> None:
    (tmp_path / "cat").mkdir()
    (tmp_path / "cat" / "1.jpg").touch()
    options = ["lenet5_plain", "--artifacts", str(artifacts), "--data", str(tmp_path)]
    answer = runner.invoke(cli, ["evaluate", *options])
    assert answer.exit_code == 2
    assert "no class cat: name the folders after its classes, which are 0, 1, 2" in answer.output
