"""Cards come back as they were written, and a card that cannot be believed is refused by name."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from models.card import Artifact, CardError, Compared, ModelCard, Parity, Preprocessing, Weights

CARD = ModelCard(
    name="lenet5_plain",
    version=3,
    architecture="lenet5_plain",
    preprocessing=Preprocessing(1, 32, 32, "bilinear", (0.1,), (0.8,)),
    labels=("zero", "one"),
    weights=Weights("digits-v1", "shipped", "ab" * 32, trained=True, trained_on="digits"),
    metrics={"top1": 0.99},
    artifacts={
        "onnx": Artifact(
            "model.fp32.onnx", "cd" * 32, "fp32", 32, {"onnx": "1"}, Parity((1, 3), 1e-6, 0.0, 1.0)
        )
    },
    created="2026-11-21T00:00:00+00:00",
    commit=None,
)


INT8 = Artifact(
    *("model.int8.onnx", "ef" * 32, "int8", 32, {"onnx": "1"}, Parity((1, 3), 0.1, 0.0, 1.0)),
    compared=Compared("digits", 359, 0.99, 0.992, 0.995, 0.998),
)


def broken(tmp_path: Path, change: dict[str, Any]) -> Path:
    file = tmp_path / "card.json"
    file.write_text(json.dumps(CARD.as_dict() | change))
    return file


def test_a_card_survives_the_disk(tmp_path: Path) -> None:
    CARD.write(tmp_path / "card.json")
    assert ModelCard.read(tmp_path / "card.json") == CARD
    assert [p.name for p in tmp_path.iterdir()] == ["card.json"]


def test_a_card_knows_its_precisions(tmp_path: Path) -> None:
    card = replace(CARD, artifacts=CARD.artifacts | {"onnx_int8": INT8})
    card.write(tmp_path / "card.json")
    assert ModelCard.read(tmp_path / "card.json") == card
    assert card.precisions == ("fp32", "int8")
    assert card.onnx("int8") is card.artifacts["onnx_int8"]
    assert card.onnx("fp16") is card.onnx("fp32") is card.artifacts["onnx"]
    assert replace(card, artifacts={}).onnx("int8") is None


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"colour": 1}, "unknown keys ['colour']"),
        ({"format": 2}, "format is 2, must be one of [1]"),
        ({"version": "3"}, "version is '3'"),
        ({"version": True}, "version is True"),
        ({"labels": "abc"}, "labels is 'abc'"),
        ({"labels": ["a", 1]}, "labels[1] is 1"),
        ({"metrics": {"top1": "high"}}, "metrics.top1 is 'high'"),
        ({"weights": {"name": "x"}}, "keys ['source', 'sha256', 'trained'] are missing in weights"),
        ({"preprocessing": None}, "preprocessing must be an object"),
    ],
)
def test_a_wrong_card_is_refused_with_the_place(
    tmp_path: Path, change: dict[str, Any], said: str
) -> None:
    with pytest.raises(CardError) as error:
        ModelCard.read(broken(tmp_path, change))
    assert said in str(error.value)
    assert str(tmp_path / "card.json") in str(error.value)


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"[]"])
def test_what_is_no_card_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "card.json").write_bytes(content)
    with pytest.raises(CardError):
        ModelCard.read(tmp_path / "card.json")


def test_no_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(CardError, match="does not exist"):
        ModelCard.read(tmp_path / "card.json")
