"""python -m export: networks become artifacts that were proven against torch.

Torch takes seconds to import, so it is imported only once there is something to export.
"""

import time
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape

from models.card import CARD, CardError
from models.weights import KINDS, SHIPPED
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
        typer.Argument(help="Architectures, as `python -m models list` names them, or `all`."),
    ] = None,
    weights: Annotated[
        str, typer.Option(help=f"{', '.join(KINDS)}, or a file (.safetensors, .pth).")
    ] = "auto",
    name: Annotated[str, typer.Option(help="Name in URLs, if not the architecture's.")] = "",
    max_batch: Annotated[int, typer.Option(help="Largest batch that is proven.")] = 32,
    with_pytorch: Annotated[
        bool, typer.Option("--with-pytorch", help="Keep the torch weights for `--engine pytorch`.")
    ] = False,
    precision: Annotated[
        str, typer.Option(help="fp32, and with commas fp16 and int8, which must pass a gate.")
    ] = "fp32",
    missing: Annotated[bool, typer.Option("--missing", help="Only what is not there yet.")] = False,
    artifacts: Annotated[Path, typer.Option(help="Directory to publish in.")] = Path("artifacts"),
) -> None:
    """Exports networks to ONNX, proves them against torch and publishes them for the service.

    Without a name: the networks whose trained weights are shipped.

    Example: `python -m export resnet50 vgg16 --weights imagenet`

    Exit code: 0 all exported as asked, 1 some were not (the others are), 2 wrong usage.
    """
    precisions = _precisions(precision, missing=missing)
    names = wanted(networks or shipped(), name, artifacts if missing else None)
    if not names:
        raise typer.Exit(0)
    with console.status("loading torch"):
        from export.publish import Recipe
    try:
        recipes = [Recipe(n, weights, name, max_batch, with_pytorch, precisions) for n in names]
    except ValueError as error:
        console.print(str(error), soft_wrap=True, highlight=False)
        raise typer.Exit(2) from None
    raise typer.Exit(0 if _export_all(recipes, artifacts) else 1)


def _precisions(text: str, *, missing: bool) -> tuple[str, ...]:
    found = tuple(text.replace(",", " ").split())
    if set(found) <= {"fp32"}:
        return found
    if missing:
        raise typer.BadParameter("--missing looks for networks only: leave out it or --precision")
    if find_spec("sklearn") is None:
        raise typer.BadParameter(
            "fp16 and int8 are judged by held-out digits and scenes, which need the packages of "
            "training: pip install --constraint requirements.lock --editable '.[training]'"
        )
    return found


def wanted(networks: list[str], name: str, artifacts: Path | None) -> list[str]:
    """The architectures to export: `all` spelt out, without those that lie in `artifacts`."""
    if networks == ["all"]:
        with console.status("loading torch"):
            from models.catalog import CATALOG
        networks = [row.name for row in CATALOG]
    if name and len(networks) > 1:
        raise typer.BadParameter("--name is for one network")
    if artifacts is None:
        return networks
    return [n for n in networks if not any((artifacts / (name or n)).glob(f"*/{CARD}"))]


def _export_all(recipes: list["Recipe"], artifacts: Path) -> bool:
    failed = [recipe.model for recipe in recipes if not _export(recipe, artifacts)]
    if failed and len(recipes) > 1:
        told = f"{len(failed)} of {len(recipes)} were not exported as asked: {', '.join(failed)}"
        console.print(told, soft_wrap=True, highlight=False)
    return not failed


def _export(recipe: "Recipe", artifacts: Path) -> bool:
    from export.parity import ParityError
    from export.publish import export
    from models.weights.files import WeightsError

    begun = time.perf_counter()
    try:
        with console.status(f"exporting {recipe.model}"):
            card = export(recipe, artifacts, console)
    except (WeightsError, ParityError, CardError, EngineUnavailable) as error:
        console.print(
            f"[red]{recipe.model} was not exported[/]: {escape(str(error))}", soft_wrap=True
        )
        return False
    except Exception:  # noqa: BLE001 - whatever is wrong with one network, the others are exported
        console.print(f"[red]{recipe.model} was not exported[/]:")
        console.print_exception()
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
    for artifact in card.artifacts.values():
        if found := artifact.compared:
            console.print(
                f"{card.name}/{card.version} in {artifact.precision}: {found.top1:.1%} right, "
                f"float32 {found.float32:.1%}, of {found.images} {found.data}; both agree on "
                f"{found.agreement:.1%}; maps correlate {found.maps:.4f}",
                highlight=False,
                soft_wrap=True,
            )
    return set(recipe.precisions) <= set(card.precisions)


if __name__ == "__main__":
    cli()
