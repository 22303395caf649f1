"""What Prometheus scrapes. Names are the contract's; units are base units."""

import math
from collections.abc import Iterable

from prometheus_client import REGISTRY, Counter, Gauge, Histogram
from prometheus_client.core import HistogramMetricFamily
from prometheus_client.registry import Collector

from service.engines.device import gpu
from service.latency import Latency

LABELS = ("model", "version", "engine")
SIZES = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 256)

REQUESTS = Counter("convoy_requests_total", "Requests answered.", (*LABELS, "status"))
IMAGES = Counter("convoy_images_total", "Images predicted.", LABELS)
BATCH = Histogram("convoy_batch_size", "Images in a run.", LABELS, buckets=SIZES)
BATCHES = Counter("convoy_batches_total", "Runs of the engine.", (*LABELS, "released"))
QUEUE = Gauge("convoy_queue_depth", "Images waiting.", LABELS)
REJECTED = Counter("convoy_rejected_total", "Requests refused.", ("model", "reason"))
READY = Gauge("convoy_model_ready", "1 when the last canary came back.", LABELS)
LOAD = Gauge("convoy_model_load_seconds", "From the file to the first answer.", LABELS)
MEMORY = Gauge("convoy_device_memory_bytes", "Memory of the GPU that is taken.", ("device",))


class Phases(Collector):
    """Where requests' time went: what `/latency` counts, put in Prometheus's words when asked."""

    def __init__(self) -> None:
        self._engines: dict[tuple[str, str], tuple[str, Latency]] = {}

    def tell(self, model: str, version: str, engine: str, latency: Latency) -> None:
        """From now on, also when the model is unloaded: nothing that was counted goes away."""
        self._engines[model, version] = engine, latency

    def collect(self) -> Iterable[HistogramMetricFamily]:
        family = HistogramMetricFamily(
            "convoy_phase_seconds", "Where a request's time went.", labels=(*LABELS, "phase")
        )
        for (model, version), (engine, latency) in self._engines.items():
            for phase, histogram in latency.phases.items():
                buckets = [(le_label(bound), count) for bound, count in histogram.cumulative()]
                family.add_metric((model, version, engine, phase), buckets, histogram.sum)
        yield family


def le_label(bound: float) -> str:
    return "+Inf" if bound == math.inf else str(bound)


PHASE = Phases()
REGISTRY.register(PHASE)


def watch_gpu() -> None:
    """Reports the GPU's memory from now on. Only for a process that uses the GPU."""
    from service.engines.cuda import memory_used

    MEMORY.labels(gpu().name).set_function(memory_used)


class ModelMetrics:
    """The series of one model, looked up once and not at every request."""

    def __init__(self, model: str, version: int, engine: str, latency: Latency) -> None:
        self._labels = labels = (model, str(version), engine)
        PHASE.tell(*labels, latency)
        self._images = IMAGES.labels(*labels)
        self._sizes = BATCH.labels(*labels)
        self._requests: dict[int, Counter] = {}
        self._batches: dict[str, Counter] = {}
        self.queue = QUEUE.labels(*labels)
        self.ready = READY.labels(*labels)
        self.load = LOAD.labels(*labels)

    def request(self, status: int) -> None:
        if status not in self._requests:
            self._requests[status] = REQUESTS.labels(*self._labels, str(status))
        self._requests[status].inc()

    def batch(self, size: int, released: str) -> None:
        if released not in self._batches:
            self._batches[released] = BATCHES.labels(*self._labels, released)
        self._batches[released].inc()
        self._sizes.observe(size)
        self._images.inc(size)

    def forget(self) -> None:
        """An unloaded model is no longer reported."""
        for family in (QUEUE, READY, LOAD):
            family.remove(*self._labels)
