"""`python -m training`: every command says how to use it, and does what it says."""

from pathlib import Path

import pytest
import torch
from PIL import Image
from typer.testing import CliRunner

from training.__main__ import cli

runner = CliRunner()


@pytest.mark.parametrize("command", ["fit", "fit-all", "ship", "evaluate", "scene"])
def test_help_shows_an_example(command: str) -> None:
    answer = runner.invoke(cli, [command, "--help"])
    assert answer.exit_code == 0
    assert f"python -m training {command}" in answer.output


def test_a_sheet_of_scenes_is_drawn(tmp_path: Path) -> None:
    file = tmp_path / "sheet.png"
    answer = runner.invoke(cli, ["scene", str(file), "--count", "8", "--side", "32", "--boxes"])
    assert answer.exit_code == 0, answer.output
    assert "0 1 2 3 4 5 6 7" in answer.output
    with Image.open(file) as sheet:
        assert sheet.size == (6 * 32, 2 * 32)


@pytest.fixture(autouse=True)
def no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)


def test_a_run_is_started_and_resumed(tmp_path: Path) -> None:
    run = ["fit", "lenet5_plain", "--data", "digits", "--run", str(tmp_path / "run.pt")]
    first = runner.invoke(cli, [*run, "--images", "64"])
    assert first.exit_code == 0, first.output
    assert "64 images" in first.output
    second = runner.invoke(cli, [*run, "--images", "128", "--resume"])
    assert "128 images" in second.output
    other = runner.invoke(cli, ["fit", "lenet5", *run[2:], "--resume"])
    assert other.exit_code == 2
    assert "is of lenet5_plain on digits" in " ".join(other.output.split())


@pytest.mark.parametrize(
    ("arguments", "advice"),
    [
        (["fit", "lenet5_plain", "--data", "digits", "--device", "cuda"], "--device cpu"),
        (["fit", "lenet5_plain", "--data", "digits", "--freeze", "9"], "4 stages"),
        (["fit", "lenet5_plain", "--data", "digits", "--recipe", "paper"], "--recipe modern"),
        (["fit", "lenet5_plain", "--data", "nowhere", "--weights", "random"], "no folder"),
        (["fit", "nin", "--weights", "auto"], "--weights random"),
        (["fit", "lenet5_plain", "--data", "digits", "--run", "a.ckpt"], "a .pt file"),
        (["fit", "lenet6", "--minutes", "1"], "did you mean"),
        (["evaluate", "lenet5_plain", "--data", "scenes"], "no weights"),
        (["fit", "lenet5_plain", "--data", "digits", "--images", "9", "--resume"], "nothing"),
    ],
)
def test_a_mistake_is_answered_with_advice(
    arguments: list[str], advice: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    answer = runner.invoke(cli, arguments)
    assert answer.exit_code == 2
    assert advice in " ".join(answer.output.split())
