"""A list of networks is trained within a time, and the same command goes on where it stopped."""

import csv
import json
from pathlib import Path

import pytest
import torch
from typer.testing import CliRunner

from models.catalog import architecture
from training import fit_all_command
from training.__main__ import cli
from training.job import Settings

NETWORK = "squeezenet1_1"


@pytest.fixture(autouse=True)
def no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)


def fit_all(home: Path, *words: str) -> str:
    options = ["--images", "64", "--measured", "10", "--runs", str(home / "runs")]
    command = ["fit-all", *(words or (NETWORK,)), *options, "--shipped", str(home / "shipped")]
    answer = CliRunner().invoke(cli, command)
    assert answer.exit_code == 0, answer.output
    return " ".join(answer.output.split())


def rows(home: Path) -> list[dict[str, str]]:
    with (home / "runs" / "fit-all.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_time_ends_a_run_and_the_same_command_goes_on_and_ships(tmp_path: Path) -> None:
    assert "is not finished" in fit_all(tmp_path, NETWORK, "--hours", "0")
    assert not (tmp_path / "runs" / "fit-all.csv").exists()

    assert "outcome card" in fit_all(tmp_path)
    (row,) = rows(tmp_path)
    assert (row["network"], row["outcome"], row["images"]) == (NETWORK, "card", "64")
    assert [file.name for file in (tmp_path / "shipped").iterdir()] == [f"{NETWORK}.scenes.json"]
    card = json.loads((tmp_path / "shipped" / f"{NETWORK}.scenes.json").read_text())
    assert float(row["top1"]) == card["metrics"]["top1"] < 0.95

    assert "done before" in fit_all(tmp_path)
    (tmp_path / "shipped" / f"{NETWORK}.scenes.json").unlink()
    assert "done before" in fit_all(tmp_path), "the table remembers"
    assert len(rows(tmp_path)) == 1


def test_weights_that_are_good_enough_are_shipped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fit_all_command, "TOP1", 0)
    monkeypatch.setattr(fit_all_command, "POINTING", 0)
    assert "outcome weights" in fit_all(tmp_path)
    assert (tmp_path / "shipped" / f"{NETWORK}.scenes.safetensors").exists()


def test_a_network_that_fails_does_not_keep_the_others_from_learning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    learned = fit_all_command._train

    def train(settings: Settings, *rest: object) -> bool:
        if settings.network == "mobilenet_v1":
            raise RuntimeError("CUDA out of memory.\nTried to allocate 2 GiB")
        return learned(settings, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(fit_all_command, "_train", train)
    fit_all(tmp_path, "mobilenet_v1", NETWORK)
    outcomes = [(row["network"], row["outcome"]) for row in rows(tmp_path)]
    assert outcomes == [("mobilenet_v1", "failed: CUDA out of memory."), (NETWORK, "card")]


def test_a_network_that_sees_other_pictures_is_refused() -> None:
    answer = CliRunner().invoke(cli, ["fit-all", "nasnet_a_large"])
    assert answer.exit_code == 2
    assert "nasnet_a_large sees 331" in " ".join(answer.output.split())


@pytest.mark.parametrize("name", fit_all_command.NETWORKS)
def test_every_network_of_the_list_fits_scenes(name: str) -> None:
    assert architecture(name).size == 224
