"""One `fit`, from what was asked for to weights that can be exported.

`Settings` travel with the checkpoint, so `--resume` needs nothing but its place.
"""

import dataclasses
import platform
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, cast

import torch
from rich.console import Console

from models.architecture import Architecture, Network
from models.card import Checkpoint, Preprocessing, Weights
from models.catalog import architecture
from models.googlenet import GoogLeNet
from training import forms
from training.ahead import Ahead
from training.auxiliary import Auxiliaries
from training.papers import AUXILIARIES, paper_recipe
from training.pictures import Pictures, labels, pictures, preprocessing
from training.prepare import initialise, keep_open
from training.progress import Budget, Log, Watch
from training.recipe import Recipe, recipe
from training.run import Run
from training.ship import leave
from training.transfer import freeze, outermost, transferred
from training.validate import validate

IMAGES: Final = {"digits": 400_000, "scenes": 200_000}  # shown, where no budget is asked for
FOLDER_EPOCHS, FOLDER_IMAGES = 20, 3200  # whichever is more: few pictures need many epochs
TUNED: Final = 0.3  # of the rate, for weights that know something already; a new head gets all


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


def start(
    settings: Settings, file: Path, device: str, console: Console, *, workers: int = 0
) -> Job:
    """Everything at its beginning; `file` is where the checkpoint will lie, the log beside it.

    Pictures are drawn ahead by so many `workers`, or in time where they are none.

    Raises a `ValueError` that says what to do (`DataError`, `WeightsError`, `SettingsError`).
    """
    row = architecture(settings.network)
    network, prepared, origin = _network(settings, row, console)
    form = forms.begin(row, network)
    frozen = freeze(network, row, settings.freeze)
    helped = settings.recipe == "paper" and row.name in AUXILIARIES
    auxiliaries = Auxiliaries(cast("GoogLeNet", network)).to(device) if helped else None
    shown = pictures(settings.data, prepared, settings.seed, flip=settings.flip)
    feed = Ahead(shown.feed, workers) if workers else shown.feed
    rules, new = _rules(settings, prepared.size), outermost(row)

    def share(name: str) -> float:
        return TUNED if origin and name not in new else 1.0

    network = network.to(device)
    run = Run(network, rules, prepared, settings.seed, feed, auxiliaries, share)
    run.settings = dataclasses.asdict(settings)
    words = (rules.words(), form, "auxiliary classifiers" * helped, origin, frozen)
    run.words = "; ".join(filter(None, words))
    log = Log(file.with_suffix(".csv"))
    run.watch = Watch(shown.validation, shown.epoch, settings.patience, log)
    return Job(settings, run, shown, settings.budget(shown.epoch), log)


def _network(
    settings: Settings, row: Architecture, console: Console
) -> tuple[Network, Preprocessing, str]:
    """At its beginning; what it is shown; where its weights are from, "" for chance."""
    classes = len(labels(settings.data))
    torch.manual_seed(settings.seed)
    if settings.weights == "random":
        network = row.build(classes)
        initialise(network, settings.seed)
        return network, preprocessing(row, settings.data), ""
    network, known = transferred(row, settings.weights, classes, settings.seed, console)
    keep_open(network)
    origin = f"from the weights {known.weights.name} at {TUNED:g} of the rate, new head"
    return network, known.preprocessing, origin


def _rules(settings: Settings, side: int) -> Recipe:
    row = architecture(settings.network)
    if settings.recipe == "paper":
        rules = paper_recipe(row, settings.data, side)
    else:
        rules = recipe(row.name, settings.data, side)
        if settings.weights != "random":
            rules = replace(rules, warmup=0.1)
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
    figures = validate(run.network, run.preprocessing, shown.held_out())
    weights = Weights(
        name=file.stem,
        source="trained here",
        sha256="",
        trained=True,
        trained_on=shown.words,
        seed=run.seed,
        recipe=run.words,
        epochs=report.images // shown.epoch,
        images=report.images,
        seconds=round(report.seconds, 1),
        machine=f"{run.device.type}, {platform.machine()}",
    )
    metrics = {name: figures[name] for name in ("top1", "top5")}
    row = architecture(job.settings.network)
    return leave(
        forms.end(row, run.network.state_dict(), len(shown.labels)),
        Checkpoint(
            architecture=row.name,
            preprocessing=run.preprocessing,
            labels=shown.labels,
            weights=weights,
            metrics=metrics | {shown.measured: figures["images"]},
        ),
        file.with_suffix(".safetensors"),
    )
