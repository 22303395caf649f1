"""What Prometheus scrapes. Names are the contract's; units are base units."""

from prometheus_client import Counter, Gauge, Histogram

from service.engines.device import gpu
from service.latency import PHASES

LABELS = ("model", "version", "engine")
# 0.25 ms to 10 s; steps of at most 1.5 between 1 and 50 ms, where most networks live
SECONDS = (
    *(0.00025, 0.0005, 0.00075, 0.001, 0.0015, 0.002, 0.003, 0.004, 0.006, 0.008, 0.011, 0.015),
    *(0.02, 0.025, 0.035, 0.05, 0.075, 0.1, 0.15, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0),
)
SIZES = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 256)

REQUESTS = Counter("convoy_requests_total", "Requests answered.", (*LABELS, "status"))
IMAGES = Counter("convoy_images_total", "Images predicted.", LABELS)
PHASE = Histogram(
    "convoy_phase_seconds", "Where a request's time went.", (*LABELS, "phase"), buckets=SECONDS
)
BATCH = Histogram("convoy_batch_size", "Images in a run.", LABELS, buckets=SIZES)
BATCHES = Counter("convoy_batches_total", "Runs of the engine.", (*LABELS, "released"))
QUEUE = Gauge("convoy_queue_depth", "Images waiting.", LABELS)
REJECTED = Counter("convoy_rejected_total", "Requests refused.", ("model", "reason"))
READY = Gauge("convoy_model_ready", "1 when the last canary came back.", LABELS)
LOAD = Gauge("convoy_model_load_seconds", "From the file to the first answer.", LABELS)
MEMORY = Gauge("convoy_device_memory_bytes", "Memory of the GPU that is taken.", ("device",))


def watch_gpu() -> None:
    """Reports the GPU's memory from now on. Only for a process that uses the GPU."""
    from service.engines.cuda import memory_used

    MEMORY.labels(gpu().name).set_function(memory_used)


class ModelMetrics:
    """The series of one model, looked up once and not at every request."""

    def __init__(self, model: str, version: int, engine: str) -> None:
        self._labels = labels = (model, str(version), engine)
        self._phases = {name: PHASE.labels(*labels, name) for name in (*PHASES, "total")}
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

    def observe(self, phases: dict[str, float]) -> None:
        for phase, seconds in phases.items():
            self._phases[phase].observe(seconds)

    def forget(self) -> None:
        """An unloaded model is no longer reported."""
        for family in (QUEUE, READY, LOAD):
            family.remove(*self._labels)
