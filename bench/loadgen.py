"""One test by MLPerf LoadGen: its settings, the process it runs in, and what its logs say.

LoadGen decides when each request is due and measures from then; its rules are those of
https://github.com/mlcommons/inference_policies.
"""

import dataclasses
import importlib.util
import json
import re
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from statistics import fmean, median
from typing import Any, Literal

from bench.samples import percentile

SPEC, CLIENT, METRICS, TRACE, DETAIL = (
    "spec.json",
    "client.json",
    "metrics.txt",
    "mlperf_log_trace.json",
    "mlperf_log_detail.txt",
)
SAMPLE = re.compile(
    r'"name":"Sample".*"ph":"b".*"ts":(?P<due>[-\d.]+),"args":\{"sample_seq":(?P<sample>\d+),'
    r'"query_seq":(?P<query>\d+),.*"issue_start_ns":(?P<late>\d+),"complete_ns":(?P<took>\d+)'
)

Scenario = Literal["single", "multi", "server", "offline"]
NAMES: dict[Scenario, str] = {
    "single": "SingleStream",
    "multi": "MultiStream",
    "server": "Server",
    "offline": "Offline",
}


class NotMeasured(Exception):
    """The generator could not do its work; says why."""


@dataclass(frozen=True, slots=True)
class Spec:
    """One test: what is sent where, and how."""

    host: str
    port: int
    path: str
    images: list[str]
    scenario: Scenario
    seconds: float
    rate: float = 1.0  # requests a second, of the server scenario
    bound_ms: float = 15.0  # for the p99 of the server scenario
    seed: int = 1


@dataclass(frozen=True, slots=True)
class Seen:
    """What the generator saw itself of one test."""

    lags: list[float]  # seconds, in the order of LoadGen's samples
    failures: int
    failure: str  # the first one
    share: float  # of one core, while the test ran


@dataclass(frozen=True, slots=True)
class Run:
    """One test. Times in seconds, from the moment a query was due until all of it was answered."""

    scenario: Scenario
    target: float | None  # requests a second that were asked for, in the server scenario
    queries: int
    rate: float  #          images a second
    p50: float
    p90: float
    p99: float
    lag: float  #           p99 of what the generator itself was late
    drift: float  #         second half against the first: 0.1 is a tenth slower or faster
    failures: int
    failure: str
    share: float  #         of one core, used by the generator
    valid: bool  #          LoadGen's own verdict; the next three are its reasons
    long_enough: bool
    sure: bool  #           enough queries for the percentile ("early stopping")
    logs: str


def run_test(spec: Spec, directory: Path) -> Run:
    """Runs it and leaves all logs in `directory`, which must not exist.

    Raises `NotMeasured`, and on Ctrl-C `KeyboardInterrupt` at once.
    """
    if importlib.util.find_spec("mlperf_loadgen") is None:
        raise NotMeasured("LoadGen is not installed: run `pip install -e '.[bench]'`")
    directory.mkdir(parents=True)
    (directory / SPEC).write_text(json.dumps(dataclasses.asdict(spec), indent=1) + "\n")
    process = subprocess.Popen(  # noqa: S603 - our own interpreter, our own module
        [sys.executable, "-m", "bench.generator", str(directory)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        process_group=0,  # a Ctrl-C is for us
    )
    try:
        _, words = process.communicate()
    finally:
        process.kill()
        process.wait()
    if process.returncode:
        raise NotMeasured((words.strip().splitlines() or ["the generator died"])[-1])
    return read(spec, directory)


def read(spec: Spec, directory: Path) -> Run:
    """What the logs in `directory` say. Raises `NotMeasured` if they say nothing."""
    samples = _samples((directory / TRACE).read_text())
    seen = Seen(**json.loads((directory / CLIENT).read_text()))
    said = _said((directory / DETAIL).read_text())
    if not samples:
        raise NotMeasured(f"{directory / TRACE} has no requests in it")
    took = _per_query(samples, spec.scenario)
    lags = [s.late + lag for s, lag in zip(samples, seen.lags, strict=True)]
    return Run(
        scenario=spec.scenario,
        target=spec.rate if spec.scenario == "server" else None,
        queries=len(took),
        rate=len(samples) / (max(s.due + s.took for s in samples) - samples[0].due),
        p50=percentile(took, 0.5),
        p90=percentile(took, 0.9),
        p99=percentile(took, 0.99),
        lag=percentile(lags, 0.99),
        drift=_drift(_gaps(took), fmean) if spec.scenario == "offline" else _drift(took, median),
        failures=seen.failures,
        failure=seen.failure,
        share=seen.share,
        valid=said.get("result_validity") == "VALID",
        long_enough=bool(said.get("result_min_duration_met")),
        sure=bool(said.get("early_stopping_met")),
        logs=directory.name,
    )


def latencies(spec: Spec, directory: Path) -> list[float]:
    """Seconds of each query, in the order in which they were due."""
    return _per_query(_samples((directory / TRACE).read_text()), spec.scenario)


@dataclass(frozen=True, slots=True)
class Sample:
    """One request. Seconds; `late` and `took` from `due`."""

    number: int
    query: int
    due: float
    late: float  # until LoadGen handed it over
    took: float


def _samples(trace: str) -> list[Sample]:
    found = [
        Sample(
            int(m["sample"]),
            int(m["query"]),
            float(m["due"]) / 1e6,
            int(m["late"]) / 1e9,
            int(m["took"]) / 1e9,
        )
        for m in SAMPLE.finditer(trace)
    ]
    return sorted(found, key=lambda s: s.number)


def _said(detail: str) -> dict[str, Any]:
    """LoadGen's results by their names."""
    lines = (line.removeprefix(":::MLLOG ") for line in detail.splitlines())
    records = [json.loads(line) for line in lines if line.startswith("{")]
    return {record["key"]: record["value"] for record in records}


def _per_query(samples: Sequence[Sample], scenario: Scenario) -> list[float]:
    """How long each query took: as its slowest sample. Offline is one query: all its samples."""
    if scenario == "offline":
        return [s.took for s in samples]
    slowest: dict[int, float] = {}
    for s in samples:
        slowest[s.query] = max(s.took, slowest.get(s.query, 0.0))
    return list(slowest.values())


def _gaps(took: Sequence[float]) -> list[float]:
    """Seconds between one answer and the next, of requests that were all due at once."""
    return [after - before for before, after in pairwise(sorted(took))]


def _drift(values: Sequence[float], middle: Callable[[Sequence[float]], float]) -> float:
    """How much longer the second half took than the first, as a share; 0 of too few."""
    half = len(values) // 2
    return middle(values[half:]) / middle(values[:half]) - 1 if half else 0.0
