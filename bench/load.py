"""Load tests by MLPerf's rules: what is measured in which order, and the search for the rate."""

import asyncio
import dataclasses
import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench import throttle
from bench.http import request
from bench.loadgen import NAMES, NotMeasured, Run, Scenario, Spec, run_test
from bench.machine import Machine, machine
from bench.openloop import OpenLoop
from bench.rounds import Progress, silent
from bench.samples import percentile
from bench.server import Server, check, device, serving

EXAMPLES = Path(__file__).parents[1] / "service" / "page" / "examples"
GPU_BOUND_MS = 15.0  # MLPerf's bound for ResNet-50
CPU_BOUND = 10  # times the p90 of a single stream
STEPS = 5  # halvings of the gap between a rate that held and one that did not
FINAL = 3  # times as long as a step: the rate that was found has to hold again
BACK_OFF = 0.95  # of the rate, when it does not
FINALS = 4  # tries


@dataclass(frozen=True, slots=True)
class Plan:
    """What to measure; `bound_ms` and `rate` None: found out."""

    model: str
    scenario: Scenario
    seconds: float
    out: Path
    artifacts: Path = Path("artifacts")
    images: Path = EXAMPLES
    bound_ms: float | None = None
    rate: float | None = None
    cross_check: bool = False


@dataclass(slots=True)
class Measured:
    """All that a plan led to, in the order in which it was measured."""

    plan: Plan
    machine: Machine
    device: str = ""
    bound_ms: float | None = None
    null: Run | None = None  # offline, against an engine that does nothing
    runs: list[Run] = field(default_factory=list)
    result: Run | None = None  # the one that answers the question
    check_p99: float | None = None  # seconds, of the independent client at the same rate
    check_failures: int = 0
    throttled: dict[str, int] = field(default_factory=dict)
    cut_short: bool = False


def measure(plan: Plan, server: Server | None, progress: Progress = silent) -> Measured:
    """Measures `server`, or a service of its own. On Ctrl-C returns what there is.

    Raises `NotMeasured`, `NotServing` or `FileNotFoundError` with what to do about it.
    """
    found = Measured(plan, machine())
    before = throttle.counters()
    try:
        if server:
            _Session(plan, server, found, progress).measure()
        else:
            with serving(plan.artifacts, [plan.model], "null") as null:
                session = _Session(plan, null, found, progress)
                found.null = session.run("offline", name="null")
            with serving(plan.artifacts, [plan.model], "ort") as own:
                _Session(plan, own, found, progress).measure()
    except KeyboardInterrupt:
        found.cut_short = True
    after = throttle.counters()
    found.throttled = {name: n - before[name] for name, n in after.items() if n > before[name]}
    return found


class _Session:
    """The tests of one server, one after the other."""

    def __init__(self, plan: Plan, server: Server, found: Measured, progress: Progress) -> None:
        check(server, [plan.model])
        self._plan, self._server, self._found, self._progress = plan, server, found, progress
        self._images = pictures(plan.images)
        self._path = f"/predict/{plan.model}?top=5"
        self._numbers = itertools.count(1)

    def measure(self) -> None:
        self._found.device = device(self._server, self._plan.model)
        if self._plan.scenario != "server":
            self._found.result = self._noted(self.run(self._plan.scenario))
            return
        self._found.bound_ms = self._bound()
        if self._plan.rate:
            self._found.result = self._at(self._plan.rate)
        else:
            fastest = self._noted(self.run("offline")).rate
            self._found.result = highest(self._at, self._found.bound_ms / 1e3, fastest)
        if self._plan.cross_check and self._found.result:
            self._cross_check(self._found.result)

    def run(self, scenario: Scenario, name: str = "", **more: Any) -> Run:
        number = next(self._numbers)
        name = name or f"{number:02d}-{scenario}"
        told = f"{NAMES[scenario]} {name}"
        if "rate" in more:
            told += f", {more['rate']:.1f} requests/s"
        self._progress(number - 1, self._total(), told)
        spec = Spec(
            self._server.host,
            self._server.port,
            self._path,
            self._images,
            scenario,
            seconds=self._plan.seconds,
            seed=number,
        )
        return run_test(dataclasses.replace(spec, **more), self._plan.out / name)

    def _total(self) -> int:
        """Tests there are at most."""
        return 1 if self._plan.scenario != "server" or self._plan.rate else 3 + STEPS + FINALS

    def _noted(self, run: Run) -> Run:
        self._found.runs.append(run)
        return run

    def _bound(self) -> float:
        """Milliseconds."""
        if self._plan.bound_ms:
            return self._plan.bound_ms
        if self._found.device not in {"CPU", "none"}:
            return GPU_BOUND_MS
        return self._noted(self.run("single")).p90 * 1e3 * CPU_BOUND

    def _at(self, rate: float, longer: int = 1) -> Run:
        bound = self._found.bound_ms or GPU_BOUND_MS
        seconds = self._plan.seconds * longer
        return self._noted(self.run("server", rate=rate, bound_ms=bound, seconds=seconds))

    def _cross_check(self, result: Run) -> None:
        rate = result.target or result.rate
        self._progress(self._total(), self._total(), f"independent client, {rate:.1f} requests/s")
        host, port = self._server.host, self._server.port
        payloads = [request(host, self._path, Path(file).read_bytes()) for file in self._images]
        client = OpenLoop(host, port, payloads)
        took = asyncio.run(client.run(rate, self._plan.seconds * FINAL))
        self._found.check_p99 = percentile(took, 0.99) if took else None
        self._found.check_failures = client.failures


def highest(at: Callable[..., Run], bound: float, fastest: float) -> Run | None:
    """The test at the highest rate whose p99 stays under `bound` seconds; None if there is none.

    `at(rate, longer)` tests a rate. Between nothing and `fastest`, what the server does offline,
    the gap is halved `STEPS` times; what is found has to hold in a longer test, or else a little
    less.
    """
    low, high = 0.0, fastest
    for _ in range(STEPS):
        middle = (low + high) / 2
        if holds(at(middle), bound):
            low = middle
        else:
            high = middle
    for _ in range(FINALS if low else 0):
        run = at(low, FINAL)
        if holds(run, bound):
            return run
        low *= BACK_OFF
    return None


def holds(run: Run, bound: float) -> bool:
    return run.p99 <= bound and not run.failures


def pictures(directory: Path) -> list[str]:
    """The JPEGs there. Raises `NotMeasured` if there are none."""
    found = [str(f) for f in sorted(directory.glob("*")) if f.suffix.lower() in {".jpg", ".jpeg"}]
    if not found:
        raise NotMeasured(f"{directory} holds no .jpg or .jpeg files")
    return found
