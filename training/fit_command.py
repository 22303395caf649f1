"""`python -m training fit`: what can be asked for, and what is told while it runs."""

import os
from pathlib import Path
from typing import Annotated, Final, Literal

import torch
import typer
from rich.console import Console

from training.bar import progress
from training.fit import fit
from training.job import Job, Settings, finish, resumed, start

console = Console()
DeviceName = Literal["auto", "cpu", "cuda"]
WORKERS: Final = "processes that draw pictures ahead, for a GPU; 0: none"


def fit_command(
    network: Annotated[str, typer.Argument(metavar="NETWORK", help="see `python -m models list`")],
    data: Annotated[str, typer.Option(help="digits, scenes, or a FOLDER of a folder a class")] = (
        "scenes"
    ),
    recipe: Annotated[
        Literal["modern", "paper"], typer.Option(help="of today, or the network's paper's")
    ] = "modern",
    weights: Annotated[
        str | None,
        typer.Option(help="start: auto, imagenet, scenes, random or a FILE [FOLDER: auto]"),
    ] = None,
    freeze: Annotated[str, typer.Option(help="this many stages, or all but the head: all")] = "0",
    images: Annotated[int, typer.Option(min=0, help="pictures to show: repeatable")] = 0,
    epochs: Annotated[int, typer.Option(min=0, help="the same, counted in epochs")] = 0,
    minutes: Annotated[float, typer.Option(min=0, help="time to spend: not repeatable")] = 0,
    batch: Annotated[int, typer.Option(min=0, help="pictures a step, if not the recipe's")] = 0,
    rate: Annotated[float, typer.Option(min=0, help="learning rate, if not the recipe's")] = 0,
    patience: Annotated[
        int, typer.Option(min=0, help="epochs without a better validation loss; 0: go on")
    ] = 0,
    flip: Annotated[bool, typer.Option(help="also show a FOLDER's pictures mirrored")] = True,
    seed: Annotated[int, typer.Option(min=0, help="of weights and pictures")] = 1,
    run: Annotated[Path | None, typer.Option(help="where the checkpoint lies, a .pt file")] = None,
    resume: Annotated[bool, typer.Option(help="go on from that checkpoint, as it began")] = False,
    device: Annotated[DeviceName, typer.Option(help="auto: a GPU if there is one")] = "auto",
    threads: Annotated[int, typer.Option(min=1, help="of torch, on a CPU")] = 1,
    workers: Annotated[int, typer.Option(min=0, help=WORKERS)] = 0,
    every: Annotated[float, typer.Option(min=0, help="seconds between checkpoints")] = 15,
) -> None:
    """Trains NETWORK; leaves RUN.safetensors and its card for `python -m export --weights`.

    Ctrl-C ends it early and keeps what is learned; after that or a kill, --resume goes on.
    """
    torch.set_num_threads(threads)
    file = run or Path("runs") / f"{network}.{Path(data).resolve().name}.pt"
    if file.suffix != ".pt":
        raise typer.BadParameter(f"--run {file}: give the checkpoint's place, a .pt file")
    if resume and not file.exists():
        raise typer.BadParameter(f"there is nothing at {file} to go on from")
    start_from = weights or ("random" if data in {"digits", "scenes"} else "auto")
    asked = Settings(
        network, data, recipe, start_from, freeze, images, epochs, minutes, batch, rate, patience,
        flip, seed,
    )  # fmt: skip
    try:
        settings = resumed(asked, file) if resume else asked
        job = start(settings, file, chosen(device), console, workers=workers)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    for line in job.pictures.skipped:
        console.print(f"skipped {line}", soft_wrap=True, highlight=False)
    _train(job, file, resume=resume, every=every)


def _train(job: Job, file: Path, *, resume: bool, every: float) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    if resume:
        job.run.load(file)
    job.log.cut(job.run.report.images)
    with progress(console, f"{job.settings.network} on {job.pictures.name}") as tell:
        report = fit(job.run, job.budget, file, tell, every)
    card = finish(job, file)
    told = ", ".join(f"{name} {value:.2%}" for name, value in card.metrics.items() if value <= 1)
    console.print(
        f"{report.images} images, {report.seconds:.0f} s, held out: {told}: "
        f"{file.with_suffix('.safetensors')}",
        soft_wrap=True,
        highlight=False,
    )


def chosen(device: DeviceName) -> str:
    """The device of torch. A `ValueError` if it is not there."""
    there = torch.cuda.is_available()
    if device == "cuda" and not there:
        raise ValueError("torch finds no GPU here: use --device cpu, or install torch with CUDA")
    if device == "cpu" or not there:
        return "cpu"
    # of the algorithms the ones that sum in a fixed order; read when CUDA is first used
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.backends.cudnn.benchmark = False
    torch.use_deterministic_algorithms(True, warn_only=True)
    return "cuda"
