"""Every network takes its turn in every round, so that noise hits all alike.

After each turn everything is on disk; Ctrl-C loses the turn it falls into.
"""

import itertools
from pathlib import Path
from statistics import median

from bench import throttle
from bench.bare import newest
from bench.compare import verdict
from bench.compare.facts import facts
from bench.compare.plan import Plan
from bench.compare.results import BatchRate, Network, Results
from bench.compare.turn import Turns, fresh
from bench.load import CPU_BOUND, GPU_BOUND_MS, pictures
from bench.loadgen import run_test
from bench.rounds import Progress, silent
from bench.server import Server, check, serving
from models.card import CARD, ModelCard


def measure(plan: Plan, server: Server | None, progress: Progress = silent) -> Results:
    """Measures `server`, or a service of its own. On Ctrl-C returns what there is.

    What lies in `plan.out` is resumed. Raises `NotMeasured`, `NotServing`, `FileNotFoundError`,
    `BadResults` or `Mismatch` with what to do about it.
    """
    found = plan.results()
    before = throttle.counters()
    try:
        if server:
            _rounds(plan, server, found, progress)
        else:
            found.null_rate = found.null_rate or null_rate(plan, progress)
            with serving(plan.artifacts, plan.models, "ort") as own:
                _rounds(plan, own, found, progress)
    except KeyboardInterrupt:
        found.finished = False
    for reason, times in throttle.counters().items():
        found.throttled[reason] = found.throttled.get(reason, 0) + times - before[reason]
    found.warnings = list(verdict.warned(found))
    if found.measured():
        found.write(plan.out)
    return found


def null_rate(plan: Plan, progress: Progress) -> float:
    """Images a second offline in an engine that does nothing: what the generator is good for.

    Of the network with the smallest image.
    """

    def size(model: str) -> int:
        return ModelCard.read(newest(plan.artifacts, model) / CARD).preprocessing.size

    model = min(plan.models, key=size)
    progress(0, 1, f"{model}, null engine")
    with serving(plan.artifacts, [model], "null") as null:
        spec = plan.spec(null, model, "offline")
        return run_test(spec, fresh(plan.out / "logs" / "null")).rate


def _rounds(plan: Plan, server: Server, found: Results, progress: Progress) -> None:
    """Those that are missing. Every second one runs backwards, as in `bench.rounds`."""
    check(server, plan.models)
    image = Path(pictures(plan.images)[0])
    found.networks = found.networks or [facts(server, model, image) for model in plan.models]
    rounds: int = found.settings["rounds"]
    turns = [
        (number, network)
        for number in range(rounds)
        for network in found.networks[:: -1 if number % 2 else 1]
        if len(network.rounds) <= number
    ]
    done = itertools.count()
    taker = Turns(plan, server, lambda who: progress(next(done), len(turns) * taker.tests, who))
    for number, network in turns:
        network.rounds.append(taker.take(network, number))
        _summarise(network, plan.bound_ms)
        found.write(plan.out)
    found.finished = True


def _summarise(network: Network, bound_ms: float | None) -> None:
    """What is one figure over all rounds."""
    single = 1e3 * median(each.single.p90 for each in network.rounds)
    usual = CPU_BOUND * single if network.device in {"CPU", "none"} else GPU_BOUND_MS
    network.bound_ms = bound_ms or usual
    held = [verdict.rate_at(each.curve, network.bound_ms / 1e3) for each in network.rounds]
    network.rate_at_bound = median(held)
    network.batch_rates = [
        BatchRate(size=rows[0].size, rate=median(row.rate for row in rows))
        for rows in zip(*(each.batch_rates for each in network.rounds), strict=True)
    ]
