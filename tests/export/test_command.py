"""python -m export: what it says and what its exit code means."""

import subprocess
import sys
from pathlib import Path

import pytest
from typer import BadParameter
from typer.testing import CliRunner

from export import publish
from export.__main__ import cli, wanted
from export.onnx_from_torch import onnx_from_torch
from models.catalog import CATALOG
from models.served import Served

ROOT = Path(__file__).parents[2]


def run(*arguments: str, artifacts: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "export", *arguments, "--artifacts", str(artifacts)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def test_one_network_untrained_and_said_so(tmp_path: Path) -> None:
    out = run("lenet5_plain", "--weights", "random", artifacts=tmp_path)
    assert out.returncode == 0, out.stderr
    assert "untrained: its predictions mean nothing" in out.stderr
    assert (tmp_path / "lenet5_plain" / "1" / "card.json").exists()
    again = run("lenet5_plain", "--weights", "random", "--missing", artifacts=tmp_path)
    assert (again.returncode, again.stderr) == (0, "")
    assert not (tmp_path / "lenet5_plain" / "2").exists()


def test_what_fails_is_said_and_the_others_are_exported(tmp_path: Path) -> None:
    out = run("vgg16_c", "lenet5_plain", "--weights", "digits", artifacts=tmp_path)
    assert out.returncode == 1
    assert "vgg16_c was not exported: no digits weights of vgg16_c are shipped" in out.stderr
    assert out.stderr.endswith("1 of 2 were not exported as asked: vgg16_c\n")
    assert (tmp_path / "lenet5_plain" / "1").is_dir()
    assert not (tmp_path / "vgg16_c").exists()


def test_a_fault_in_one_export_does_not_stop_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    faults = ["out of ideas"]

    def faulty(served: Served, file: Path, *, channels: int, size: int) -> None:
        if faults:
            raise RuntimeError(faults.pop())
        onnx_from_torch(served, file, channels=channels, size=size)

    monkeypatch.setattr(publish, "onnx_from_torch", faulty)
    names = ["lenet5_plain", "lenet5_plain"]
    command = [*names, "--weights", "random", "--artifacts", str(tmp_path)]
    out = CliRunner().invoke(cli, command)
    assert out.exit_code == 1
    assert "RuntimeError: out of ideas" in out.stderr
    assert out.stderr.endswith("1 of 2 were not exported as asked: lenet5_plain\n")
    assert [d.name for d in (tmp_path / "lenet5_plain").iterdir()] == ["1"]


def test_all_is_the_whole_catalogue(tmp_path: Path) -> None:
    names = [row.name for row in CATALOG]
    assert wanted(["all"], "", None) == names
    (tmp_path / names[0] / "1").mkdir(parents=True)
    (tmp_path / names[0] / "1" / "card.json").touch()
    assert wanted(["all"], "", tmp_path) == names[1:]
    with pytest.raises(BadParameter, match="for one network"):
        wanted(["all"], "mine", None)


def test_an_unknown_network_is_wrong_usage(tmp_path: Path) -> None:
    out = run("lenet6", artifacts=tmp_path)
    assert out.returncode == 2
    assert "did you mean" in out.stderr


def test_help_shows_an_example(tmp_path: Path) -> None:
    out = run("--help", artifacts=tmp_path)
    assert "python -m export resnet50 vgg16 --weights imagenet" in out.stdout
