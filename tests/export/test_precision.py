"""A lower precision is the same network, its wrapper untouched, and published only if it passes."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from onnx import TensorProto, helper
from rich.console import Console
from typer.testing import CliRunner

from export import precision as judged
from export.__main__ import cli
from export.half import halve, network_nodes
from export.precision import Refused, calibration, held_out_data, judge, pearson
from export.publish import Recipe, export
from export.quantise import quantise
from models.card import CARD, OUTPUTS, Compared, ModelCard, Precision
from models.weights.random_weights import pictures
from service.engines import open_engine
from training.digits import Bytes
from training.feed import plain_digits
from training.recipe import Data
from training.scenes import scenes

QUIET = Console(quiet=True)
ALL: tuple[Precision, ...] = ("fp32", "fp16", "int8")


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    artifacts = tmp_path_factory.mktemp("artifacts")
    export(Recipe("lenet5_plain", max_batch=4, precisions=ALL), artifacts, QUIET)
    return artifacts / "lenet5_plain" / "1"


@pytest.fixture(scope="module")
def card(directory: Path) -> ModelCard:
    return ModelCard.read(directory / CARD)


def ask(file: Path, images: Bytes) -> dict[str, np.ndarray]:
    session = ort.InferenceSession(file, providers=["CPUExecutionProvider"])
    feed = {"images": images, "asked": np.full((len(images), 5), -1)}
    return dict(zip(OUTPUTS, session.run(OUTPUTS, feed), strict=True))


def types(file: Path) -> dict[str, int]:
    """The type of every tensor that has one."""
    graph = onnx.shape_inference.infer_shapes(onnx.load(file)).graph
    values = (*graph.value_info, *graph.output, *graph.input)
    found = {v.name: v.type.tensor_type.elem_type for v in values}
    return found | {t.name: t.data_type for t in graph.initializer}


def test_the_network_lies_between_normalisation_and_softmax(directory: Path) -> None:
    graph = onnx.load(directory / "model.fp32.onnx").graph
    inside = [node.op_type for node in network_nodes(graph)]
    assert inside == [
        *("Conv", "Tanh", "AveragePool", "Conv", "Tanh", "AveragePool", "Reshape"),
        *("Gemm", "Tanh", "Gemm", "Tanh", "Gemm"),
    ]


def test_every_precision_is_on_the_card_with_what_it_costs(
    directory: Path, card: ModelCard
) -> None:
    assert card.precisions == ALL
    assert card.artifacts["onnx"].compared is None
    for precision in ("fp16", "int8"):
        artifact = card.artifacts[f"onnx_{precision}"]
        assert artifact.file == f"model.{precision}.onnx"
        assert artifact.parity.batches == (1, 3, 4)
        found = artifact.compared
        assert found is not None
        assert (found.data, found.images) == ("digits", 359)
        assert found.float32 == pytest.approx(card.metrics["top1"])
        assert found.agreement >= 0.99
        assert 0.98 <= found.maps <= 1.000001
    sizes = [(directory / f"model.{p}.onnx").stat().st_size for p in ALL]
    assert sizes[0] > 1.5 * sizes[1] > 2 * sizes[2]


def test_the_engine_runs_the_precision_it_is_asked_for(directory: Path, card: ModelCard) -> None:
    images = plain_digits("test")[0][:3]
    logits = []
    for precision in ALL:
        engine = open_engine("ort", card, directory, device="cpu", lanes=1, precision=precision)
        assert engine.precision == precision
        logits.append(engine.run(images, np.full((3, 5), -1)).logits)
        engine.close()
    assert np.abs(logits[0] - logits[2]).max() > 1e-3
    assert (logits[0].argmax(1) == logits[2].argmax(1)).all()


def test_in_half_the_network_is_half_and_its_wrapper_is_not(directory: Path) -> None:
    file = directory / "model.fp16.onnx"
    of, graph = types(file), onnx.load(file).graph
    layers = [n for n in graph.node if n.op_type in {"Conv", "Gemm", "Tanh", "AveragePool"}]
    halves = {name: of[name] for node in layers for name in (*node.input, *node.output)}
    assert set(halves.values()) == {TensorProto.FLOAT16}
    rest = [n for n in graph.node if n.op_type in {"Softmax", "MatMul", "Mul", "Add", "ReduceSum"}]
    wrapped = {of[name] for node in rest for name in node.output}
    assert len(rest) >= 7
    assert wrapped == {TensorProto.FLOAT}
    assert [of[name] for name in OUTPUTS] == [
        *(TensorProto.FLOAT, TensorProto.FLOAT, TensorProto.INT64, TensorProto.FLOAT)
    ]
    weights = [t for t in graph.initializer if "weight" in t.name]
    assert {t.data_type for t in weights} == {TensorProto.FLOAT16}  # none is there twice


@pytest.mark.parametrize("network", ["lenet5", "squeezenet1_1"])
def test_half_says_the_same_but_for_rounding(network: str, tmp_path: Path) -> None:
    """`lenet5` has the head of a distance and of a scaled tanh; these weights are no halves."""
    export(Recipe(network, "random", max_batch=1), tmp_path, QUIET)
    float32 = tmp_path / network / "1" / "model.fp32.onnx"
    halve(float32, tmp_path / "half.onnx")
    _, height, _, channels = onnx.load(float32).graph.input[0].type.tensor_type.shape.dim
    images = pictures(3, height.dim_value, channels.dim_value, seed=3)
    exact, rounded = (ask(file, images) for file in (float32, tmp_path / "half.onnx"))
    for name in ("logits", "scores", "maps"):
        assert rounded[name].dtype == np.float32
        error = np.abs(exact[name] - rounded[name]).max() / np.abs(exact[name]).max()
        assert 0 < error < 0.02


def test_in_8_bits_activations_are_unsigned_and_weights_signed_one_scale_a_channel(
    directory: Path,
) -> None:
    graph = onnx.load(directory / "model.int8.onnx").graph
    tensors = {t.name: t for t in graph.initializer}
    made = {name: node for node in graph.node for name in node.output}
    layers = [n for n in graph.node if n.op_type in {"Conv", "Gemm"}]
    *quantised, last = layers
    assert "logits" in last.output
    assert not any("Quantize" in made[n].op_type for n in last.input if n in made)
    for node in quantised:
        pixels, weight = (made[name] for name in node.input[:2])
        assert pixels.op_type == weight.op_type == "DequantizeLinear"
        assert tensors[weight.input[0]].data_type == TensorProto.INT8
        assert list(tensors[weight.input[1]].dims) == [tensors[weight.input[0]].dims[0]]
        assert tensors[pixels.input[2]].data_type == TensorProto.UINT8
    (softmax,) = [n for n in graph.node if n.op_type == "Softmax"]
    assert list(softmax.input) == ["logits"]


def test_normalisation_in_one_node_is_the_same(directory: Path, tmp_path: Path) -> None:
    """The 8-bit graph up to its first quantisation, and the float32 graph up to its first layer."""
    images = pictures(2, 32, 1, seed=9)
    found = []
    for precision, after in (("fp32", "Conv"), ("int8", "QuantizeLinear")):
        model = onnx.load(directory / f"model.{precision}.onnx")
        name = next(n for n in model.graph.node if n.op_type == after).input[0]
        model.graph.output.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, None))
        onnx.save(model, tmp_path / "graph.onnx")
        session = ort.InferenceSession(tmp_path / "graph.onnx", providers=["CPUExecutionProvider"])
        found += session.run([name], {"images": images, "asked": np.full((2, 5), -1)})
    assert np.ptp(found[0]) > 1
    assert np.abs(found[0] - found[1]).max() < 1e-5


@pytest.fixture
def bad_calibration(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ranges from pictures of the mean pixel leave no room for a digit."""

    def grey(float32: Path, file: Path, images: Iterator[Bytes], top: int) -> None:
        quantise(float32, file, (np.full_like(batch, 235) for batch in images), top)

    monkeypatch.setattr(judged, "quantise", grey)


