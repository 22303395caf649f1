"""python -m export.plan: TensorRT plans of what is published, for the GPU of this machine.

Torch takes seconds to import, so it is imported only once there is something to build.
"""

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, get_args

import typer
from rich.console import Console
from rich.markup import escape

from models.card import CARD, CardError, ModelCard, Precision
from service.engines import EngineUnavailable, needing_gpu
from service.engines.device import gpu
from service.engines.plan import PlanKey, find, read

if TYPE_CHECKING:
    from export.plan_publish import Options

cli = typer.Typer(add_completion=False, rich_markup_mode="markdown")
console = Console(stderr=True)


@cli.command()
def main(
    models: Annotated[
        list[str] | None, typer.Argument(help="Published models; without one, all of them.")
    ] = None,
    precision: Annotated[
        str, typer.Option(help="fp32, and with commas fp16 and int8, which must pass a gate.")
    ] = "fp32",
    max_batch: Annotated[int, typer.Option(min=1, help="Largest batch it takes.")] = 32,
    opt_batch: Annotated[int, typer.Option(min=1, help="The batch it is tuned for.")] = 8,
    limit_s: Annotated[float, typer.Option(min=1, help="Seconds for one build.")] = 1800,
    missing: Annotated[bool, typer.Option("--missing", help="Only what is not there yet.")] = False,
    artifacts: Annotated[Path, typer.Option(help="Where the models are.")] = Path("artifacts"),
) -> None:
    """Builds TensorRT plans of published models for this machine's GPU, and proves them on it.

    A plan is added to the newest version of its model; `--engine trt` serves it.

    Example: `python -m export.plan resnet50 --precision fp32,fp16`

    Exit code: 0 all are there, 1 some are not (the others are), 2 wrong usage.
    """
    wanted = precisions(precision)
    try:
        keys = [key_here(p) for p in wanted]
        directories = [newest(artifacts, name) for name in models or published(artifacts)]
        jobs = [(d, key) for d in directories for key in keys if not (missing and _there(d, key))]
    except (EngineUnavailable, CardError) as error:
        console.print(f"no plan is built: {escape(str(error))}", soft_wrap=True, highlight=False)
        raise typer.Exit(1) from None
    if not jobs:
        raise typer.Exit(0)
    with console.status("loading torch"):
        from export.plan_publish import Options
    options = Options(max_batch, opt_batch, limit_s)
    failed = [job for job in jobs if not _build(*job, options)]
    raise typer.Exit(1 if failed else 0)


def precisions(text: str) -> list[Precision]:
    """Raises `BadParameter` for what is none, or cannot be judged here."""
    found = [p for p in get_args(Precision) if p in text.replace(",", " ").split()]
    if wrong := set(text.replace(",", " ").split()) - set(found):
        raise typer.BadParameter(f"{sorted(wrong)} is no precision: fp32, fp16, int8")
    if found != ["fp32"] and find_spec("sklearn") is None:
        raise typer.BadParameter(
            "fp16 and int8 are judged by held-out digits and scenes, which need the packages of "
            "training: pip install --constraint requirements.lock --editable '.[training]'"
        )
    return found


def key_here(precision: Precision) -> PlanKey:
    """What a plan of this machine is built for. Raises `EngineUnavailable`."""
    with needing_gpu("TensorRT", "tensorrt"):
        import tensorrt as trt
    return PlanKey(gpu().name, gpu().capability, trt.__version__, precision)


def published(artifacts: Path) -> list[str]:
    return sorted({card.parent.parent.name for card in artifacts.glob(f"*/*/{CARD}")})


def newest(artifacts: Path, name: str) -> Path:
    """The newest version's directory. Raises `CardError` if there is none."""
    versions = [c.parent for c in artifacts.glob(f"{name}/*/{CARD}") if c.parent.name.isdecimal()]
    if not versions:
        raise CardError(f"{artifacts} has no {name}: run `python -m export {name}` first")
    return max(versions, key=lambda directory: int(directory.name))


def _there(directory: Path, key: PlanKey) -> bool:
    card = ModelCard.read(directory / CARD)
    try:
        read(card, find(card, key), directory)
    except EngineUnavailable:
        return False
    return True


def _build(directory: Path, key: PlanKey, options: "Options") -> bool:
    from export.parity import ParityError
    from export.plan_from_onnx import BuildFailed
    from export.plan_publish import add

    which = f"{directory.parent.name}/{directory.name}: {key}"
    try:
        plan = add(directory, key, options, console)
    except (BuildFailed, CardError, EngineUnavailable, ParityError) as error:
        console.print(f"[red]{which} is not published[/]: {escape(str(error))}", soft_wrap=True)
        return False
    except Exception:  # noqa: BLE001 - whatever is wrong with one plan, the others are built
        console.print(f"[red]{which} is not published[/]:")
        console.print_exception()
        return False
    told = f"{which}: logits within {plan.parity.logits:.0e}, maps within {plan.parity.maps:.0e}"
    if found := plan.compared:
        told += (
            f"; {found.top1:.1%} right, float32 {found.float32:.1%}, of {found.images} {found.data}"
        )
    console.print(told, highlight=False, soft_wrap=True)
    return True


if __name__ == "__main__":
    cli()
