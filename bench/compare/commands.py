"""`python -m bench compare` and `python -m bench diff`."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from bench import load as loads
from bench.compare import diff as diffs
from bench.compare.results import FILE, BadResults, Results
from bench.report import console
from bench.terminal import explained, progress_bar, server_at, told

MODELS = "lenet5_plain alexnet squeezenet1_1 mobilenet_v1 googlenet resnet50"
CUT_SHORT = 130

Seconds = Annotated[float, typer.Option(min=0.1, help="For each test of each round.")]
Rounds = Annotated[int, typer.Option(min=1, help="Turns of each network; 3 give an interval.")]
Images = Annotated[Path, typer.Option(help="A folder of JPEGs to send.")]
Bound = Annotated[float | None, typer.Option(min=0.1, help="For the p99 of every network.")]


def compare(
    models: Annotated[str, typer.Option(help="With spaces or commas between.")] = MODELS,
    url: Annotated[str, typer.Option(help="A service that runs already; else one is begun.")] = "",
    artifacts: Annotated[Path, typer.Option(help="From `python -m export`.")] = Path("artifacts"),
    seconds: Seconds = 2.0,
    rounds: Rounds = 3,
    images: Images = loads.EXAMPLES,
    bound_ms: Bound = None,
    out: Annotated[Path | None, typer.Option(help="Default: reports/DATE.")] = None,
    resume: Annotated[Path | None, typer.Option(help="Go on with the one in this folder.")] = None,
) -> None:
    """Compares networks over HTTP, in interleaved rounds, and writes a report with plots.

    Ctrl-C keeps all whole turns; `--resume DIR`, with the same options, goes on from there, and a
    larger `--rounds` adds to what is finished.

    Exit code: 0 measured, 1 not measured or requests failed, 2 wrong usage, 130 Ctrl-C.

    Example: `python -m bench compare --models "alexnet vgg16 resnet50" --rounds 5`
    """
    from bench.compare.measure import measure
    from bench.compare.plan import Mismatch, Plan
    from bench.compare.report import HTML, publish, show

    place = resume or out or Path("reports") / f"{datetime.now(UTC):%Y-%m-%d-%H%M%S}"
    if not resume and place.exists() and any(place.iterdir()):
        raise typer.BadParameter(f"{place} is not empty: --resume {place} goes on with it")
    if resume and not (resume / FILE).exists():
        raise typer.BadParameter(f"{resume} holds no comparison: leave out --resume to begin one")
    names = models.replace(",", " ").split()
    plan = Plan(names, place, seconds, rounds, artifacts, images, bound_ms)
    try:
        with explained(), progress_bar() as progress:
            found = measure(plan, server_at(url), progress)
    except (BadResults, Mismatch) as error:
        raise typer.BadParameter(str(error)) from None
    if found.measured():
        publish(found, place)
        show(found, console())
        told.print(f"report: {place / HTML}", soft_wrap=True)
    else:
        told.print("stopped before anything was measured")
    raise typer.Exit(exit_code(found))


def exit_code(found: Results) -> int:
    if not found.finished:
        return CUT_SHORT
    return int(any(warning.name == "errors" for warning in found.warnings))


def diff(
    first: Annotated[Path, typer.Argument(help="The folder of a comparison.")],
    second: Annotated[Path, typer.Argument(help="Another one, of the same networks.")],
) -> None:
    """Compares two comparisons: the ratio of each figure, and whether it is more than chance.

    Exit code: 0 no difference, 1 some figures differ, 2 they cannot be compared.

    Example: `python -m bench diff reports/before reports/after`
    """
    try:
        before, after = Results.read(first), Results.read(second)
    except BadResults as error:
        raise typer.BadParameter(str(error)) from None
    found = diffs.changes(before, after)
    if not found:
        raise typer.BadParameter("the two have no network in common")
    out = console()
    diffs.show(found, out)
    for doubt in diffs.doubts(before, after):
        out.print(f"[yellow]note[/]: {doubt}", soft_wrap=True)
    raise typer.Exit(int(any(change.differs for change in found)))
