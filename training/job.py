"""One `fit`, from what was asked for to weights that can be exported.

`Settings` travel with the checkpoint, so `--resume` needs nothing but its place.
"""

import dataclasses
import platform
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import torch
from rich.console import Console

from models.card import Checkpoint, Weights
from models.catalog import architecture
from training.fit import Budget, Run, Watch
from training.measure import measure
from training.network import initialise, keep_open
from training.papers import paper_recipe
from training.pictures import Pictures, labels, pictures, preprocessing
from training.recipe import Recipe, recipe
from training.report import Log
from training.ship import leave
from training.transfer import freeze, transferred

IMAGES: Final = {"digits": 400_000, "scenes": 200_000}  # shown, where no budget is asked for
FOLDER_EPOCHS, FOLDER_IMAGES = 20, 3200  # whichever is more: few pictures need many epochs
TUNED: Final = 0.3  # of the modern rate, where weights that know something already may change


class SettingsError(ValueError):
    """Settings that do not go together; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What a run is asked to be; 0 stands for the recipe's own figure."""

    network: str
    data: str
    recipe: str = "modern"
    weights: str = "random"
    freeze: str = "0"
    images: int = 0
    epochs: int = 0
    minutes: float = 0
    batch: int = 0
    rate: float = 0
    patience: int = 0
    flip: bool = True
    seed: int = 1

    def budget(self, epoch: int) -> Budget:
        """What is asked for, else as many epochs as the data are worth."""
        images = self.images or self.epochs * epoch
        if not images and not self.minutes:
            images = IMAGES.get(self.data, max(FOLDER_EPOCHS * epoch, FOLDER_IMAGES))
        return Budget(self.minutes or float("inf"), images or float("inf"))


@dataclass(frozen=True, slots=True)
class Job:
    settings: Settings
    run: Run
    pictures: Pictures
    budget: Budget
    words: str  # of the recipe
    log: Log


def resumed(asked: Settings, file: Path) -> Settings:
    """The settings that the checkpoint `file` began with; a budget, if one is asked for, is new.

    Raises `SettingsError` for a checkpoint of something else.
    """
    state: dict[str, Any] = torch.load(file, map_location="cpu", weights_only=True)
    try:
        begun = Settings(**state["settings"])
    except (KeyError, TypeError):
        raise SettingsError(
            f"{file} does not say how it was made, so it cannot go on: start again without --resume"
        ) from None
    if (begun.network, begun.data) != (asked.network, asked.data):
        raise SettingsError(
            f"{file} is of {begun.network} on {begun.data}: name these, or give another --run"
        )
    if not (asked.images or asked.epochs or asked.minutes):
        return begun
    return replace(begun, images=asked.images, epochs=asked.epochs, minutes=asked.minutes)


def start(settings: Settings, file: Path, device: str, console: Console) -> Job:
    """Everything at its beginning; `file` is where the checkpoint will lie, the log beside it.

    Raises a `ValueError` that says what to do (`DataError`, `WeightsError`, `SettingsError`).
    """
    row = architecture(settings.network)
    classes = len(labels(settings.data))
    torch.manual_seed(settings.seed)
    if settings.weights == "random":
        network, prepared = row.build(classes), preprocessing(row, settings.data)
        initialise(network, settings.seed)
        origin = ""
    else:
        network, known = transferred(row, settings.weights, classes, settings.seed, console)
        prepared = known.preprocessing
        origin = f"from the weights {known.weights.name}, new head"
        keep_open(network)
    frozen = freeze(network, row, settings.freeze)
    shown = pictures(settings.data, prepared, settings.seed, flip=settings.flip)
    rules = _rules(settings, prepared.size)
    run = Run(network.to(device), rules, prepared, settings.seed, shown.feed)
    run.settings = dataclasses.asdict(settings)
    log = Log(file.with_suffix(".csv"))
    run.watch = Watch(shown.validation, shown.epoch, settings.patience, log)
    words = "; ".join(filter(None, (rules.words(), origin, frozen)))
    return Job(settings, run, shown, settings.budget(shown.epoch), words, log)


def _rules(settings: Settings, side: int) -> Recipe:
    row = architecture(settings.network)
    if settings.recipe == "paper":
        rules = paper_recipe(row, settings.data, side)
    else:
        rules = recipe(row.name, settings.data, side)
        if settings.weights != "random":
            scale = 1.0 if settings.freeze == "all" else TUNED
            rules = replace(rules, rate=rules.rate * scale, warmup=0.1)
    if settings.batch:
        phases = tuple(replace(phase, batch=settings.batch) for phase in rules.phases)
        rules = replace(rules, phases=phases)
    return replace(rules, rate=settings.rate or rules.rate)


def finish(job: Job, file: Path) -> Checkpoint:
    """Measures the weights (the best ones, with patience) and leaves them and their card.

    They lie beside the checkpoint `file`, as .safetensors and .json.
    """
    run, shown, report = job.run, job.pictures, job.run.report
    if run.best:
        run.network.load_state_dict(run.best)
    figures = measure(run.network, run.preprocessing, shown.held_out())
    weights = Weights(
        name=file.stem,
        source="trained here",
        sha256="",
        trained=True,
        trained_on=shown.words,
        seed=run.seed,
        recipe=job.words,
        epochs=report.images // shown.epoch,
        images=report.images,
        seconds=round(report.seconds, 1),
        machine=f"{run.device.type}, {platform.machine()}",
    )
    metrics = {name: figures[name] for name in ("top1", "top5")}
    return leave(
        run.network,
        Checkpoint(
            architecture=job.settings.network,
            preprocessing=run.preprocessing,
            labels=shown.labels,
            weights=weights,
            metrics=metrics | {shown.measured: figures["images"]},
        ),
        file.with_suffix(".safetensors"),
    )
