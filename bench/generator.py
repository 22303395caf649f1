"""One LoadGen test as a process of its own: `python -m bench.generator DIRECTORY`.

A process, because LoadGen cannot be stopped: Ctrl-C ends the process. It finds `spec.json` in the
directory and leaves LoadGen's logs there, in `client.json` what LoadGen cannot know, and in
`metrics.txt` what the server had counted when the test began, after warming up.
"""

import dataclasses
import json
import sys
import time
from pathlib import Path
from typing import Any

import mlperf_loadgen as loadgen

from bench import metrics
from bench.client import Load
from bench.connections import Connections
from bench.http import request
from bench.loadgen import CLIENT, METRICS, NAMES, SPEC, Seen, Spec

QUERIES = 100  # at least, however slow the network is
STREAMS = 8  # requests at once in MultiStream, as MLPerf has it
WARM_UP_S = 0.5
MARGIN = 1.5  # LoadGen draws its queries beforehand: rather too many than too few


def settings(spec: Spec, latency: float, rate: float) -> Any:
    """LoadGen's settings; `latency` (s) of one request and `rate` (1/s) are from warming up."""
    s = loadgen.TestSettings()
    s.scenario = getattr(loadgen.TestScenario, NAMES[spec.scenario])
    s.mode = loadgen.TestMode.PerformanceOnly
    s.min_duration_ms = round(spec.seconds * 1e3)
    s.min_query_count = QUERIES
    s.single_stream_expected_latency_ns = round(latency / MARGIN * 1e9)
    s.multi_stream_expected_latency_ns = round(latency / MARGIN * 1e9)
    s.multi_stream_samples_per_query = STREAMS
    s.multi_stream_target_latency_percentile = 0.99
    s.server_target_qps = spec.rate
    s.server_target_latency_ns = round(spec.bound_ms * 1e6)
    s.server_target_latency_percentile = 0.99
    s.offline_expected_qps = rate * MARGIN
    s.qsl_rng_seed = s.sample_index_rng_seed = s.schedule_rng_seed = spec.seed
    return s


def run(spec: Spec, directory: Path) -> Seen:
    """Warms up, then lets LoadGen test. Raises `OSError` if there is no server."""
    address = (spec.host, spec.port)
    payloads = [request(spec.host, spec.path, Path(file).read_bytes()) for file in spec.images]
    one, many = (Load(address, payloads[0], clients).run(WARM_UP_S) for clients in (1, STREAMS))
    if not one.count or not many.count:
        raise OSError(f"{spec.path} was never answered with 200")
    connections = Connections(address, payloads, complete)
    (directory / METRICS).write_text(metrics.fetch(*address))

    def issue(samples: list[Any]) -> None:
        for sample in samples:
            connections.send(sample.id, sample.index)

    logs = loadgen.LogSettings()
    logs.log_output.outdir = str(directory)
    logs.enable_trace = True  # each request with its own times
    sut = loadgen.ConstructSUT(issue, nothing)
    count = len(payloads)
    library = loadgen.ConstructQSL(count, count, ignore, ignore)
    wall, cpu = time.perf_counter(), time.process_time()
    loadgen.StartTestWithLogSettings(sut, library, settings(spec, one.p50, many.rate), logs)
    share = (time.process_time() - cpu) / (time.perf_counter() - wall)
    connections.close()
    loadgen.DestroyQSL(library)
    loadgen.DestroySUT(sut)
    failures = connections.failures
    return Seen(connections.lags, len(failures), failures[0] if failures else "", share)


def complete(ticket: int) -> None:
    loadgen.QuerySamplesComplete([loadgen.QuerySampleResponse(ticket, 0, 0)])


def nothing() -> None:
    """LoadGen says that it will send no more; all has been sent on by then."""


def ignore(_indices: list[int]) -> None:
    """LoadGen wants samples loaded or dropped; they are few and stay in memory."""


def main() -> None:
    directory = Path(sys.argv[1])
    spec = Spec(**json.loads((directory / SPEC).read_text()))
    try:
        seen = run(spec, directory)
    except OSError as error:
        sys.exit(str(error))
    (directory / CLIENT).write_text(json.dumps(dataclasses.asdict(seen)) + "\n")


if __name__ == "__main__":
    main()
