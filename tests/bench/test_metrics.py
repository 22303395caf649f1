"""What the service counted between two looks at its metrics."""

from bench import metrics
from bench.server import free_port

TEXT = """\
# TYPE convoy_phase_seconds histogram
convoy_phase_seconds_sum{{model="toy",version="1",engine="ort",phase="infer"}} {infer}
convoy_phase_seconds_count{{model="toy",version="1",engine="ort",phase="infer"}} {count}
convoy_phase_seconds_sum{{model="toy",version="1",engine="ort",phase="total"}} {total}
convoy_phase_seconds_count{{model="toy",version="1",engine="ort",phase="total"}} {count}
convoy_phase_seconds_sum{{model="other",version="1",engine="ort",phase="total"}} 99.0
# TYPE convoy_batch_size histogram
convoy_batch_size_bucket{{model="toy",version="1",engine="ort",le="1.0"}} {small}
convoy_batch_size_bucket{{model="toy",version="1",engine="ort",le="2.0"}} {small}
convoy_batch_size_bucket{{model="toy",version="1",engine="ort",le="+Inf"}} {all}
# TYPE convoy_model_load_seconds gauge
convoy_model_load_seconds{{model="toy",version="1",engine="ort"}} 0.25
"""


def test_only_what_happened_between_the_looks_counts() -> None:
    before = metrics.read(TEXT.format(infer=1.0, total=2.0, count=10, small=5, all=6), "toy")
    after = metrics.read(TEXT.format(infer=1.5, total=3.0, count=110, small=25, all=36), "toy")
    found = metrics.since(before, after)
    assert found.requests == 100
    assert {name: round(ms, 6) for name, ms in found.phases_ms().items()} == {
        "infer": 5.0,
        "total": 10.0,
    }
    assert found.batches == {"1": 20, "inf": 10}
    assert found.load_s == 0.25


def test_a_server_without_metrics_has_no_phases() -> None:
    assert metrics.fetch("127.0.0.1", free_port()) == ""
    assert metrics.read("", "toy").phases_ms() == {}
    assert metrics.read("", "toy").load_s is None
