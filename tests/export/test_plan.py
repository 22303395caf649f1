"""A plan is built aside, proven, and found again only by the machine it was built for."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console
from typer.testing import CliRunner

from export import plan_publish
from export.parity import ParityError
from export.plan import cli
from export.plan_from_onnx import Build, Built
from export.plan_publish import Options, add
from models.card import CARD, CardError, ModelCard, Precision
from service.engines import Engine, Outputs, open_engine
from service.engines.plan import PlanKey, find, read

QUIET = Console(quiet=True)
HERE = PlanKey("NVIDIA H200", "9.0", "11.4.0.106", "fp32")
PRECISIONS: tuple[Precision, ...] = ("fp32", "fp16", "int8")


@pytest.fixture
def directory(exported: Path, tmp_path: Path) -> Path:
    """A version of a model that a test may change."""
    home = tmp_path / "lenet5_plain" / "1"
    home.mkdir(parents=True)
    for file in exported.iterdir():
        (home / file.name).write_bytes(file.read_bytes())
    return home


# what is built and what runs it: fakes, for there is no GPU in a test


class Stub:
    """Stands for TensorRT: answers what ONNX Runtime does, times `factor`."""

    factor = np.float32(1)

    def __init__(self, card: ModelCard, onnx_in: Path) -> None:
        self._engine = open_engine("ort", card, onnx_in, device="cpu", lanes=1)
        self.name, self.max_batch = "tensorrt", 4

    def run(self, images: np.ndarray, asked: np.ndarray) -> Outputs:
        found = self._engine.run(images, asked)
        return replace(found, logits=found.logits * self.factor)

    def close(self) -> None:
        self._engine.close()


@pytest.fixture
def stub(directory: Path, monkeypatch: pytest.MonkeyPatch) -> type[Stub]:
    """A builder that writes its input's name, and an engine that runs such a plan."""

    def build(wanted: Build, _console: Console) -> Built:
        wanted.plan.write_text(f"plan of {wanted.onnx.name}")
        wanted.log.write_text("as it should be")
        return Built("TensorRT 11.4.0.106", 59, 0.5)

    class Fresh(Stub):
        pass

    def open_(
        kind: str, card: ModelCard, place: Path, *, device: str, lanes: int, precision: str = "fp32"
    ) -> Engine | Stub:
        if kind == "ort":
            return open_engine("ort", card, place, device="cpu", lanes=lanes)
        assert device == "cuda"
        (plan,) = (p for p in card.plans if p.precision == precision)
        read(card, plan, place)  # raises if it is not there, or another
        return Fresh(card, directory)

    monkeypatch.setattr(plan_publish, "plan_from_onnx", build)
    monkeypatch.setattr(plan_publish, "open_engine", open_)
    return Fresh


@pytest.mark.usefixtures("stub")
@pytest.mark.parametrize("precision", PRECISIONS)
def test_a_proven_plan_goes_on_the_card(directory: Path, precision: Precision) -> None:
    key = replace(HERE, precision=precision)
    plan = add(directory, key, Options(max_batch=16), QUIET)
    card = ModelCard.read(directory / CARD)
    assert card.artifacts[key.kind] == plan
    assert plan.parity.batches == (1, 3, 4)
    assert plan.max_batch == 16
    assert plan.built_with["library"] == "TensorRT 11.4.0.106"
    assert (plan.compared is None) == (precision == "fp32")
    assert find(card, key) == plan
    assert read(card, plan, directory) == f"plan of model.{precision}.onnx".encode()
    assert (directory / f"{key.file}.log").read_text() == "as it should be"
    assert card.precisions == ("fp32",)
    assert [p.name for p in directory.parent.iterdir()] == ["1"], "nothing is left over"


