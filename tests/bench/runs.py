"""A measured run that is as good as it should be."""

from bench.loadgen import Run

GOOD = Run(
    scenario="server",
    target=100.0,
    queries=1000,
    rate=100.0,
    p50=0.005,
    p90=0.007,
    p99=0.010,
    lag=0.0001,
    drift=0.01,
    failures=0,
    failure="",
    share=0.1,
    valid=True,
    long_enough=True,
    sure=True,
    logs="04-server",
)
