"""The engine bench on a GPU: three paths, every size of batch, everybody in the same rounds.

One model after the other, so that its engines have the GPU's memory for themselves.
"""

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from bench import warnings
from bench.bare import newest
from bench.gpu.artifacts import prepared
from bench.gpu.goals import verdicts
from bench.gpu.lineup import lineup
from bench.gpu.loop import RESIDENT, Absent, Form, GpuPlan
from bench.gpu.report import GpuReport
from bench.loadgen import NotMeasured
from bench.machine import Machine, installed, machine
from bench.roofline import GPUS, Bound, Work, bound
from bench.rounds import Progress, interleave
from bench.samples import Series
from models.card import CARD, ModelCard

LIBRARIES = ("tensorrt", "tensorrt-cu13-bindings", "onnxruntime-gpu", "torch", "cuda-bindings")
DRIVER = Path("/proc/driver/nvidia/version")

Row = tuple[Form, Series, Bound | None]


def measure(plan: GpuPlan, gpu: str, progress: Progress) -> GpuReport:
    """Everything on the GPU of that name. Ctrl-C keeps what is there.

    Raises `FileNotFoundError` for a model that is not exported, `NotMeasured` if nothing runs.
    """
    here = with_gpu(machine(), DRIVER)
    directories = [newest(plan.artifacts, model) for model in plan.models]
    rows: list[Row] = []
    absent: list[Absent] = []
    for directory in directories:
        found, missing = of_model(directory, plan, gpu, progress)
        rows, absent = rows + found, absent + missing
        if any(len(series.samples) < plan.rounds for _, series, _ in found):
            break  # Ctrl-C
    if not rows:
        why = "; ".join(f"{a.model}, {a.who}: {a.why}" for a in absent)
        raise NotMeasured(f"nothing runs on this GPU. {why}")
    return report(plan, gpu, here, rows, absent)


def of_model(
    directory: Path, plan: GpuPlan, gpu: str, progress: Progress
) -> tuple[list[Row], list[Absent]]:
    """All of one model; in the end nothing of it is left on the GPU."""
    card = ModelCard.read(directory / CARD)
    with ExitStack() as stack:
        work = Path(stack.enter_context(TemporaryDirectory(prefix="bench-")))
        loops, absent = lineup(*prepared(card, directory, plan, work), plan, stack)
        series = interleave(loops, rounds=plan.rounds, seconds=plan.seconds, progress=progress)
    forms = [loop.form for loop in loops]
    return list(zip(forms, series, limits(card, forms, gpu), strict=True)), absent


def limits(card: ModelCard, forms: Sequence[Form], gpu: str) -> list[Bound | None]:
    """What each form cannot go beyond; None on a GPU whose figures are not known."""
    if gpu not in GPUS:
        return [None for _ in forms]
    work = Work.of(card)
    return [bound(work, GPUS[gpu], f.precision, f.batch, upload=f.path != RESIDENT) for f in forms]


def with_gpu(here: Machine, driver: Path) -> Machine:
    """The machine with the versions of what runs on its GPU; `driver` is where Linux tells it."""
    versions = {name: found for name in LIBRARIES if (found := installed(name))}
    if driver.exists():
        versions["driver"] = driver.read_text().splitlines()[0]
    return replace(here, versions=here.versions | versions)


def report(
    plan: GpuPlan, gpu: str, here: Machine, rows: Sequence[Row], absent: list[Absent]
) -> GpuReport:
    series = [series for _, series, _ in rows]
    return GpuReport(
        scenario="engine",
        settings=asdict(plan) | {"artifacts": plan.artifacts.name, "device": "cuda"},
        machine=here,
        bare=series,
        served=[],
        null=[],
        verdicts=list(verdicts([(form, series) for form, series, _ in rows])),
        warnings=[
            *warnings.of_machine(here),
            *warnings.of_rounds(min(len(s.samples) for s in series), plan.rounds),
            *warnings.of_series(series),
        ],
        gpu=gpu,
        forms=[form for form, _, _ in rows],
        bounds=[limit for _, _, limit in rows],
        absent=absent,
    )
