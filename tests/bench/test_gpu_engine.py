"""The engine bench on a GPU, all but CUDA: who takes part, what is told, and torch on the CPU."""

import json
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from rich.console import Console
from typer.testing import CliRunner

from bench.__main__ import cli
from bench.gpu import command, engine, lineup, report
from bench.gpu.loop import RESIDENT, Form, GpuPlan, Loop, Step
from bench.loadgen import NotMeasured
from bench.machine import machine
from bench.report import save
from bench.rounds import silent
from models.card import ModelCard, Precision
from service import engines
from service.engines import DeviceOutOfMemory, Engine
from service.engines.device import no_driver
from service.engines.null import NullEngine

H200 = "NVIDIA H200"
Exported = tuple[ModelCard, Path]


class Fake:
    """Two lanes of the null engine that take part as if it were a GPU's."""

    precision: Precision = "fp16"
    lanes = 2
    max_batch = 128

    def __init__(self, card: ModelCard, directory: Path, plan: GpuPlan) -> None:
        del directory, plan
        self.engine: Engine = NullEngine(card)
        self.threads: set[int] = set()
        self.closed = False

    def run(self, images: NDArray[np.uint8], asked: NDArray[np.int64]) -> object:
        self.threads.add(threading.get_ident())
        return self.engine.run(images, asked)

    def resident(self, images: NDArray[np.uint8], asked: NDArray[np.int64]) -> list[Step]:
        return [lambda: self.run(images, asked)] * self.lanes

    def close(self) -> None:
        self.closed = True


class Small(Fake):
    def run(self, images: NDArray[np.uint8], asked: NDArray[np.int64]) -> object:
        if len(images) > 1:
            raise DeviceOutOfMemory("the GPU has no memory left (cudaMalloc)")
        return super().run(images, asked)


def missing(*_: object) -> Fake:
    raise ImportError("No module named 'tensorrt'")


@pytest.fixture
def lined_up(monkeypatch: pytest.MonkeyPatch) -> list[Fake]:
    """The competitors, each of which will be the fake or its relative."""
    opened: list[Fake] = []

    def remembered(kind: type[Fake]) -> Callable[[ModelCard, Path, GpuPlan], Fake]:
        def opening(*arguments: ModelCard | Path | GpuPlan) -> Fake:
            opened.append(kind(*arguments))  # type: ignore[arg-type]
            return opened[-1]

        return opening

    monkeypatch.setattr(engines, "no_driver", lambda: None)
    monkeypatch.setattr(
        lineup,
        "COMPETITORS",
        {
            "TensorRT": (remembered(Fake), "tensorrt"),
            "ONNX Runtime": (remembered(Small), "gpu"),
            "torch.compile": (missing, "export"),
        },
    )
    return opened


def plan(artifacts: Path, batches: list[int], rounds: int = 2) -> GpuPlan:
    return GpuPlan(artifacts, ["toy"], "fp16", 0.01, rounds, batches)


def test_paths_are_told_apart_and_who_is_absent_says_why(
    artifacts: Path, lined_up: list[Fake]
) -> None:
    found = engine.measure(plan(artifacts, [1, 128, 256]), H200, silent)
    assert [str(form) for form in found.forms] == [
        "TensorRT fp16, device-resident, batch 1",
        "TensorRT fp16, uint8 in, batch 1",
        "TensorRT fp16, JPEG in, batch 1",
        "TensorRT fp16, device-resident, batch 128",
        "TensorRT fp16, uint8 in, batch 128",
        "TensorRT fp16, JPEG in, batch 128",
        "ONNX Runtime fp16, device-resident, batch 1",
        "ONNX Runtime fp16, uint8 in, batch 1",
        "ONNX Runtime fp16, JPEG in, batch 1",
    ]
    assert [s.name for s in found.bare] == [str(form) for form in found.forms]
    assert all(len(s.samples) == 2 for s in found.bare)
    told = {a.who: a.why for a in found.absent}
    assert list(told) == [
        "TensorRT, batch 256",
        "ONNX Runtime, batch 128",
        "ONNX Runtime, batch 256",
        "torch.compile",
    ]
    assert "--max-batch 256" in told["TensorRT, batch 256"]
    assert "no memory left" in told["ONNX Runtime, batch 128"]
    assert "install the extra `export`" in told["torch.compile"]
    assert [fake.closed for fake in lined_up] == [True, True]


def test_bounds_stand_beside_the_figures(artifacts: Path, lined_up: list[Fake]) -> None:
    found = engine.measure(plan(artifacts, [128], rounds=1), H200, silent)
    assert lined_up
    resident, uploaded, decoded = found.bounds
    assert resident
    assert uploaded
    assert decoded == uploaded
    assert resident.by == "memory"
    assert uploaded.by == "PCIe"
    assert uploaded.rate == 64e9 / (32 * 32 * 1)
    out = Console(record=True, width=200)
    report.show(found, out)
    text = out.export_text()
    assert "data sheet" in text
    assert f"{uploaded.rate:,.0f} (PCIe)" in text
    assert [title in text for title in report.TITLES.values()] == [True] * 3
    assert "absent: toy, torch.compile" in text


