"""The builder runs in a child that may fail; every precision is a form that it takes."""

import io
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper
from rich.console import Console

from export import plan_table
from export.plan_from_onnx import Build, BuildFailed, Built, plan_from_onnx
from export.plan_publish import typed
from export.precision import beside, calibration, judge
from models.card import CARD, ModelCard, Precision
from models.weights.random_weights import pictures
from service.engines import open_engine

QUIET = Console(quiet=True)
PRECISIONS: tuple[Precision, ...] = ("fp32", "fp16", "int8")


# the child process, with a library that stands for TensorRT


@pytest.fixture
def build(exported: Path, tmp_path: Path) -> Build:
    return Build(
        onnx=exported / "model.fp32.onnx",
        plan=tmp_path / "plan",
        timing_cache=tmp_path / "timing.cache",
        log=tmp_path / "log",
        max_batch=4,
        limit_s=60,
    )


def stand_in(library: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "tensorrt.py").write_text(library)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))


@pytest.mark.parametrize(
    ("library", "said"),
    [
        ("import os; print('printed', flush=True); os.abort()", "its process ended with -6"),
        ("print('printed'); raise ImportError('libnvinfer')", "its process ended with 1"),
    ],
    ids=["crashes", "cannot be loaded"],
)
def test_a_builder_that_fails_ends_alone_and_its_log_is_kept(
    build: Build, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, library: str, said: str
) -> None:
    stand_in(library, tmp_path, monkeypatch)
    with pytest.raises(BuildFailed, match=said) as error:
        plan_from_onnx(build, QUIET)
    assert f"Its log: {build.log}" in str(error.value)
    assert "printed" in build.log.read_text()
    assert not build.plan.exists()


def test_a_builder_that_hangs_is_ended(
    build: Build, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_in("import time; time.sleep(600)", tmp_path, monkeypatch)
    with pytest.raises(BuildFailed, match=r"it took more than 0\.5 s"):
        plan_from_onnx(replace(build, limit_s=0.5), QUIET)


# the real builder


def no_builder() -> str | None:
    """Why TensorRT builds nothing here; asked in a child, which it may take down."""
    probe = "import tensorrt as t; t.Builder(t.Logger(t.Logger.ERROR))"
    done = subprocess.run(
        [sys.executable, "-c", probe], capture_output=True, text=True, check=False
    )
    return (done.stderr.strip() or f"ended with {done.returncode}") if done.returncode else None


@pytest.fixture(scope="module")
def tensorrt() -> None:
    if reason := no_builder():
        pytest.skip(f"TensorRT builds nothing here: {reason.splitlines()[-1]}")


@pytest.mark.tensorrt
@pytest.mark.usefixtures("tensorrt")
@pytest.mark.parametrize("precision", PRECISIONS)
def test_every_precision_builds_with_its_bars_and_its_log(
    build: Build, precision: Precision, tmp_path: Path
) -> None:
    images = [pictures(4, 32, 1, seed=1)]
    form = typed(precision, build.onnx, tmp_path, images, top=5)
    terminal = Console(force_terminal=True, width=100, record=True, file=io.StringIO())
    built = plan_from_onnx(replace(build, onnx=form), terminal)
    assert built.library.startswith("TensorRT")
    assert built.layers > 50
    assert build.plan.stat().st_size > 1e5
    assert "Engine generation completed" in build.log.read_text()
    assert "Building engine" in terminal.export_text()


@pytest.mark.tensorrt
@pytest.mark.usefixtures("tensorrt")
def test_a_timing_cache_that_does_not_fit_is_replaced(build: Build) -> None:
    build.timing_cache.write_bytes(b"of another TensorRT")
    plan_from_onnx(build, QUIET)
    assert build.timing_cache.read_bytes() != b"of another TensorRT"
    plan_from_onnx(build, QUIET)  # with the new one


@pytest.mark.tensorrt
@pytest.mark.usefixtures("tensorrt")
@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda graph: setattr(graph.node[-1], "op_type", "Elsewhere"), "Elsewhere"),
        (lambda graph: graph.initializer.pop(), "its parser refuses the file"),
    ],
    ids=["unknown operator", "no weights"],
)
def test_what_the_parser_refuses_is_told(
    build: Build, tmp_path: Path, change: Callable[[onnx.GraphProto], object], said: str
) -> None:
    model = onnx.load(build.onnx)
    change(model.graph)
    onnx.save(model, tmp_path / "broken.onnx")
    with pytest.raises(BuildFailed, match="its parser refuses the file") as error:
        plan_from_onnx(replace(build, onnx=tmp_path / "broken.onnx"), QUIET)
    assert said in str(error.value)


