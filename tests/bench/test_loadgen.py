"""Our reading of LoadGen's logs agrees with LoadGen's own summary of the same test."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from bench.http import request
from bench.loadgen import (
    DETAIL,
    TRACE,
    NotMeasured,
    Run,
    Scenario,
    Spec,
    _per_query,
    _samples,
    read,
    run_test,
)

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}"
BUSY = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n"


def spec(address: Any, scenario: Scenario, tmp_path: Path) -> Spec:
    picture = tmp_path / "picture.jpg"
    picture.write_bytes(b"photo")
    host, port = address
    return Spec(host, port, "/predict/toy", [str(picture)], scenario, seconds=0.3, rate=400.0)


def summary(directory: Path) -> dict[str, Any]:
    lines = (directory / DETAIL).read_text().splitlines()
    records = [json.loads(line.removeprefix(":::MLLOG ")) for line in lines]
    return {r["key"]: r["value"] for r in records}


def run(script: Any, scenario: Scenario, tmp_path: Path) -> tuple[Run, dict[str, Any]]:
    with script(lambda _: OK) as server:
        found = run_test(spec(server.server_address, scenario, tmp_path), tmp_path / "logs")
        assert set(server.requests) == {
            request("127.0.0.1", "/predict/toy", b"photo").replace(b"\r\n\r\n", b"\r\n", 1)
        }
    assert found.failures == 0
    assert found.lag > 0
    return found, summary(tmp_path / "logs")


@pytest.mark.parametrize(
    ("scenario", "figure"),
    [
        ("single", "result_{}.00_percentile_latency_ns"),
        ("server", "result_{}.00_percentile_latency_ns"),
        ("multi", "result_{}.00_percentile_per_query_latency_ns"),
    ],
)
def test_the_percentiles_are_loadgens(
    scenario: Scenario, figure: str, script: Any, tmp_path: Path
) -> None:
    found, said = run(script, scenario, tmp_path)
    assert found.queries == said["result_query_count"] >= 100
    took = sorted(_per_query(_samples((tmp_path / "logs" / TRACE).read_text()), scenario))
    for share, ours in ((50, found.p50), (90, found.p90), (99, found.p99)):
        theirs = took[len(took) * share // 100]  # LoadGen's rank: ours, or the next if it is whole
        assert theirs * 1e9 == pytest.approx(said[figure.format(share)], abs=2)
        assert ours in took[len(took) * share // 100 - 1 :][:2]
    assert found.valid == (said["result_validity"] == "VALID")
    assert found.target == (400.0 if scenario == "server" else None)


def test_the_offline_rate_is_loadgens(script: Any, tmp_path: Path) -> None:
    found, said = run(script, "offline", tmp_path)
    assert found.queries >= 100
    assert found.rate == pytest.approx(said["result_samples_per_second"], rel=0.01)


def test_eight_requests_are_under_way_at_once_in_multi(script: Any, tmp_path: Path) -> None:
    found, _ = run(script, "multi", tmp_path)
    client = json.loads((tmp_path / "logs" / "client.json").read_text())
    assert len(client["lags"]) == 8 * found.queries


def test_refusals_are_counted(script: Any, tmp_path: Path) -> None:
    with script(lambda number: BUSY if number % 2 else OK) as server:
        found = run_test(spec(server.server_address, "single", tmp_path), tmp_path / "logs")
    assert abs(found.failures - found.queries / 2) <= 2
    assert found.failure == "answered 503"


def test_a_server_that_only_refuses_is_not_measured(script: Any, tmp_path: Path) -> None:
    with (
        script(lambda _: BUSY) as server,
        pytest.raises(NotMeasured, match="never answered with 200"),
    ):
        run_test(spec(server.server_address, "single", tmp_path), tmp_path / "logs")


def test_without_loadgen_it_says_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(NotMeasured, match=re.escape("pip install")):
        run_test(spec(("127.0.0.1", 1), "single", tmp_path), tmp_path / "logs")
    assert not (tmp_path / "logs").exists()


SAMPLES = """
{"name":"Sample","cat":"default","ph":"b","pid":1,"id":1,"ts":2000.000,"args":{"sample_seq":1,"query_seq":0,"sample_idx":1,"issue_start_ns":500000,"complete_ns":9000000}},
{"name":"Sample","cat":"default","ph":"b","pid":1,"id":0,"ts":2000.000,"args":{"sample_seq":0,"query_seq":0,"sample_idx":0,"issue_start_ns":500000,"complete_ns":4000000}},
{"name":"Sample","cat":"default","ph":"e", "pid":1,"id":0,"ts":6000.000},
{"name":"Sample","cat":"default","ph":"b","pid":1,"id":2,"ts":12000.000,"args":{"sample_seq":2,"query_seq":1,"sample_idx":0,"issue_start_ns":1000000,"complete_ns":18000000}},
"""


def recorded(directory: Path, scenario: Scenario) -> Run:
    (directory / "mlperf_log_trace.json").write_text(SAMPLES)
    seen = {"lags": [0.001, 0.002, 0.003], "failures": 0, "failure": "", "share": 0.1}
    (directory / "client.json").write_text(json.dumps(seen))
    (directory / DETAIL).write_text(':::MLLOG {"key": "result_validity", "value": "VALID"}\n')
    return read(Spec("here", 80, "/", [], scenario, 1.0), directory)


def test_a_query_takes_as_long_as_its_slowest_sample(tmp_path: Path) -> None:
    found = recorded(tmp_path, "multi")
    assert found.queries == 2
    assert (found.p50, found.p99) == (0.009, 0.018)
    assert found.drift == pytest.approx(1.0)  # 18 ms after 9 ms
    assert found.rate == pytest.approx(3 / 0.028)  # from 2 ms to 30 ms
    assert found.lag == pytest.approx(0.004)  # LoadGen's 1 ms and the client's 3 ms


def test_offline_counts_samples_and_its_drift_is_that_of_the_gaps(tmp_path: Path) -> None:
    found = recorded(tmp_path, "offline")
    assert found.queries == 3
    assert found.drift == pytest.approx(9 / 5 - 1)


def test_logs_without_requests_are_no_measurement(tmp_path: Path) -> None:
    recorded(tmp_path, "multi")
    (tmp_path / "mlperf_log_trace.json").write_text("{}")
    with pytest.raises(NotMeasured, match="no requests"):
        read(Spec("here", 80, "/", [], "multi", 1.0), tmp_path)
