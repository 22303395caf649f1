"""The precisions of a network side by side: the engine alone, one core, one image a run."""

from collections.abc import Iterator
from pathlib import Path
from typing import cast

from rich.console import Console

from bench import warnings
from bench.bare import MAX_PIXELS, Bare, newest
from bench.machine import machine
from bench.photograph import photograph
from bench.report import CPU, Column, Report, figure, table
from bench.rounds import Progress, interleave
from bench.samples import Series, Spread, paired, spread
from models.card import CARD, ModelCard
from service.engines import open_engine
from service.images import decode


def measure(
    artifacts: Path, models: list[str], *, seconds: float, rounds: int, progress: Progress
) -> Report:
    """All precisions of the newest versions, in the same rounds.

    Raises `FileNotFoundError` for a model that is not exported, or in float32 only.
    """
    here = machine()
    loops = [loop for model in models for loop in forms(newest(artifacts, model))]
    series = interleave(loops, rounds=rounds, seconds=seconds, progress=progress)
    warned = [
        *warnings.of_machine(here),
        *warnings.of_rounds(min((len(s.samples) for s in series), default=0), rounds),
        *warnings.of_series(series),
    ]
    settings = {"models": models, "seconds": seconds, "rounds": rounds}
    return Report("precision", settings, here, series, [], [], [], warned)


def forms(directory: Path) -> Iterator[Bare]:
    """One loop a precision, each named for it; the picture is decoded before."""
    card = ModelCard.read(directory / CARD)
    if len(card.precisions) < 2:
        raise FileNotFoundError(
            f"{card.name} has nothing to compare: run `python -m export {card.architecture} "
            f"--precision fp16,int8 --artifacts {directory.parent.parent}`"
        )
    pixels = decode(photograph(), card.preprocessing, MAX_PIXELS).pixels
    for precision in card.precisions:
        engine = open_engine("ort", card, directory, device="cpu", lanes=1, precision=precision)
        yield Bare(card, engine, lambda: pixels, threads=1, batch=1, name=precision)


def ratio(series: Series, everybody: list[Series]) -> Spread:
    """Its rate by float32's of the same rounds."""
    float32 = next(s for s in everybody if (s.model, s.name) == (series.model, "fp32"))
    found = spread([mine.rate / its.rate for mine, its in paired(series, float32)])
    return cast("Spread", found)  # there is a round


def show(report: Report, out: Console) -> None:
    m = report.machine
    out.print(f"{m.cpu}, {m.cores} cores, {m.system}, Python {m.python}, commit {m.commit}")
    columns: tuple[Column, ...] = (
        ("images/s", lambda s: figure(s.rate(), digits=1)),
        ("times fp32, by round", lambda s: figure(ratio(s, report.bare))),
        CPU,
    )
    out.print(table("The engine alone: one core, one image a run", report.bare, columns, out))
    for warning in report.warnings:
        out.print(f"[yellow]warning: {warning.name}[/]: {warning.detail}", soft_wrap=True)
