"""`python -m training`: fit, evaluate and ship weights; draw scenes to look at."""

from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer
from PIL import Image
from rich.console import Console

from training import ship as shipping
from training.digits import Split
from training.evaluate_command import evaluate_command
from training.fit_all_command import fit_all_command
from training.fit_command import fit_command
from training.recipe import Data
from training.scenes import SIDE, scenes

cli = typer.Typer(
    help="Trains the networks that ship with Convoy, and says how good they are.",
    no_args_is_help=True,
    rich_markup_mode=None,
    add_completion=False,
)
console = Console()

Name = Annotated[str, typer.Argument(metavar="NETWORK", help="as in `python -m models list`")]
Pictures = Annotated[Data, typer.Option(help="digits: 32x32 grey; scenes: 224x224 colour")]


cli.command("fit", epilog="Example: python -m training fit lenet5_plain --data digits")(fit_command)

cli.command("fit-all", epilog="Example: python -m training fit-all --hours 4 --device cuda")(
    fit_all_command
)


@cli.command(epilog="Example: python -m training ship squeezenet1_1 --data scenes --run runs/a.pt")
def ship(
    network: Name,
    run: Annotated[Path, typer.Option(help="the checkpoint that `fit` left")],
    data: Pictures = "scenes",
    images: Annotated[int, typer.Option(help="held-out scenes to measure on")] = 2000,
    machine: Annotated[str, typer.Option(help="what it trained on, in words")] = "unknown",
    note: Annotated[str, typer.Option(help="what this run did otherwise")] = "",
) -> None:
    """Rounds the weights of RUN to float16, measures them, writes models/shipped/."""
    torch.set_num_threads(1)
    card = shipping.ship(network, data, run, shipping.Remarks(machine, note), images=images)
    _print(card.metrics)


cli.command("evaluate", epilog="Example: python -m training evaluate squeezenet1_1 --data scenes")(
    evaluate_command
)


def _print(metrics: dict[str, float]) -> None:
    for name, value in metrics.items():
        console.print(f"{name:20} {value:.4f}" if value <= 1 else f"{name:20} {value:.0f}")


@cli.command(epilog="Example: python -m training scene scenes.png --count 12 --boxes")
def scene(
    file: Annotated[Path, typer.Argument(help="the picture to write (.png or .jpg)")],
    count: Annotated[int, typer.Option(help="scenes in the picture")] = 1,
    start: Annotated[int, typer.Option(help="the first one; its last figure is its digit")] = 0,
    split: Annotated[Split, typer.Option(help="which digits and photographs")] = "test",
    seed: Annotated[int, typer.Option(help="of the series of scenes")] = 0,
    side: Annotated[int, typer.Option(help="pixels")] = SIDE,
    boxes: Annotated[bool, typer.Option(help="draw the box of the digit")] = False,
) -> None:
    """Draws scenes, side by side if there are several."""
    drawn = scenes(split, seed, start, count, side)
    if boxes:
        for image, (left, top, right, bottom) in zip(drawn.images, drawn.boxes, strict=True):
            image[top:bottom, [left, right - 1]] = image[[top, bottom - 1], left:right] = 255, 0, 0
    columns = min(count, 6)
    blank = np.zeros((-count % columns, *drawn.images.shape[1:]), np.uint8)
    grid = np.concatenate([drawn.images, blank]).reshape(-1, columns, side, side, 3)
    sheet = grid.swapaxes(1, 2).reshape(-1, columns * side, 3)
    Image.fromarray(sheet).save(file, quality=92)
    console.print(f"{file}: digits {' '.join(map(str, drawn.labels))}")


if __name__ == "__main__":
    cli(prog_name="python -m training")
