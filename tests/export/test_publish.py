"""A version exists only if it was proven; a failure leaves nothing behind."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from numpy.typing import NDArray
from rich.console import Console
from safetensors.torch import save_file

from export.parity import ParityError, proof_images, prove
from export.publish import Recipe, export
from models.card import CARD, Checkpoint, ModelCard, Preprocessing, Weights
from models.catalog import architecture
from models.served import Served
from models.table import LAYERS
from models.weights.files import WeightsError
from models.weights.random_weights import pictures
from models.weights.sources import obtain
from service.engines import Kind, Outputs, open_engine
from service.engines.ort import OrtEngine

QUIET = Console(quiet=True)
PLAIN = Preprocessing(1, 32, 32, "bilinear", (0.5,), (0.25,))
KINDS: tuple[Kind, ...] = ("ort", "pytorch")
Falsify = Callable[[Outputs], None]


def everything(artifacts: Path) -> list[str]:
    return sorted(str(p.relative_to(artifacts)) for p in artifacts.rglob("*"))


def test_versions_count_up_and_the_card_tells_all(tmp_path: Path) -> None:
    recipe = Recipe("lenet5_plain", "random", max_batch=4)
    assert [export(recipe, tmp_path, QUIET).version for _ in range(2)] == [1, 2]
    assert everything(tmp_path) == [
        "lenet5_plain",
        *(
            f"lenet5_plain/{v}{file}"
            for v in (1, 2)
            for file in ("", "/card.json", "/layers.json", "/model.fp32.onnx")
        ),
    ]
    card = ModelCard.read(tmp_path / "lenet5_plain" / "2" / CARD)
    file = tmp_path / "lenet5_plain" / "2" / "model.fp32.onnx"
    artifact = card.artifacts["onnx"]
    assert artifact.sha256 == hashlib.sha256(file.read_bytes()).hexdigest()
    assert artifact.parity.batches == (1, 3, 4)
    assert artifact.parity.top1 == 1
    assert 0 < artifact.parity.logits < 1e-4
    assert artifact.built_with["torch"].startswith("2.13")
    assert not card.weights.trained
    table = (tmp_path / "lenet5_plain" / "2" / LAYERS).read_bytes()
    assert card.layers == hashlib.sha256(table).hexdigest()


def test_random_weights_are_the_same_every_time(tmp_path: Path) -> None:
    recipe = Recipe("lenet5_plain", "random", max_batch=1)
    cards = [export(recipe, tmp_path, QUIET) for _ in range(2)]
    assert cards[0].weights == cards[1].weights


def test_the_graph_takes_pixels_and_any_batch(tmp_path: Path) -> None:
    export(Recipe("lenet5_plain", "random", max_batch=2), tmp_path, QUIET)
    graph = onnx.load(tmp_path / "lenet5_plain" / "1" / "model.fp32.onnx").graph

    def shape(value: onnx.ValueInfoProto) -> list[str | int]:
        return [d.dim_param or d.dim_value for d in value.type.tensor_type.shape.dim]

    n = shape(graph.input[0])[0]
    assert isinstance(n, str)
    assert {v.name: shape(v) for v in graph.input} == {"images": [n, 32, 32, 1], "asked": [n, 5]}
    assert {v.name: shape(v) for v in graph.output} == {
        "logits": [n, 10],
        "scores": [n, 5],
        "classes": [n, 5],
        "maps": [n, 5, 10, 10],
    }
    assert graph.input[0].type.tensor_type.elem_type == onnx.TensorProto.UINT8


def test_a_graph_that_disagrees_is_refused_and_nothing_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = OrtEngine.run

    def slightly_wrong(
        self: OrtEngine, images: NDArray[np.uint8], asked: NDArray[np.int64], *, alone: bool = False
    ) -> Outputs:
        out = run(self, images, asked, alone=alone)
        return Outputs(out.logits * np.float32(1.001), out.scores, out.classes, out.maps)

    monkeypatch.setattr(OrtEngine, "run", slightly_wrong)
    with pytest.raises(ParityError, match=r"logits by 1\.0e-03 \(at most 1e-04\).*Nothing was"):
        export(Recipe("lenet5_plain", "random"), tmp_path, QUIET)
    assert everything(tmp_path) == []


class Eager:
    """Torch as an engine, so that a test can falsify what it says."""

    name, precision, device, max_batch, lanes = "eager", "fp32", "CPU", 5, 1

    def __init__(self, served: Served, falsify: Falsify) -> None:
        self.served, self.falsify = served, falsify

    def run(
        self, images: NDArray[np.uint8], asked: NDArray[np.int64], *, alone: bool = False
    ) -> Outputs:
        assert not alone
        with torch.inference_mode():
            out = self.served(torch.from_numpy(images), torch.from_numpy(asked))
        outputs = Outputs(*(t.numpy().copy() for t in out))
        self.falsify(outputs)
        return outputs

    def close(self) -> None: ...


def nothing(_: Outputs) -> None: ...


def logits(out: Outputs) -> None:
    out.logits[:] += 0.01


def maps(out: Outputs) -> None:
    out.maps[0] *= 1.01


def top1(out: Outputs) -> None:
    out.logits[0, int(out.logits[0].argmin())] = out.logits[0].max() + 1


def nan(out: Outputs) -> None:
    out.logits[0, 0] = np.nan


def nan_in_a_small_batch(out: Outputs) -> None:
    if len(out.maps) == 1:
        out.maps[0, 0, 0] = np.nan


def a_small_batch(out: Outputs) -> None:
    if len(out.logits) == 3:
        out.logits[:] += 0.01


@pytest.fixture
def lenet() -> Served:
    network, checkpoint = obtain(architecture("lenet5_plain"), "random", QUIET)
    return Served(network, checkpoint.preprocessing, 10).eval()


@pytest.mark.parametrize("wrong", [logits, maps, top1, nan, nan_in_a_small_batch, a_small_batch])
def test_every_disagreement_is_seen(lenet: Served, wrong: Falsify) -> None:
    assert prove(Eager(lenet, nothing), lenet, PLAIN).top1 == 1
    with pytest.raises(ParityError):
        prove(Eager(lenet, wrong), lenet, PLAIN)


def test_an_image_without_evidence_is_no_disagreement(lenet: Served) -> None:
    """A ReLU over class maps (SqueezeNet) may leave an image all zeros: 0 of 0 is no error."""
    first = torch.from_numpy(proof_images(PLAIN, 1))

    class Silent(Served):
        def forward(self, *inputs: Any) -> Any:
            logits, scores, classes, maps = super().forward(*inputs)
            keep = (inputs[0] != first).flatten(1).any(1).float()
            return logits * keep[:, None], scores, classes, maps * keep[:, None, None, None]

    silent = Silent(lenet.network, PLAIN, 10).eval()
    parity = prove(Eager(silent, nothing), silent, PLAIN)
    assert parity.logits < 1e-5
    assert parity.maps < 1e-5


def test_a_network_that_ignores_its_input_proves_nothing(tmp_path: Path) -> None:
    a = architecture("lenet5_plain")
    network = a.build(10)
    weights = {key: tensor * 0 + 0.5 for key, tensor in network.state_dict().items()}
    weights["c1.weight"] *= 0
    save_file(weights, tmp_path / "dead.safetensors")
    with pytest.raises(ParityError, match="the same answer"):
        export(Recipe("lenet5_plain", str(tmp_path / "dead.safetensors")), tmp_path / "out", QUIET)
    assert everything(tmp_path / "out") == []


def test_a_network_that_finds_nothing_anywhere_proves_nothing(lenet: Served) -> None:
    class Silent(Served):
        def forward(self, *inputs: Any) -> Any:
            logits, scores, classes, maps = super().forward(*inputs)
            return logits * 0, scores, classes, maps * 0

    silent = Silent(lenet.network, PLAIN, 10).eval()
    with pytest.raises(ParityError, match="the same answer"):
        prove(Eager(silent, nothing), silent, PLAIN)


def test_a_file_with_a_card_brings_its_labels_and_preprocessing(tmp_path: Path) -> None:
    network = architecture("lenet5_plain").build(3)
    file = tmp_path / "mine.safetensors"
    save_file(network.state_dict(), file)
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    Checkpoint(
        architecture="lenet5_plain",
        preprocessing=Preprocessing(1, 32, 40, "bicubic", (0.3,), (0.4,)),
        labels=("ant", "bee", "cat"),
        weights=Weights("mine", "here", digest, trained=True, trained_on="animals"),
        metrics={"top1": 0.9},
    ).write(tmp_path / "mine.json")
    recipe = Recipe("lenet5_plain", str(file), name="animals", max_batch=2, with_pytorch=True)
    card = export(recipe, tmp_path / "out", QUIET)
    assert (card.name, card.labels) == ("animals", ("ant", "bee", "cat"))
    assert (card.metrics, card.preprocessing.resize) == ({"top1": 0.9}, 40)
    directory = tmp_path / "out" / "animals" / "1"
    images, asked = pictures(2, 32, 1, seed=1), np.full((2, 3), -1)
    one, other = (
        open_engine(kind, card, directory, device="cpu", lanes=1).run(images, asked).maps
        for kind in KINDS
    )
    assert np.allclose(one, other, atol=1e-4)

    file.write_bytes(file.read_bytes() + b" ")
    with pytest.raises(WeightsError, match="is not the file its card describes"):
        export(recipe, tmp_path / "out", QUIET)


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("imagenet", "no published weights are known for lenet5_plain"),
        ("scenes", "no scenes weights of lenet5_plain are shipped"),
        ("nosuch.pth", "nosuch.pth is neither"),
    ],
)
def test_weights_that_cannot_be_had_are_said(tmp_path: Path, source: str, said: str) -> None:
    with pytest.raises(WeightsError, match=said):
        export(Recipe("lenet5_plain", source), tmp_path, QUIET)
    assert everything(tmp_path) == []


def test_of_weights_too_large_to_ship_the_recipe_is_told(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="too large to ship: make them by"):
        export(Recipe("alexnet", "scenes"), tmp_path, QUIET)
    assert everything(tmp_path) == []


def test_auto_never_guesses(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="none are shipped"):
        obtain(architecture("vgg16_c"), "auto", QUIET, shipped=tmp_path)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"architecture": "resnet51"}, "did you mean resnet50"),
        ({"max_batch": 0}, "at least 1"),
        ({"name": "../up"}, "no model name"),
    ],
)
def test_a_wrong_recipe_is_refused(change: dict[str, str | int], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Recipe(**{"architecture": "lenet5_plain", "weights": "random"} | change)  # type: ignore[arg-type]


def test_a_card_is_plain_json(tmp_path: Path) -> None:
    export(Recipe("lenet5_plain", "random", max_batch=1), tmp_path, QUIET)
    card = json.loads((tmp_path / "lenet5_plain" / "1" / CARD).read_text())
    assert card["format"] == 1
    assert card["preprocessing"]["size"] == 32
