"""Comparisons that nobody measured: figures from a seeded generator, so that truth is known."""

import random
from collections.abc import Callable
from typing import Any

import pytest

from bench.compare.plan import SHARES, SIZES
from bench.compare.results import BatchRate, Network, Point, Results, Round, Stream

Row = tuple[str, float, float | None, str, float | None, int, int]
NETWORKS: tuple[Row, ...] = (
    # name, ms of a request, top-1 published, weights, top-1 measured, parameters, multiply-adds
    ("lenet5_plain", 1.0, None, "digits-v1", 0.997, 61_706, 416_520),
    ("alexnet", 18.0, 56.5, "random", None, 61_100_840, 714_188_480),
    ("squeezenet1_1", 6.0, 58.2, "scenes-v1", 0.987, 1_235_496, 349_151_936),
    ("googlenet", 22.0, 69.8, "random", None, 6_624_904, 1_498_352_128),
    ("resnet50", 45.0, 76.1, "random", None, 25_557_032, 4_089_184_256),
)

Make = Callable[..., Results]


def network(row: Row, rounds: int, scatter: float, seed: int) -> Network:
    name, ms, published, weights, top1, parameters, macs = row
    chance = random.Random(f"{name} {seed}")

    def test(slower: float) -> dict[str, Any]:
        middle = slower * ms * chance.lognormvariate(0, scatter)
        took = sorted(middle * chance.lognormvariate(0, 0.1) for _ in range(200))
        p50, p90, p99 = (took[int(200 * share) - 1] / 1e3 for share in (0.5, 0.9, 0.99))
        return {"count": 200, "p50": p50, "p90": p90, "p99": p99, "latencies_ms": took}

    def rate() -> float:
        return 1500 / ms * chance.lognormvariate(0, scatter)

    phases = {"read": 0.1, "decode": 1.0, "queue": 0.2, "infer": ms, "post": 0.2, "total": ms + 1.5}
    targets = [share * 1500 / ms for share in SHARES]
    return Network(
        name=name,
        year=2012,
        input="3x224x224",
        parameters=parameters,
        macs=macs,
        published_top1=published,
        metrics={"top1": top1} if top1 else {},
        trained=top1 is not None,
        weights=weights,
        engine="onnxruntime",
        precision="fp32",
        device="CPU",
        load_ms=120.0,
        memory_bytes=100_000_000,
        targets=targets,
        bound_ms=10 * ms,
        rate_at_bound=targets[-2],
        batch_rates=[BatchRate(size=size, rate=rate()) for size in SIZES],
        rounds=[
            Round(
                single=Stream(rate=1e3 / ms, **test(1)),
                offline=Stream(rate=rate(), **test(50)),
                curve=[
                    Point(target=target, achieved=target, phases_ms=phases, **test(slower))
                    for target, slower in zip(targets, (1.2, 2, 4, 20), strict=True)
                ],
                phases_ms=phases,
                batches={"1": 10, "8": 20},
                batch_rates=[BatchRate(size=size, rate=rate()) for size in SIZES],
            )
            for _ in range(rounds)
        ],
    )


@pytest.fixture
def make() -> Make:
    """Rounds scatter by `scatter`; two seeds are two runs of the same code."""

    def made(rounds: int = 3, scatter: float = 0.03, seed: int = 1) -> Results:
        return Results(
            created="2026-11-21T08:00:00+00:00",
            finished=True,
            machine={"cpu": "a CPU", "cores": 2, "load": 0.1, "system": "Linux", "python": "3.11"},
            versions={"onnxruntime": "1.31"},
            commit="abc1234",
            settings={
                "models": [row[0] for row in NETWORKS],
                "seconds": 2.5,
                "rounds": rounds,
                "bound_ms": None,
                "shares": list(SHARES),
                "sizes": list(SIZES),
                "service": {},
            },
            null_rate=9000.0,
            networks=[network(row, rounds, scatter, seed) for row in NETWORKS],
        )

    return made