@pytest.mark.parametrize("precision", PRECISIONS)
def test_a_plan_that_says_something_else_is_not_published(
    directory: Path, stub: type[Stub], precision: Precision
) -> None:
    stub.factor = np.float32(-1)
    before = sorted(directory.iterdir())
    with pytest.raises(ParityError):
        add(directory, replace(HERE, precision=precision), Options(), QUIET)
    assert ModelCard.read(directory / CARD).plans == ()
    left = [f.name for f in sorted(directory.iterdir()) if f not in before]
    assert left == [f"model.nvidia-h200.trt11.4.0.106.{precision}.plan.log"]


@pytest.mark.usefixtures("stub")
def test_no_plan_is_built_of_a_file_that_was_not_proven(directory: Path) -> None:
    with (directory / "model.fp32.onnx").open("ab") as file:
        file.write(b"!")
    with pytest.raises(CardError, match="is not the file that was proven"):
        add(directory, HERE, Options(), QUIET)


@pytest.mark.usefixtures("stub")
def test_without_held_out_pictures_a_lower_precision_has_no_plan(directory: Path) -> None:
    card = ModelCard.read(directory / CARD)
    replace(card, weights=replace(card.weights, trained=False)).write(directory / CARD)
    add(directory, HERE, Options(), QUIET)
    with pytest.raises(ParityError, match="no held-out pictures"):
        add(directory, replace(HERE, precision="fp16"), Options(), QUIET)


# the command


def ask(*arguments: str) -> tuple[int, str]:
    out = CliRunner().invoke(cli, [*arguments])
    return out.exit_code, " ".join(out.stderr.split())


def test_a_wrong_precision_is_said(tmp_path: Path) -> None:
    code, said = ask("lenet5_plain", "--precision", "int4", "--artifacts", str(tmp_path))
    assert code == 2
    assert "['int4'] is no precision" in said


def test_without_a_gpu_it_says_so_and_builds_nothing(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.engines.no_driver", lambda: "there is no driver")
    code, said = ask("lenet5_plain", "--artifacts", str(directory.parent.parent))
    assert code == 1
    assert said == "no plan is built: TensorRT needs a GPU, and there is no driver"


@pytest.fixture
def gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "export.plan.key_here", lambda precision: replace(HERE, precision=precision)
    )


@pytest.mark.usefixtures("gpu", "stub")
def test_it_builds_what_is_missing_of_the_newest_version(directory: Path) -> None:
    old = directory.with_name("0")
    old.mkdir()
    (old / CARD).write_text("an older one is not read")
    command = ["--precision", "fp16 fp32", "--artifacts", str(directory.parent.parent)]
    code, said = ask(*command)
    assert code == 0, said
    assert "lenet5_plain/1: TensorRT 11.4.0.106 in fp32 for NVIDIA H200 (compute capa" in said
    assert "in fp16 for NVIDIA H200 (compute capability 9.0): logits within 0e+00" in said
    (directory / HERE.file).write_bytes(b"broken")
    code, said = ask(*command, "--missing")
    assert code == 0
    assert "in fp32" in said
    assert "in fp16" not in said
    assert ask(*command, "--missing") == (0, "")


@pytest.mark.usefixtures("gpu", "stub")
def test_one_that_fails_is_said_and_the_others_are_built(directory: Path) -> None:
    card = ModelCard.read(directory / CARD)
    replace(card, weights=replace(card.weights, trained=False)).write(directory / CARD)
    code, said = ask("--precision", "fp16 fp32", "--artifacts", str(directory.parent.parent))
    assert code == 1
    assert "in fp16 for NVIDIA H200 (compute capability 9.0) is not published: no held-out" in said
    assert [p.precision for p in ModelCard.read(directory / CARD).plans] == ["fp32"]


@pytest.mark.usefixtures("gpu")
def test_a_model_that_is_not_exported_is_said(tmp_path: Path) -> None:
    code, said = ask("vgg16", "--artifacts", str(tmp_path))
    assert code == 1
    assert "has no vgg16: run `python -m export vgg16` first" in said
