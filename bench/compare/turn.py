"""One network's turn in a round: all at once, one at a time, at random, and the engine alone."""

import dataclasses
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench import load_report, metrics
from bench.bare import newest
from bench.compare.alone import alone
from bench.compare.plan import SHARES, SIZES, Plan
from bench.compare.results import BatchRate, Network, Point, Round, Stream
from bench.loadgen import METRICS, Run, Scenario, latencies, run_test
from bench.metrics import Metrics
from bench.server import Server

ALONE = 0.2  # of the seconds of a test, for each size
KEPT = 1000  # latencies of a test that go into the results
GROWS = 1.0  # share of the offline rate at which a queue grows and nothing is stable


class Turns:
    """Takes them; `tell` hears of each test before it begins."""

    def __init__(self, plan: Plan, server: Server, tell: Callable[[str], None]) -> None:
        self._plan, self._server, self._tell = plan, server, tell
        self._ours = server.pid is not None  # or else its engine is not at hand
        self.tests = 2 + len(SHARES) + self._ours

    def take(self, network: Network, number: int) -> Round:
        """The first one also sets the network's targets: shares of what it does offline."""
        stem = f"{number + 1}-{network.name}"
        offline, full = self._stream(network, f"{stem}-offline", "offline")
        network.targets = network.targets or [share * offline.rate for share in SHARES]
        single, alone = self._stream(network, f"{stem}-single", "single")
        return Round(
            single=single,
            offline=offline,
            curve=[self._point(network, stem, number, i) for i in range(len(SHARES))],
            phases_ms=alone.phases_ms(),
            batches=full.batches,
            batch_rates=self._engine(network) if self._ours else [],
        )

    def _stream(self, network: Network, name: str, scenario: Scenario) -> tuple[Stream, Metrics]:
        run, figures, seen = self._run(network, name, scenario)
        return Stream(rate=run.rate, doubts=doubts(run), **figures), seen

    def _point(self, network: Network, stem: str, number: int, place: int) -> Point:
        target, share = network.targets[place], SHARES[place]
        more = {"rate": target, "seed": number + 1}
        run, figures, seen = self._run(network, f"{stem}-{share:.0%}", "server", **more)
        return Point(
            target=target,
            achieved=run.rate,
            phases_ms=seen.phases_ms(),
            batches=seen.batches,
            doubts=doubts(run, stable=share < GROWS),
            **figures,
        )

    def _run(
        self, network: Network, name: str, scenario: Scenario, **more: Any
    ) -> tuple[Run, dict[str, Any], Metrics]:
        """One test, what every kind of test tells, and what the service counted meanwhile."""
        self._tell(f"{network.name}, {name.rpartition('-')[2]}")
        directory = fresh(self._plan.out / "logs" / name)
        spec = self._plan.spec(self._server, network.name, scenario, **more)
        run = run_test(spec, directory)
        after = metrics.read(metrics.fetch(self._server.host, self._server.port), network.name)
        before = metrics.read((directory / METRICS).read_text(), network.name)
        took = sorted(1e3 * seconds for seconds in latencies(spec, directory))
        figures = {
            "count": run.queries,
            "failures": run.failures,
            "p50": run.p50,
            "p90": run.p90,
            "p99": run.p99,
            "latencies_ms": [round(ms, 4) for ms in thinned(took)],
        }
        return run, figures, metrics.since(before, after)

    def _engine(self, network: Network) -> list[BatchRate]:
        self._tell(f"{network.name}, engine")
        directory = newest(self._plan.artifacts, network.name)
        found = alone(directory, network.precision, ALONE * self._plan.seconds, list(SIZES))
        network.memory_bytes = network.memory_bytes or found.memory_bytes
        return found.batch_rates


def doubts(run: Run, *, stable: bool = True) -> dict[str, str]:
    """Warnings by name.

    In the server scenario LoadGen's "enough queries" asks about a bound that was not asked for
    here; where it is not `stable`, the second half has to be slower.
    """
    asked = dataclasses.replace(
        run, sure=run.sure or run.scenario == "server", drift=run.drift if stable else 0.0
    )
    return {w.name: w.detail for w in load_report.of_run(asked, None)}


def thinned(ordered: list[float]) -> list[float]:
    """At most `KEPT` of them, evenly by rank, the first and the last included."""
    if len(ordered) <= KEPT:
        return ordered
    step = (len(ordered) - 1) / (KEPT - 1)
    return [ordered[round(i * step)] for i in range(KEPT)]


def fresh(directory: Path) -> Path:
    """Without what a test left there that was cut short."""
    shutil.rmtree(directory, ignore_errors=True)
    return directory
