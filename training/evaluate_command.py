"""`python -m training evaluate`: what is served, measured as it is served."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Final, Literal

import torch
import typer
from rich.console import Console
from rich.progress import Progress

from models.card import CARD, EXPLAINED, CardError, Checkpoint, ModelCard, Preprocessing
from models.weights import SHIPPED
from service.engines import EngineUnavailable
from service.settings import Settings
from service.version import open_version
from service.version import read as read_version
from training import results
from training.digits import LABELS
from training.evaluate import BATCH, Answer, examine, from_engine, from_network, light_on_dark
from training.feed import PREPROCESSING
from training.folder import DataError, folder
from training.held_out import SCENES, HeldOut, held_out, held_out_folder
from training.recipe import Data
from training.results import Measured
from training.ship import load

EngineName = Literal["ort", "pytorch"]
DATA: Final[tuple[Data, ...]] = ("digits", "scenes")

console = Console()


@dataclass(frozen=True, slots=True)
class Subject:
    """What is measured. `directory` and `version` are None for weights that are not exported."""

    answer: Answer
    card: Checkpoint | ModelCard
    directory: Path | None
    version: int | None
    engine: str
    precision: str
    max_batch: int


def evaluate_command(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="as in `make export MODELS=...`")],
    data: Annotated[
        str | None,
        typer.Option(
            metavar="digits|scenes|FOLDER",
            help="held-out pictures, or a folder of pictures a class; by default what it learned",
        ),
    ] = None,
    engine: Annotated[EngineName, typer.Option(help="which of the service's engines")] = "ort",
    artifacts: Annotated[Path, typer.Option(help="where models are exported")] = Path("artifacts"),
    version: Annotated[int | None, typer.Option(help="by default the newest")] = None,
    images: Annotated[
        int | None, typer.Option(min=1, help=f"pictures; default {SCENES} scenes, a whole folder")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="directory for results.json, per_class.csv, confusion.png")
    ] = None,
    write: Annotated[bool, typer.Option("--write", help="put the metrics on its card")] = False,
) -> None:
    """Measures an exported model through the engine that serves it, or else shipped weights.

    Top-1, top-5, expected calibration error, each class; for scenes also how well maps point.
    """
    torch.set_num_threads(1)
    try:
        with _subject(model, data, engine, artifacts, version) as subject:
            _evaluate(model, subject, _held_out(subject.card, data, images), out, write=write)
    except (DataError, CardError, EngineUnavailable, FloatingPointError) as error:
        raise typer.BadParameter(str(error)) from None


def _evaluate(
    model: str, subject: Subject, data: HeldOut, out: Path | None, *, write: bool
) -> None:
    if write and subject.directory is None:
        raise DataError(f"--write needs an exported model: `make export MODELS={model}`")
    names = subject.card.labels
    k, batch = min(EXPLAINED, len(names)), min(BATCH, subject.max_batch)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(f"{model} on {data.name}", total=data.images)
        found = examine(
            subject.answer, data, explained=k, batch=batch, tell=lambda n: bar.advance(task, n)
        )
    metrics = found.metrics
    if data.name == "digits":
        metrics = metrics | light_on_dark(subject.answer, k, batch)
    measured = Measured(model, subject.version, subject.engine, subject.precision, data.name)
    console.print(results.metrics_table(measured, metrics))
    console.print(results.class_table(results.per_class(found, names)))
    for line in found.unreadable[:10]:
        console.print(f"skipped {line}", soft_wrap=True)
    if found.unreadable:
        console.print(f"{len(found.unreadable)} files could not be read and were skipped")
    if out:
        results.write(out, measured, metrics, found, names)
        console.print(f"written to {out}", soft_wrap=True)
    if write and subject.directory:
        note(subject.directory / CARD, measured, metrics)


def note(file: Path, measured: Measured, metrics: dict[str, float]) -> None:
    """Adds `metrics` to the card in `file` as `data.engine.precision.name`.

    Nothing else in it changes, and a reader never sees half a card.
    """
    card = ModelCard.read(file)
    prefix = f"{measured.data}.{measured.engine}.{measured.precision}"
    added = {f"{prefix}.{name}": value for name, value in metrics.items()}
    replace(card, metrics=card.metrics | added).write(file)


@contextmanager
def _subject(
    model: str, data: str | None, engine: EngineName, artifacts: Path, version: int | None
) -> Iterator[Subject]:
    directory = _newest(artifacts / model, version)
    if directory is None:
        yield _shipped(model, data, artifacts)
        return
    found = read_version(directory)
    running = open_version(found, Settings(engine=engine, lanes=1))
    try:
        yield Subject(
            from_engine(running),
            found.card,
            directory,
            found.card.version,
            running.name,
            running.precision,
            running.max_batch,
        )
    finally:
        running.close()


def _newest(home: Path, version: int | None) -> Path | None:
    there = sorted(int(d.name) for d in home.glob("*") if d.name.isdecimal())
    if version is not None and version not in there:
        known = ", ".join(map(str, there)) or "none"
        raise DataError(f"{home} has no version {version}; there are: {known}")
    return home / str(version or there[-1]) if there else None


def _shipped(model: str, data: str | None, artifacts: Path) -> Subject:
    wanted = data if data in DATA else "*"
    weights = sorted(SHIPPED.glob(f"{model}.{wanted}.safetensors"))
    if not weights:
        on = f" on {data}" if data in DATA else ""
        raise DataError(
            f"no weights of {model}{on} are shipped, and {artifacts} has no {model}: "
            f"run `make export MODELS={model}`"
        )
    card = Checkpoint.read(weights[0].with_suffix(".json"))
    answer = from_network(load(model, weights[0]), card.preprocessing)
    return Subject(answer, card, None, None, "pytorch", "fp32", BATCH)


def _held_out(card: Checkpoint | ModelCard, data: str | None, images: int | None) -> HeldOut:
    own = data or card.weights.name.partition("-")[0]
    for known in DATA:
        if own == known:
            _check_fits(card, known)
            return held_out(known, images or SCENES)
    if data is None:
        raise DataError(
            f"{card.architecture} learned neither digits nor scenes (its weights are "
            f"{card.weights.name}): say --data FOLDER, with a folder of pictures a class"
        )
    path = Path(data)
    return held_out_folder(
        f"{path.resolve().name}/", folder(path), card.labels, card.preprocessing, images
    )


def _check_fits(card: Checkpoint | ModelCard, data: Data) -> None:
    sees, shown = _words(card.preprocessing), _words(PREPROCESSING[data])
    if sees != shown:
        raise DataError(f"{card.architecture} sees {sees} pictures, {data} are {shown}")
    if card.labels != LABELS:
        raise DataError(f"{data} show the digits 0 to 9, which are not this model's classes")


def _words(p: Preprocessing) -> str:
    return f"{p.size}x{p.size} {'grey' if p.channels == 1 else 'colour'}"
