"""python -m export: networks become artifacts that were proven against torch.

Torch takes seconds to import, so it is imported only once there is something to export.
"""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape

from export import KINDS, SHIPPED
from models.card import CARD, CardError
from service.engines import EngineUnavailable

if TYPE_CHECKING:
    from export.publish import Recipe

cli = typer.Typer(add_completion=False, rich_markup_mode="markdown")
console = Console(stderr=True)


def shipped() -> list[str]:
    """The architectures whose trained weights are part of this project."""
    return sorted({file.name.split(".")[0] for file in SHIPPED.glob("*.safetensors")})


@cli.command()
def main(
    networks: Annotated[
        list[str] | None,
        typer.Argument(help="Architectures, as `python -m models list` names them."),
    ] = None,
    weights: Annotated[
        str, typer.Option(help=f"{', '.join(KINDS)}, or a file (.safetensors, .pth).")
    ] = "auto",
    name: Annotated[str, typer.Option(help="Name in URLs, if not the architecture's.")] = "",
    max_batch: Annotated[int, typer.Option(help="Largest batch that is proven.")] = 32,
    with_pytorch: Annotated[
        bool, typer.Option("--with-pytorch", help="Keep the torch weights for `--engine pytorch`.")
    ] = False,
    missing: Annotated[
        bool, typer.Option("--missing", help="Leave alone what is exported already.")
    ] = False,
    artifacts: Annotated[Path, typer.Option(help="Directory to publish in.")] = Path("artifacts"),
) -> None:
    """Exports networks to ONNX, proves them against torch and publishes them for the service.

    Without a name: the networks whose trained weights are shipped.

    Example: `python -m export resnet50 vgg16 --weights imagenet`

    Exit code: 0 all exported, 1 some were not (the others are), 2 wrong usage.
    """
    wanted = networks or shipped()
    if name and len(wanted) > 1:
        raise typer.BadParameter("--name is for one network")
    if missing:
        wanted = [n for n in wanted if not any((artifacts / (name or n)).glob(f"*/{CARD}"))]
    if not wanted:
        raise typer.Exit(0)
    with console.status("loading torch"):
        from export.publish import Recipe
    try:
        recipes = [Recipe(n, weights, name, max_batch, with_pytorch) for n in wanted]
    except ValueError as error:
        console.print(str(error), soft_wrap=True, highlight=False)
        raise typer.Exit(2) from None
    done = [_export(recipe, artifacts) for recipe in recipes]
    raise typer.Exit(0 if all(done) else 1)


def _export(recipe: "Recipe", artifacts: Path) -> bool:
    from export.parity import ParityError
    from export.publish import export
    from export.weights import WeightsError

    begun = time.perf_counter()
    try:
        with console.status(f"exporting {recipe.model}"):
            card = export(recipe, artifacts, console)
    except (WeightsError, ParityError, CardError, EngineUnavailable) as error:
        console.print(
            f"[red]{recipe.model} was not exported[/]: {escape(str(error))}", soft_wrap=True
        )
        return False
    parity = card.artifacts["onnx"].parity
    told = "" if card.weights.trained else ", [yellow]untrained: its predictions mean nothing[/]"
    console.print(
        f"{card.name}/{card.version}: weights {card.weights.name}{told}; logits within "
        f"{parity.logits:.0e}, maps within {parity.maps:.0e} of torch; "
        f"{time.perf_counter() - begun:.1f} s",
        highlight=False,
        soft_wrap=True,
    )
    return True


if __name__ == "__main__":
    cli()
