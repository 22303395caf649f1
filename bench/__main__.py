"""python -m bench: how fast the networks answer, and what serving them costs."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from bench import load as loads
from bench import load_report, scenarios
from bench import precision as precisions
from bench.capacity_command import capacity_command
from bench.compare.commands import compare, diff
from bench.gpu.command import BATCHES, engine_on_gpu
from bench.gpu.loop import GpuPlan
from bench.loadgen import Scenario
from bench.report import Report, console, save, show
from bench.terminal import explained, progress_bar, server_at, told
from models.card import Precision
from service.engines import Kind
from service.engines.device import Device

MODELS = ["lenet5_plain", "squeezenet1_1", "resnet50"]

cli = typer.Typer(add_completion=False, rich_markup_mode="markdown", no_args_is_help=True)

Models = Annotated[list[str] | None, typer.Argument(help=f"Default: {' '.join(MODELS)}.")]
Artifacts = Annotated[Path, typer.Option(help="What `python -m export` has published.")]
Seconds = Annotated[float, typer.Option(min=0.1, help="For each measurement of each round.")]
Rounds = Annotated[int, typer.Option(min=1, help="Everybody's turns; medians are over these.")]
Json = Annotated[Path | None, typer.Option("--json", help="Also write everything to this file.")]
Engine = Annotated[Kind, typer.Option("--engine", help="What runs the networks.")]
Batches = Annotated[str, typer.Option(help="Images a run, for the bare loops.")]


@cli.command()
def engine(
    models: Models = None,
    artifacts: Artifacts = Path("artifacts"),
    kind: Annotated[
        Kind | None, typer.Option("--engine", help="On the CPU, default ort; a GPU has all.")
    ] = None,
    device: Annotated[Device, typer.Option(help="cuda: the first GPU.")] = "cpu",
    precision: Annotated[
        Precision | None, typer.Option(help="On a GPU, default fp16; the CPU has fp32.")
    ] = None,
    seconds: Seconds = 3.0,
    rounds: Rounds = 5,
    batches: Annotated[
        str | None, typer.Option(help=f"Images a run. Default: 1,4,8; on a GPU {BATCHES}.")
    ] = None,
    json: Json = None,
) -> None:
    """Measures decoding and the engine alone, without HTTP, in all forms.

    On a GPU: TensorRT, ONNX Runtime, torch.compile and eager torch, each with pixels that are
    there, with pixels from the host and with JPEGs, beside what the GPU can do at most.

    Example: `python -m bench engine resnet50 --device cuda --batches 1,128`
    """
    names = models or MODELS
    numbers = _numbers(batches or ("1,4,8" if device == "cpu" else BATCHES))
    if device == "cuda":
        if kind:
            raise typer.BadParameter("--engine is for the CPU: on a GPU all take part")
        engine_on_gpu(
            GpuPlan(artifacts, names, precision or "fp16", seconds, rounds, numbers), json
        )
        return
    if precision:
        raise typer.BadParameter("--precision is for a GPU: see `python -m bench precision`")
    plan = scenarios.Plan(artifacts, names, seconds, rounds, numbers, kind or "ort")
    with explained(), progress_bar() as progress:
        report = scenarios.engine(plan, progress)
    _finish(report, json)


@cli.command()
def serve(
    models: Models = None,
    artifacts: Artifacts = Path("artifacts"),
    kind: Engine = "ort",
    url: Annotated[str, typer.Option(help="A service that runs already; else one is begun.")] = "",
    clients: Annotated[str, typer.Option(help="Concurrent keep-alive clients.")] = "1,8,32",
    seconds: Seconds = 3.0,
    rounds: Rounds = 5,
    batches: Batches = "1,8",
    json: Json = None,
) -> None:
    """Measures the service over HTTP against the bare loops, in the same interleaved rounds.

    Example: `python -m bench serve squeezenet1_1 --rounds 7 --json report.json`
    """
    plan = scenarios.Plan(artifacts, models or MODELS, seconds, rounds, _numbers(batches), kind)
    with explained(), progress_bar() as progress:
        report = scenarios.serve(plan, _numbers(clients), server_at(url), progress)
    _finish(report, json)


@cli.command()
def precision(
    models: Annotated[list[str] | None, typer.Argument(help="Default: squeezenet1_1.")] = None,
    artifacts: Artifacts = Path("artifacts"),
    seconds: Seconds = 3.0,
    rounds: Rounds = 5,
    json: Json = None,
) -> None:
    """Measures fp32, fp16 and int8 of the same network side by side, without HTTP.

    Example: `python -m bench precision squeezenet1_1 mobilenet_v1`
    """
    with explained(), progress_bar() as progress:
        report = precisions.measure(
            artifacts,
            models or ["squeezenet1_1"],
            seconds=seconds,
            rounds=rounds,
            progress=progress,
        )
    precisions.show(report, console())
    if json:
        save(report, json)


@cli.command()
def load(
    model: Annotated[str, typer.Option(help="Whom to ask.")] = "squeezenet1_1",
    scenario: Annotated[Scenario, typer.Option(help="MLPerf's four: see below.")] = "single",
    url: Annotated[str, typer.Option(help="A service that runs already; else one is begun.")] = "",
    artifacts: Artifacts = Path("artifacts"),
    seconds: Annotated[float, typer.Option(min=0.1, help="A test; MLPerf asks for 600.")] = 10.0,
    images: Annotated[Path, typer.Option(help="A folder of JPEGs to send.")] = loads.EXAMPLES,
    out: Annotated[Path | None, typer.Option(help="For logs. Default: reports/load/DATE.")] = None,
    bound_ms: Annotated[float | None, typer.Option(min=0.1, help="For server's p99.")] = None,
    rate: Annotated[float | None, typer.Option(min=0.1, help="For server: no search.")] = None,
    cross_check: Annotated[bool, typer.Option(help="For server: a second client.")] = False,
) -> None:
    """Tests a service by the rules of MLPerf, with its LoadGen.

    **single**: one request at a time, p90. **multi**: eight at once, p99. **offline**: all at once,
    images a second. **server**: requests arrive at random; the highest rate whose p99 stays under
    a bound, by default 15 ms on a GPU and ten times the p90 of a single stream on a CPU.

    Example: `python -m bench load --url http://127.0.0.1:8000 --scenario server`
    """
    out = out or Path("reports") / "load" / f"{datetime.now(UTC):%Y-%m-%d-%H%M%S}"
    if out.exists() and any(out.iterdir()):
        raise typer.BadParameter(f"{out} is not empty: name another folder with --out")
    if scenario != "server" and (bound_ms or rate or cross_check):
        raise typer.BadParameter("--bound-ms, --rate and --cross-check are for --scenario server")
    plan = loads.Plan(model, scenario, seconds, out, artifacts, images, bound_ms, rate, cross_check)
    with explained(), progress_bar() as progress:
        found = loads.measure(plan, server_at(url), progress)
    load_report.show(found, console())
    told.print(f"logs and results: {load_report.save(found, out)}", soft_wrap=True)
    raise typer.Exit(load_report.exit_code(found))


cli.command("capacity")(capacity_command)
cli.command()(compare)
cli.command()(diff)


def _numbers(text: str) -> list[int]:
    try:
        found = [int(part) for part in text.split(",")]
    except ValueError:
        found = []
    if not found or min(found) < 1:
        raise typer.BadParameter(f"{text!r} is no list like 1,8,32")
    return found


def _finish(report: Report, json: Path | None) -> None:
    show(report, console())
    if json:
        save(report, json)
    failed = any(s.errors() for s in (*report.served, *report.null))
    raise typer.Exit(1 if failed else 0)


if __name__ == "__main__":
    cli()
