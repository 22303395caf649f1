"""What the bench makes for itself: nothing of it gets to where models are published."""

from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from bench.gpu import artifacts as made
from bench.gpu.artifacts import prepared, with_plan
from bench.gpu.loop import GpuPlan
from export.plan_from_onnx import Build, BuildFailed, Built
from export.publish import Recipe, export
from models.card import ModelCard, Precision
from models.weights.download import sha256
from models.weights.random_weights import pictures
from service.engines import EngineUnavailable, open_engine
from service.engines.plan import PlanKey, find, read

Exported = tuple[ModelCard, Path]


def plan(precision: Precision = "fp16", most: int = 8) -> GpuPlan:
    return GpuPlan(Path("artifacts"), ["lenet5_plain"], precision, 0.1, 1, [1, most])


def key(precision: Precision) -> PlanKey:
    return PlanKey("NVIDIA H200", "9.0", "11.4.0.106", precision)


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Exported:
    artifacts = tmp_path_factory.mktemp("artifacts")
    recipe = Recipe("lenet5_plain", "random", max_batch=2)
    return export(recipe, artifacts, Console(quiet=True)), artifacts / "lenet5_plain" / "1"


@pytest.fixture
def built(monkeypatch: pytest.MonkeyPatch) -> list[Build]:
    """What is asked of a TensorRT that is not there."""
    asked: list[Build] = []

    def build(wanted: Build, _console: Console) -> Built:
        asked.append(wanted)
        wanted.log.write_text("parsing\nno kernel for node 7\n")
        if wanted.max_batch == 666:
            raise BuildFailed(wanted, "it crashed")
        wanted.plan.write_bytes(b"a plan")
        return Built("TensorRT 11.4", 1, 1.0)

    monkeypatch.setattr(made, "key_here", key)
    monkeypatch.setattr(made, "plan_from_onnx", build)
    return asked


def test_half_precision_needs_no_proof_to_be_measured(exported: Exported, tmp_path: Path) -> None:
    card, published = exported
    before = {file.name: sha256(file) for file in published.iterdir()}
    made, place = prepared(card, published, plan(), tmp_path)
    assert {file.name: sha256(file) for file in published.iterdir()} == before
    images, asked = pictures(8, 32, 1, seed=1), np.full((8, 5), -1)
    half, float32 = (
        open_engine("ort", made, place, device="cpu", lanes=1, precision=precision)
        for precision in ("fp16", "fp32")
    )
    assert (half.precision, half.max_batch) == ("fp16", 8)
    difference = half.run(images, asked).logits - float32.run(images, asked).logits
    assert 0 < np.abs(difference).max() < 0.05


def test_a_plan_is_built_for_the_batches_and_found_by_the_engine(
    exported: Exported, built: list[Build], tmp_path: Path
) -> None:
    made, place = prepared(*exported, plan(), tmp_path)
    found = with_plan(made, place, plan())
    (build,) = built
    assert (build.max_batch, build.opt_batch) == (8, 8)
    assert build.onnx == place / "model.fp16.onnx"
    artifact = find(found, key("fp16"))
    assert artifact.max_batch == 8
    assert read(found, artifact, place) == b"a plan"
    assert with_plan(found, place, plan(most=4)) is found  # large enough
    larger = find(with_plan(found, place, plan(most=16)), key("fp16"))
    assert (larger.max_batch, len(built)) == (16, 2)


def test_int8_is_measured_as_it_was_published(
    exported: Exported, built: list[Build], tmp_path: Path
) -> None:
    made, place = prepared(*exported, plan("int8"), tmp_path)
    assert with_plan(made, place, plan("int8")) is made
    assert built == []


def test_a_plan_that_cannot_be_built_leaves_its_last_words(
    exported: Exported, built: list[Build], tmp_path: Path
) -> None:
    wanted = plan("fp32", most=666)
    made, place = prepared(*exported, wanted, tmp_path)
    with pytest.raises(EngineUnavailable, match="it crashed: no kernel for node 7"):
        with_plan(made, place, wanted)
    assert len(built) == 1
