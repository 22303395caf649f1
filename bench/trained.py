"""python -m bench.trained: the shipped networks measured as they are served, in every precision.

Writes docs/trained.md (`bench/trained_page.py`) and the pictures in docs/maps. Only what has new
weights is measured, or what is named.
"""

import dataclasses
import statistics
import tempfile
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console

from bench import rounds
from bench.machine import machine
from bench.precision import measure as measure_rates
from bench.trained_page import MAPS, PRECISIONS, Measured, read, write
from export.publish import Recipe, export
from models.card import ModelCard
from service.engines import open_engine
from training.evaluate import examine, from_engine
from training.held_out import SCENES, held_out
from training.recipe import Data
from training.sheet import sheet

SECONDS: Final = 1.5  # of each precision and round, for its images/s
ROUNDS: Final = 5

console = Console(stderr=True)


def measure(network: str, data: Data) -> Measured:
    """Exports, compares, evaluates, paints and times the shipped weights: minutes a network."""
    with tempfile.TemporaryDirectory() as temporary:
        artifacts = Path(temporary)
        card = export(Recipe(network, data, precisions=PRECISIONS), artifacts, console)
        metrics = _evaluated(card, artifacts / network / str(card.version), data)
        rates = _rates(card, artifacts)
    compared = {a.precision: a.compared for a in card.artifacts.values() if a.compared}
    here = machine()
    return Measured(
        sha256=card.weights.sha256,
        metrics=metrics,
        top1={"fp32": metrics["top1"], **{p: c.top1 for p, c in compared.items()}},
        agreement={p: c.agreement for p, c in compared.items()},
        maps={p: c.maps for p, c in compared.items()},
        rates=rates,
        where=f"{here.when[:10]}, {here.cpu}, load {here.load or 0:.1f} on {here.cores} cores",
    )


def _evaluated(card: ModelCard, directory: Path, data: Data) -> dict[str, float]:
    """The metrics of float32; paints its maps, if there are boxes to judge them by."""
    engine = open_engine("ort", card, directory, device="cpu", lanes=1)
    try:
        answer = from_engine(engine)
        found = examine(answer, held_out(data, SCENES), explained=card.explained)
        if "energy_inside" in found.values:
            MAPS.mkdir(exist_ok=True)
            file = MAPS / f"{card.architecture}.png"
            sheet(answer, found, card.explained).save(file, optimize=True)
    finally:
        engine.close()
    return found.metrics


def _rates(card: ModelCard, artifacts: Path) -> dict[str, float]:
    """Medians over the rounds; nothing if there is nothing to compare."""
    if len(card.precisions) < 2:
        return {}
    report = measure_rates(
        artifacts, [card.name], seconds=SECONDS, rounds=ROUNDS, progress=rounds.silent
    )
    return {s.name: statistics.median(sample.rate for sample in s.samples) for s in report.bare}


def main(
    networks: Annotated[list[str] | None, typer.Argument(help="To measure again.")] = None,
) -> None:
    """Measures those networks and whatever has new weights; writes docs/trained.md.

    Example: `python -m bench.trained`
    """
    rows = read()
    if unknown := set(networks or []) - {row.name for row in rows if row.file.exists()}:
        raise typer.BadParameter(f"no weights of {', '.join(sorted(unknown))} are shipped")
    for i, row in enumerate(rows):
        if row.stale or row.name in (networks or []):
            console.print(f"measuring {row.name} on {row.data}")
            rows[i] = dataclasses.replace(row, measured=measure(row.name, row.data))
            write(rows)
    write(rows)


if __name__ == "__main__":
    typer.run(main)
