"""What the service says of itself in `/metrics`, and what changed between two looks."""

from collections import Counter
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from itertools import pairwise

from prometheus_client.parser import text_string_to_metric_families

SECONDS, SIZE, LOAD = "convoy_phase_seconds", "convoy_batch_size", "convoy_model_load_seconds"


@dataclass(slots=True)
class Metrics:
    """One model, all its versions: seconds by phase, runs by the images in them (up to)."""

    seconds: dict[str, float] = field(default_factory=dict)
    requests: int = 0
    batches: Counter[str] = field(default_factory=Counter)
    load_s: float | None = None

    def phases_ms(self) -> dict[str, float]:
        """Means."""
        if not self.requests:
            return {}
        return {phase: 1e3 * total / self.requests for phase, total in self.seconds.items()}


def fetch(host: str, port: int) -> str:
    """The text; empty where there is none."""
    connection = HTTPConnection(host, port, timeout=5)
    try:
        connection.request("GET", "/metrics")
        answer = connection.getresponse()
        text = answer.read().decode(errors="replace")
    except (OSError, HTTPException):
        return ""
    finally:
        connection.close()
    return text if answer.status == 200 else ""


def read(text: str, model: str) -> Metrics:
    found = Metrics()
    below: Counter[float] = Counter()  # a histogram's buckets count everything below, too
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            if sample.labels.get("model") != model:
                continue
            phase = sample.labels.get("phase", "")
            if sample.name == f"{SECONDS}_sum":
                found.seconds[phase] = found.seconds.get(phase, 0.0) + sample.value
            elif sample.name == f"{SECONDS}_count" and phase == "total":
                found.requests += int(sample.value)
            elif sample.name == f"{SIZE}_bucket":
                below[float(sample.labels["le"])] += int(sample.value)
            elif sample.name == LOAD:
                found.load_s = sample.value
    for (_, fewer), (size, number) in pairwise([(0.0, 0), *sorted(below.items())]):
        found.batches[f"{size:g}"] = number - fewer
    return found


def since(before: Metrics, after: Metrics) -> Metrics:
    """Between the two looks."""
    seconds = {phase: s - before.seconds.get(phase, 0.0) for phase, s in after.seconds.items()}
    requests = after.requests - before.requests
    return Metrics(seconds, requests, after.batches - before.batches, after.load_s)
