"""How many replicas of each network a rate and a bound take, from what a comparison measured.

A replica is simulated (`bench/queueing.py`) with the times that were measured: an image alone
takes what the single stream took, with its scatter; n images take a lane what the engine alone took
for n, and each what offline took beyond that (HTTP, decoding). Replicas are asked at random, so
each sees Poisson arrivals at its share of the rate. Beside it stands what the simulation says of
the very tests that were measured: that is how far to trust it.
"""

import itertools
import math
import statistics
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from bench.compare.results import Network, Results, Round
from bench.queueing import F64, Station, simulate
from bench.rounds import Progress, silent

IMAGES = 20_000  # of a simulation: 200 lie beyond the p99
REPEATS = 19  # simulations of a measured test, each as long as that; their range holds 9 of 10 more
STABLE = 0.95  # of the offline rate; beyond it a queue grows for as long as a test lasts
MOST = 10_000  # replicas; who needs more needs another network


@dataclass(frozen=True, slots=True)
class Model:
    """A replica, and by how much the time of an image scatters: factors of mean 1, sorted."""

    station: Station
    scatter: F64

    def p99(self, rate: float, images: int = IMAGES, seed: int = 1) -> float:
        """Seconds, at `rate` requests a second at random."""
        rng = np.random.default_rng(seed)
        arrivals = np.cumsum(rng.exponential(1 / rate, images))
        ranks = np.linspace(0, 1, len(self.scatter))
        factors = np.interp(rng.random(images), ranks, self.scatter)
        return float(np.quantile(simulate(self.station, arrivals, factors), 0.99))


@dataclass(frozen=True, slots=True)
class Check:
    """One rate of the measured curve; seconds, medians over rounds and repeats.

    The repeats go from `low` to `high`: so far does chance alone take a test of that length.
    """

    rate: float
    measured: float
    simulated: float
    low: float
    high: float
    stable: bool

    @property
    def error(self) -> float:
        """Of the simulation, as a share of what was measured."""
        return self.simulated / self.measured - 1

    @property
    def chance(self) -> bool:
        """Whether the error may be no more than that."""
        return self.low <= self.measured <= self.high


@dataclass(frozen=True, slots=True)
class Capacity:
    """What one network takes; None: no number of replicas holds the bound."""

    name: str
    replicas: int | None
    rate: float | None  # images a second of each replica
    load: float | None  # that rate as a share of what a replica does offline
    p99: float | None  # seconds, simulated, at that rate
    cost: float | None  # of a million images; None without a price as well
    checks: list[Check]

    @property
    def error(self) -> float | None:
        """The largest of the checks at a stable rate; None if there was none."""
        return max((c.error for c in self.checks if c.stable), key=abs, default=None)


def capacity(
    results: Results,
    *,
    rate: float,
    bound: float,
    price: float | None = None,
    progress: Progress = silent,
) -> list[Capacity]:
    """All measured networks at `rate` images a second, p99 within `bound` seconds.

    `price` is of one replica for an hour.
    """
    found = []
    networks = results.measured()
    for done, network in enumerate(networks):
        progress(done, len(networks), network.name)
        model = model_of(network, lanes_of(results))
        number = replicas(model, rate, bound, at_least=math.ceil(rate / offline(network)))
        each = rate / number if number else None
        found.append(
            Capacity(
                name=network.name,
                replicas=number,
                rate=each,
                load=each and each / offline(network),
                p99=each and model.p99(each),
                cost=number * price / (rate * 3600) * 1e6 if number and price is not None else None,
                checks=checks(network, model),
            )
        )
    return found


def replicas(model: Model, rate: float, bound: float, at_least: int = 1) -> int | None:
    """The fewest that hold the bound, at least so many; None if `MOST` do not."""

    def holds(number: int) -> bool:
        return model.p99(rate / number) <= bound

    if not holds(MOST):
        return None
    doubled = (min(MOST, at_least << i) for i in itertools.count())
    high = next(number for number in doubled if number == MOST or holds(number))
    low = max(at_least - 1, high // 2)  # does not hold
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if holds(middle) else (middle, high)
    return high


def model_of(network: Network, lanes: int) -> Model:
    """A replica of the network on a device with so many lanes."""
    on_cpu = network.device == "CPU"
    lanes = lanes if on_cpu else 1  # a GPU's streams share one device
    singles = np.sort(np.concatenate([r.single.latencies_ms for r in network.rounds])) / 1e3
    alone = float(singles.mean())
    batch = batch_seconds(network, lanes, alone)
    station = Station(lanes, largest(network.rounds), alone, batch, share_out=on_cpu)
    return Model(station, singles / alone)


def batch_seconds(network: Network, lanes: int, alone: float) -> Callable[[int], float]:
    """Seconds that one of the lanes takes for n images, answers included."""
    usual = images_a_run(network.rounds)  # offline
    each = lanes / offline(network)  # seconds of a lane for an image there
    sizes = [float(b.size) for b in network.batch_rates]
    engine = [lanes / b.rate for b in network.batch_rates]
    if not sizes:  # the engine was not at hand: one device gains evenly up to what was seen
        sizes, engine = [1.0, usual], [alone if lanes == 1 else each, each]
    beside = max(0.0, each - float(np.interp(usual, sizes, engine)))
    return lambda n: float(n * (np.interp(n, sizes, engine) + beside))


def checks(network: Network, model: Model) -> list[Check]:
    """The simulation beside every rate of the curve, in tests as long as those."""
    found = []
    for place, target in enumerate(network.targets):
        points = [r.curve[place] for r in network.rounds if place < len(r.curve)]
        if not points:
            continue
        images = round(statistics.median(p.count for p in points))
        again = [model.p99(target, images, seed) for seed in range(REPEATS)]
        measured = statistics.median(p.p99 for p in points)
        stable = target < STABLE * offline(network)
        simulated = (statistics.median(again), min(again), max(again))
        found.append(Check(target, measured, *simulated, stable))
    return found


def offline(network: Network) -> float:
    """Images a second."""
    return statistics.median(r.offline.rate for r in network.rounds)


def images_a_run(rounds: list[Round]) -> float:
    """The mean offline; 1 where the service did not tell."""
    runs = [(float(size), number) for r in rounds for size, number in r.batches.items()]
    number = sum(runs for _, runs in runs)
    return sum(size * runs for size, runs in runs) / number if number else 1.0


def largest(rounds: list[Round]) -> int:
    """Images of the largest run that was seen."""
    seen = [r.batches for r in rounds] + [p.batches for r in rounds for p in r.curve]
    return max((int(float(size)) for sizes in seen for size, n in sizes.items() if n), default=1)


def lanes_of(results: Results) -> int:
    """As many as the service had: one a core unless it was told otherwise."""
    told: dict[str, Any] = results.settings.get("service", {})
    return int(told.get("CONVOY_LANES") or results.machine.get("cores") or 1)
