"""The two scenarios: the engine alone, and the service against it."""

import contextlib
import dataclasses
from dataclasses import dataclass
from pathlib import Path

from bench import targets, warnings
from bench.bare import Bare, forms, newest
from bench.machine import Machine, machine
from bench.photograph import photograph
from bench.report import Report
from bench.rounds import Progress, interleave
from bench.samples import Contestant, Series
from bench.server import Served, Server, check, serving
from service.engines import Kind
from service.settings import cores

NULL_CLIENTS = 8
ALONE = "lenet5_plain"  # the smallest image, so that what is measured is the server


@dataclass(frozen=True, slots=True)
class Plan:
    artifacts: Path
    models: list[str]
    seconds: float
    rounds: int
    batches: list[int]
    kind: Kind


def engine(plan: Plan, progress: Progress) -> Report:
    """All bare forms of all models."""
    here = machine()
    series = interleave(bare(plan), rounds=plan.rounds, seconds=plan.seconds, progress=progress)
    return report("engine", plan, here, bare=series, served=[], null=[])


def serve(plan: Plan, clients: list[int], server: Server | None, progress: Progress) -> Report:
    """The service at each number of clients, the bare forms, and the null engine if it is ours."""
    here, image = machine(), photograph()
    with contextlib.ExitStack() as stack:
        loops = bare(plan)
        null: list[Contestant] = []
        if server is None:
            server = stack.enter_context(serving(plan.artifacts, plan.models, plan.kind))
            null = server_alone(plan, image, stack)
        check(server, plan.models)
        served = [Served(server, m, image, n) for m in plan.models for n in clients]
        everybody: list[Bare | Served] = [*loops, *served]
        order = sorted(everybody, key=lambda c: plan.models.index(c.model))
        series = interleave(
            [*order, *null], rounds=plan.rounds, seconds=plan.seconds, progress=progress
        )
    n = len(order)
    groups = {
        "bare": [s for c, s in zip(order, series[:n], strict=True) if isinstance(c, Bare)],
        "served": [s for c, s in zip(order, series[:n], strict=True) if isinstance(c, Served)],
        "null": series[n:],
    }
    return report("serve", plan, here, **groups)


def bare(plan: Plan) -> list[Bare]:
    image, lanes = photograph(), cores()
    found: list[Bare] = []
    for model in plan.models:
        directory = newest(plan.artifacts, model)
        found += forms(directory, image, lanes=lanes, batches=plan.batches, kind=plan.kind)
    return found


def server_alone(plan: Plan, image: bytes, stack: contextlib.ExitStack) -> list[Contestant]:
    """The service with an engine that does nothing, and that engine with the decoder, no HTTP."""
    model = ALONE if ALONE in plan.models else plan.models[0]
    server = stack.enter_context(serving(plan.artifacts, [model], "null"))
    served = Served(server, model, image, NULL_CLIENTS)
    loop = forms(newest(plan.artifacts, model), image, lanes=1, batches=[1], kind="null")[0]
    loop.name = "decode and null engine, no HTTP"
    return [served, loop]


def report(
    scenario: str,
    plan: Plan,
    here: Machine,
    *,
    bare: list[Series],
    served: list[Series],
    null: list[Series],
) -> Report:
    verdicts = [
        verdict
        for model in plan.models
        for verdict in targets.verdicts(
            model, [s for s in bare if s.model == model], [s for s in served if s.model == model]
        )
    ]
    everybody = [*bare, *served, *null]
    warned = [
        *warnings.of_machine(here),
        *warnings.of_rounds(min((len(s.samples) for s in everybody), default=0), plan.rounds),
        *warnings.of_series(everybody),
        *warnings.of_verdicts(verdicts),
    ]
    settings = dataclasses.asdict(plan) | {"artifacts": plan.artifacts.name}
    return Report(scenario, settings, here, bare, served, null, verdicts, warned)