def test_an_unknown_gpu_has_no_bound(artifacts: Path, lined_up: list[Fake], tmp_path: Path) -> None:
    found = engine.measure(plan(artifacts, [1], rounds=1), "NVIDIA H3", silent)
    assert lined_up
    assert set(found.bounds) == {None}
    out = Console(record=True, width=200)
    report.show(found, out)
    assert "unknown GPU: no bound" in out.export_text()
    save(found, tmp_path / "gpu.json")
    written = json.loads((tmp_path / "gpu.json").read_text())
    assert (written["gpu"], written["settings"]["device"]) == ("NVIDIA H3", "cuda")
    assert written["forms"][0]["path"] == RESIDENT
    assert {a["who"] for a in written["absent"]} == {"torch.compile"}


def test_versions_of_the_gpu_s_libraries_and_driver_are_told(tmp_path: Path) -> None:
    driver = tmp_path / "version"
    driver.write_text("NVRM version: NVIDIA UNIX x86_64 Kernel Module  580.1\nGCC version:\n")
    here = machine()
    found = engine.with_gpu(here, driver).versions
    assert found["torch"]
    assert found["driver"].endswith("Module  580.1")
    assert found.items() >= here.versions.items()
    assert "driver" not in engine.with_gpu(here, tmp_path / "none").versions


def test_nothing_that_runs_is_no_report(
    artifacts: Path, lined_up: list[Fake], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lineup, "COMPETITORS", {"TensorRT": (missing, "tensorrt")})
    with pytest.raises(NotMeasured, match=r"toy, TensorRT: .*install the extra `tensorrt`"):
        engine.measure(plan(artifacts, [1]), H200, silent)
    assert lined_up == []


def test_ctrl_c_keeps_what_is_there_and_ends(artifacts: Path, lined_up: list[Fake]) -> None:
    turns = []

    def interrupted(done: int, _total: int, who: str) -> None:
        turns.append(who)
        if done == 7:  # in the second of two rounds of six turns
            raise KeyboardInterrupt

    twice = GpuPlan(artifacts, ["toy", "toy"], "fp16", 0.01, 2, [1])
    found = engine.measure(twice, H200, interrupted)
    assert [len(s.samples) for s in found.bare] == [1] * 6
    assert len(turns) == 8
    assert [w.name for w in found.warnings if w.name == "cut short"] == ["cut short"]
    assert all(fake.closed for fake in lined_up)


def test_a_loop_counts_whole_batches_on_all_its_lanes() -> None:
    seen: list[int] = []
    both = threading.Barrier(2, timeout=10)

    def step() -> None:
        both.wait()
        seen.append(threading.get_ident())
        if len(seen) > 6:
            both.abort()

    form = Form("TensorRT", "fp16", RESIDENT, 8)
    sample = Loop("toy", form, [step, step]).measure(0)  # one run a lane, and at once
    assert len(set(seen)) == 2
    assert sample.count == 16
    assert 0 < sample.p50 <= sample.p99
    assert sample.rate >= 16 / (2 * sample.p99)
    alone = Loop("toy", form, [lambda: seen.append(threading.get_ident())])
    alone.measure(0)
    assert seen[-1] == threading.get_ident()  # torch wants its graphs on one thread


def test_without_a_driver_one_line_says_so(artifacts: Path) -> None:
    if not no_driver():
        pytest.skip("there is a driver")
    result = CliRunner().invoke(
        cli, ["engine", "toy", "--device", "cuda", "--artifacts", str(artifacts)]
    )
    assert result.exit_code == 1
    assert result.output.count("\n") == 1
    assert str(no_driver()) in result.output


@pytest.mark.parametrize(
    "option", [["--device", "cuda", "--engine", "ort"], ["--precision", "fp16"]]
)
def test_options_of_the_other_device_are_refused(option: list[str]) -> None:
    result = CliRunner().invoke(cli, ["engine", "toy", *option])
    assert result.exit_code == 2
    assert "is for" in result.output


def test_the_command_measures_shows_and_saves(
    artifacts: Path, lined_up: list[Fake], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from service.engines.device import Gpu

    monkeypatch.setattr(command, "no_driver", lambda: None)
    monkeypatch.setattr(command, "gpu", lambda: Gpu(H200, "9.0", 1))
    file = tmp_path / "gpu.json"
    quick = ["--seconds", "0.1", "--rounds", "1", "--batches", "1", "--json", str(file)]
    result = CliRunner().invoke(
        cli, ["engine", "toy", "--device", "cuda", "--artifacts", str(artifacts), *quick]
    )
    assert result.exit_code == 0, result.output
    assert lined_up
    assert "Device-resident" in result.output
    assert json.loads(file.read_text())["gpu"] == H200