# 8 bits as TensorRT takes them


def test_for_tensorrt_everything_is_signed_around_zero_and_biases_stay_float(
    exported: Path, tmp_path: Path
) -> None:
    images = [pictures(4, 32, 1, seed=1)]
    graph = onnx.load(typed("int8", exported / "model.fp32.onnx", tmp_path, images, top=5)).graph
    tensors = {t.name: t for t in graph.initializer}
    scaled = [n for n in graph.node if n.op_type in {"QuantizeLinear", "DequantizeLinear"}]
    zeros = [numpy_helper.to_array(tensors[node.input[2]]) for node in scaled]
    assert len(zeros) >= 15
    assert {zero.dtype.name for zero in zeros} == {"int8"}
    assert not any(zero.any() for zero in zeros)
    biases = [n.input[2] for n in graph.node if n.op_type in {"Conv", "Gemm"}]
    assert {tensors[name].data_type for name in biases} == {onnx.TensorProto.FLOAT}


def test_a_constant_that_is_added_is_not_quantised(exported: Path, tmp_path: Path) -> None:
    """As local response normalisation has one: TensorRT refuses it, and nothing is gained."""
    model = onnx.load(exported / "model.fp32.onnx")
    graph = model.graph
    place = next(i for i, node in enumerate(graph.node) if node.op_type == "AveragePool")
    pool = graph.node[place].output[0]
    for node in graph.node:
        node.input[:] = ["added" if name == pool else name for name in node.input]
    graph.initializer.append(numpy_helper.from_array(np.array(2, np.float32), "two"))
    graph.node.insert(place + 1, helper.make_node("Add", [pool, "two"], ["added"], name="add_two"))
    onnx.save(model, tmp_path / "model.onnx")
    images = [pictures(4, 32, 1, seed=1)]
    made = onnx.load(typed("int8", tmp_path / "model.onnx", tmp_path, images, top=5)).graph
    (add,) = [node for node in made.node if node.name == "add_two"]
    assert "two" in add.input


def test_for_tensorrt_8_bits_pass_their_gate(exported: Path, tmp_path: Path) -> None:
    """With ONNX Runtime, whose arithmetic is the same; on a GPU the plan itself is judged."""
    card = ModelCard.read(exported / CARD)
    onnx_fp32 = exported / "model.fp32.onnx"
    file = typed("int8", onnx_fp32, tmp_path, calibration("digits"), card.explained)
    signed = replace(card.artifacts["onnx"], file=file.name, precision="int8")
    engines = [
        open_engine("ort", card, exported, device="cpu", lanes=1),
        open_engine(
            "ort", replace(card, artifacts={"onnx": signed}), tmp_path, device="cpu", lanes=1
        ),
    ]
    found = beside(engines[1], engines[0], "digits", card.explained)
    for engine in engines:
        engine.close()
    assert found.images == 359
    judge("int8", found)


def test_the_table_tells_what_went_wrong(exported: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(wanted: Build, _console: Console) -> Built:
        raise BuildFailed(wanted, "its parser refuses the file: Elsewhere")

    monkeypatch.setattr(plan_table, "plan_from_onnx", refuse)
    found = plan_table.build(exported, "fp32", 60, QUIET)
    line = plan_table.table({"lenet5_plain": {"fp32": found}}).splitlines()[2]
    assert line == (
        "| `lenet5_plain` | 38 | 0 | no | not tried | not tried "
        "| fp32: its parser refuses the file: Elsewhere |"
    )
