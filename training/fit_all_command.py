"""`python -m training fit-all`: the catalogue learns scenes, best value first, until time is up.

The same command goes on where it was stopped: what is shipped or in the table of results is left
out, a network that was not finished is resumed.
"""

import csv
import platform
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

import torch
import typer
from rich.console import Console

from models.card import Checkpoint
from models.catalog import architecture
from models.weights import SHIPPED
from training.bar import progress
from training.fit import fit
from training.fit_command import WORKERS, DeviceName, chosen
from training.held_out import SCENES
from training.job import Settings, resumed, start
from training.scenes import SIDE
from training.ship import Remarks, ship

# Small networks and those of many lectures first, then the deeper ones of each family; all of them
# see 224x224 pixels, as scenes are measured.
NETWORKS: Final = (
    *("squeezenet1_0", "resnet18", "googlenet", "nin", "densenet121", "dpn68", "alexnet"),
    *("resnet34", "vgg11_bn", "resnet50", "se_resnet50", "stochastic_depth_resnet50"),
    *("googlenet_2014", "zfnet", "vgg16_bn", "resnext50_32x4d", "densenet169", "nasnet_a_mobile"),
    *("densenet201", "resnet101", "dpn92", "wide_resnet50_2", "vgg19_bn", "densenet161"),
    *("resnet152", "fractalnet34", "dpn98", "resnext101_32x8d", "senet154", "dpn131"),
)
TOP1, POINTING = 0.95, 0.90  # of weights that are shipped
FIGURES: Final = ("top1", "top5", "pointing", "energy_inside", "ece")
COLUMNS: Final = ("network", "outcome", *FIGURES, "images", "seconds")

SAVED: Final = 60.0  # seconds between checkpoints

console = Console()
Result = dict[str, str | int | float | None]


@dataclass(frozen=True, slots=True)
class Plan:
    images: int  # 0: as many as a recipe shows
    measured: int
    seed: int
    device: str
    workers: int
    runs: Path
    shipped: Path


def fit_all_command(
    networks: Annotated[
        list[str] | None, typer.Argument(help="best first [30 of the catalogue, small ones first]")
    ] = None,
    hours: Annotated[float, typer.Option(min=0, help="after which no step is begun")] = 4,
    images: Annotated[int, typer.Option(min=0, help="to show each network, if not 200,000")] = 0,
    measured: Annotated[int, typer.Option(min=1, help="held-out scenes to measure on")] = SCENES,
    seed: Annotated[int, typer.Option(min=0, help="of weights and pictures")] = 1,
    device: Annotated[DeviceName, typer.Option(help="auto: a GPU if there is one")] = "auto",
    threads: Annotated[int, typer.Option(min=1, help="of torch, on a CPU")] = 1,
    workers: Annotated[int, typer.Option(min=0, help=WORKERS)] = 0,
    runs: Annotated[Path, typer.Option(help="for checkpoints and fit-all.csv")] = Path("runs"),
    shipped: Annotated[Path, typer.Option(help="for weights and cards")] = SHIPPED,
) -> None:
    """Trains networks on scenes, one after the other, and ships what became of them.

    Weights of at most 25 MB (150 MB together) that name 95 % of held-out scenes and point at 90 %;
    of the others the card. Ctrl-C and a kill are like the end of the time.
    """
    until = time.monotonic() + hours * 3600
    torch.set_num_threads(threads)
    try:
        names = [_checked(name) for name in networks or NETWORKS]
        plan = Plan(images, measured, seed, chosen(device), workers, runs, shipped)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    runs.mkdir(parents=True, exist_ok=True)
    table = runs / "fit-all.csv"
    for name in names:
        if (shipped / f"{name}.scenes.json").exists() or name in _done(table):
            tell(f"{name}: done before")
            continue
        result = _fit(name, plan, until)
        if result is None:
            tell(f"{name} is not finished: the same command goes on with it")
            return
        _add(table, result)
        tell(", ".join(f"{key} {value}" for key, value in result.items()))


def tell(words: str) -> None:
    console.print(words, soft_wrap=True, highlight=False)


def _checked(name: str) -> str:
    """The name; a `ValueError` for a network that scenes do not fit."""
    if (size := architecture(name).size) != SIDE:
        raise ValueError(f"scenes are measured at {SIDE} pixels, {name} sees {size}")
    return name


def _fit(name: str, plan: Plan, until: float) -> Result | None:
    """What became of the network; None if there was no time for it to come to its end."""
    try:
        file = plan.runs / f"{name}.scenes.pt"
        if not _train(
            Settings(name, "scenes", images=plan.images, seed=plan.seed), file, plan, until
        ):
            return None
        return _result(_ship(name, file, plan), plan.shipped / f"{name}.scenes.safetensors")
    except (
        RuntimeError,
        ValueError,
        ArithmeticError,
    ) as error:  # too large for the GPU, not finite
        return {"network": name, "outcome": f"failed: {error}".partition("\n")[0]}


def _train(settings: Settings, file: Path, plan: Plan, until: float) -> bool:
    """Whether the run has come to its end."""
    resume = file.exists()
    begun = resumed(settings, file) if resume else settings
    job = start(begun, file, plan.device, console, workers=plan.workers)
    if resume:
        job.run.load(file)
    job.log.cut(job.run.report.images)
    with progress(console, settings.network) as bar:
        fit(job.run, job.budget, file, bar, SAVED, until=until)
    return job.run.finished


def _ship(name: str, run: Path, plan: Plan) -> Checkpoint:
    """Its weights too, if they are good enough to serve."""
    gpu = plan.device == "cuda"
    remarks = Remarks(torch.cuda.get_device_name() if gpu else platform.machine())
    card = ship(
        *(name, "scenes", run, remarks),
        images=plan.measured,
        folder=plan.shipped,
        device=plan.device,
    )
    if card.metrics["top1"] < TOP1 or card.metrics["pointing"] < POINTING:
        (plan.shipped / f"{name}.scenes.safetensors").unlink(missing_ok=True)
    return card


def _result(card: Checkpoint, weights: Path) -> Result:
    return {
        "network": card.architecture,
        "outcome": "weights" if weights.exists() else "card",
        **{name: round(card.metrics[name], 4) for name in FIGURES},
        "images": card.weights.images,
        "seconds": card.weights.seconds,
    }


def _done(table: Path) -> set[str]:
    if not table.exists():
        return set()
    with table.open(newline="", encoding="utf-8") as file:
        return {row["network"] for row in csv.DictReader(file)}


def _add(table: Path, result: Result) -> None:
    new = not table.exists()
    with table.open("a", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS)
        if new:
            writer.writeheader()
        writer.writerow(result)
