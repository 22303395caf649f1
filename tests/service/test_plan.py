"""A plan is found again only by the machine it was built for, and only as it was proven."""

import hashlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from models.card import CARD, Artifact, ModelCard, Parity, Preprocessing, Weights
from service.engines import EngineUnavailable
from service.engines.plan import PlanKey, find, read

HERE = PlanKey("NVIDIA H200", "9.0", "11.4.0.106", "fp32")
CONTENT = b"a plan, as far as anybody here can tell"
PLAN = Artifact(
    file=HERE.file,
    sha256=hashlib.sha256(CONTENT).hexdigest(),
    precision="fp32",
    max_batch=32,
    built_with=HERE.built_with() | {"library": "TensorRT 11.4.0.106"},
    parity=Parity((1, 3, 32), 1e-6, 1e-6, 1.0),
)
MODEL = ModelCard(
    name="tens",
    version=1,
    architecture="lenet5_plain",
    preprocessing=Preprocessing(1, 32, 32, "bilinear", (0.1,), (0.8,)),
    labels=("zero", "one"),
    weights=Weights("digits-v1", "shipped", "ab" * 32, trained=True),
    metrics={},
    artifacts={HERE.kind: PLAN},
    created="2026-11-21T00:00:00+00:00",
    commit=None,
)


def test_a_plan_is_named_for_what_it_runs_on() -> None:
    key = PlanKey("NVIDIA GeForce RTX 4090", "8.9", "10.16.1.11", "int8")
    assert key.file == "model.nvidia-geforce-rtx-4090.trt10.16.1.11.int8.plan"
    assert key.kind == "tensorrt.nvidia-geforce-rtx-4090.trt10.16.1.11.int8"


def test_its_card_leads_back_to_it(tmp_path: Path) -> None:
    MODEL.write(tmp_path / CARD)
    (tmp_path / HERE.file).write_bytes(CONTENT)
    card = ModelCard.read(tmp_path / CARD)
    assert find(card, HERE) == PLAN
    assert read(card, PLAN, tmp_path) == CONTENT
    assert card.plans == (PLAN,)
    assert card.precisions == (), "of the ONNX files"


@pytest.mark.parametrize(
    "other",
    [
        replace(HERE, gpu="NVIDIA A100"),
        replace(HERE, capability="10.0"),
        replace(HERE, tensorrt="10.16.1.11"),
        replace(HERE, precision="int8"),
    ],
)
def test_a_foreign_plan_is_refused_with_what_builds_one(other: PlanKey) -> None:
    with pytest.raises(EngineUnavailable) as error:
        find(MODEL, other)
    assert str(other) in str(error.value)
    assert f"one is of {HERE}" in str(error.value)
    assert f"`python -m export.plan tens --precision {other.precision}`" in str(error.value)


def test_a_plan_whose_card_does_not_say_for_what_is_foreign() -> None:
    unknown = replace(MODEL, artifacts={HERE.kind: replace(PLAN, built_with={})})
    with pytest.raises(EngineUnavailable, match=r"one is of TensorRT \? in fp32 for \?"):
        find(unknown, HERE)


def test_a_model_without_plans_says_what_builds_one() -> None:
    with pytest.raises(EngineUnavailable, match=r"it has none\. Run `python -m export.plan tens"):
        find(replace(MODEL, artifacts={}), HERE)


@pytest.mark.parametrize(
    "change",
    [
        lambda content: content[:-1],
        lambda content: b"A" + content[1:],
        lambda _content: b"",
        lambda content: content + b"\0",
    ],
    ids=["truncated", "tampered", "empty", "longer"],
)
def test_a_plan_that_is_not_the_proven_file_is_refused(
    tmp_path: Path, change: Callable[[bytes], bytes]
) -> None:
    (tmp_path / HERE.file).write_bytes(change(CONTENT))
    with pytest.raises(EngineUnavailable, match="is not the file that was proven") as error:
        read(MODEL, PLAN, tmp_path)
    assert "Run `python -m export.plan tens --precision fp32`" in str(error.value)


def test_a_plan_that_is_gone_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EngineUnavailable, match=r"No such file.* Run `python -m export.plan"):
        read(MODEL, PLAN, tmp_path)
