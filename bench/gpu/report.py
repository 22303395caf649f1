"""What was measured on a GPU as tables, one a path, so that no figure stands beside another's."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from rich.console import Console

from bench.gpu.loop import DECODED, RESIDENT, UPLOADED, Absent, DataPath, Form
from bench.report import CPU, Column, Report, figure, judged, median, table
from bench.roofline import GPUS, Bound
from bench.samples import Series

TITLES: dict[DataPath, str] = {
    RESIDENT: "Device-resident: the network alone, pixels and answers on the GPU",
    UPLOADED: "uint8 in: pixels from the host, answers to the host",
    DECODED: "JPEG in: decoded on the CPU, then as uint8 in",
}
Bounds = Mapping[tuple[str, str], Bound | None]  # of a series' model and name


@dataclass(frozen=True, slots=True)
class GpuReport(Report):
    """`forms` and `bounds` are those of the series in `bare`, in the same order."""

    gpu: str
    forms: list[Form]
    bounds: list[Bound | None]
    absent: list[Absent]


def show(report: GpuReport, out: Console) -> None:
    m = report.machine
    out.print(f"{report.gpu}, {m.cpu}, {m.cores} cores, Python {m.python}, commit {m.commit}")
    out.print(", ".join(f"{name} {version}" for name, version in m.versions.items()))
    known = GPUS.get(report.gpu)
    out.print(f"bounds: {known.source}" if known else "unknown GPU: no bound")
    keys = [(s.model, s.name) for s in report.bare]
    columns = figures(dict(zip(keys, report.bounds, strict=True)))
    for path, title in TITLES.items():
        rows = zip(report.forms, report.bare, strict=True)
        series = [s for form, s in rows if form.path == path]
        out.print(table(title, series, columns, out))
    if report.verdicts:
        goals = judged(report.verdicts, out)
        goals.title = "Goals, which are those of an H200"
        out.print(goals)
    for a in report.absent:
        out.print(f"[yellow]absent: {a.model}, {a.who}[/]: {a.why}", soft_wrap=True)
    for warning in report.warnings:
        out.print(f"[yellow]warning: {warning.name}[/]: {warning.detail}", soft_wrap=True)


def figures(bounds: Bounds) -> tuple[Column, ...]:
    def limited(tell: Callable[[Series, Bound], str]) -> Callable[[Series], str]:
        def cell(s: Series) -> str:
            bound = bounds[s.model, s.name]
            return tell(s, bound) if bound else "-"

        return cell

    return (
        ("images/s", lambda s: figure(s.rate(), digits=0)),
        ("p50 ms", lambda s: median(s.of("p50"), 1e3, 3)),
        ("p99 ms", lambda s: median(s.of("p99"), 1e3, 3)),
        CPU,
        ("bound", limited(lambda _, bound: f"{bound.rate:,.0f} ({bound.by})")),
        ("of bound %", limited(lambda s, bound: median(s.rate(), 100 / bound.rate, 1))),
    )