@pytest.mark.usefixtures("bad_calibration")
def test_what_fails_its_gate_is_refused_with_the_figures_and_the_others_are_published(
    tmp_path: Path,
) -> None:
    command = ["lenet5_plain", "--precision", "fp16 int8", "--artifacts", str(tmp_path)]
    out = CliRunner().invoke(cli, command)
    assert out.exit_code == 1
    assert "lenet5_plain in int8 is not published: " in out.stderr
    assert "of 359 held-out digits are right, with float32 99.7%, and it may lose 1 points" in (
        out.stderr
    )
    home = tmp_path / "lenet5_plain" / "1"
    assert ModelCard.read(home / CARD).precisions == ("fp32", "fp16")
    assert sorted(f.name for f in home.glob("*.onnx")) == ["model.fp16.onnx", "model.fp32.onnx"]


def test_without_held_out_pictures_only_float32_is_published(tmp_path: Path) -> None:
    command = ["lenet5_plain", "--weights", "random", "--precision", "int8"]
    out = CliRunner().invoke(cli, [*command, "--artifacts", str(tmp_path)])
    assert out.exit_code == 1
    assert "no held-out pictures can show what it costs the weights 'random'" in out.stderr
    assert ModelCard.read(tmp_path / "lenet5_plain" / "1" / CARD).precisions == ("fp32",)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--precision", "fp32,int4"], "['int4'] is no precision: fp32, fp16, int8"),
        (["--precision", "int8", "--missing"], "--missing looks for networks only"),
    ],
)
def test_a_wrong_precision_is_said_before_anything_is_done(
    tmp_path: Path, options: list[str], said: str
) -> None:
    out = CliRunner().invoke(cli, ["lenet5_plain", *options, "--artifacts", str(tmp_path)])
    assert out.exit_code == 2
    assert said in " ".join(out.stderr.split())
    assert list(tmp_path.iterdir()) == []


def test_only_weights_of_that_data_and_its_pixels_can_be_judged(card: ModelCard) -> None:
    assert held_out_data(card) == "digits"
    for other in (
        replace(card, weights=replace(card.weights, name="scenes-v1")),
        replace(card, weights=replace(card.weights, trained=False)),
        replace(card, preprocessing=replace(card.preprocessing, mean=(0.5,))),
        replace(card, labels=tuple("abcdefghij")),
    ):
        with pytest.raises(Refused):
            held_out_data(other)


@pytest.mark.parametrize(
    ("precision", "wrong", "passes"),
    [("fp16", 2, True), ("fp16", 3, False), ("int8", 20, True), ("int8", 21, False)],
)
def test_the_gates_are_a_tenth_of_a_point_and_one_point(
    precision: Precision, wrong: int, *, passes: bool
) -> None:
    found = Compared("scenes", 2000, (1974 - wrong) / 2000, 1974 / 2000, 1.0, 1.0)
    if passes:
        judge(precision, found)
    else:
        with pytest.raises(Refused, match=r"with float32 98\.7%"):
            judge(precision, found)
    judge(precision, replace(found, top1=1.0))


@pytest.mark.parametrize("data", ["digits", "scenes"])
def test_no_picture_of_the_test_calibrates(data: Data, monkeypatch: pytest.MonkeyPatch) -> None:
    splits = []

    def noting(real: Callable[..., object]) -> Callable[..., object]:
        def noted(split: str, *arguments: int) -> object:
            splits.append(split)
            return real(split, *arguments)

        return noted

    monkeypatch.setattr(judged, "scenes", noting(scenes))
    monkeypatch.setattr(judged, "plain_digits", noting(plain_digits))
    monkeypatch.setattr(judged, "CALIBRATION", 20)
    shown = np.concatenate(list(calibration(data)))
    assert set(splits) == {"train"}
    assert shown.dtype == np.uint8
    assert len(shown) == (40 if data == "digits" else 20)
    if data == "digits":
        test = plain_digits("test")[0]
        tested = {image.tobytes() for image in (*test, *(255 - test))}
        assert not tested & {image.tobytes() for image in shown}


def test_maps_are_compared_by_pearsons_correlation() -> None:
    one = np.random.default_rng(1).normal(size=(5, 4, 3)).astype(np.float32)
    other = one + np.random.default_rng(2).normal(size=one.shape).astype(np.float32)
    expected = [np.corrcoef(a.ravel(), b.ravel())[0, 1] for a, b in zip(one, other, strict=True)]
    assert pearson(one, other) == pytest.approx(expected, abs=1e-5)
    assert pearson(one, -2 * one + 1) == pytest.approx(-1, abs=1e-5)
    assert (pearson(one, np.ones_like(one)) == 0).all()


@pytest.mark.slow
def test_squeezenet_passes_in_8_bits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(judged, "IMAGES", 200)
    card = export(Recipe("squeezenet1_1", max_batch=2, precisions=("int8",)), tmp_path, QUIET)
    found = card.artifacts["onnx_int8"].compared
    assert found is not None
    assert found.images == 200
    assert found.agreement >= 0.98
    assert found.maps > 0.99
