"""One path of one engine at one size of batch, run again and again on all its lanes at once."""

import itertools
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final, Literal

from bench.samples import Sample, percentile
from models.card import Precision

Step = Callable[[], object]  # runs one batch, and returns when its answers are there
DataPath = Literal["device-resident", "uint8 in", "JPEG in"]
RESIDENT: Final = "device-resident"
UPLOADED: Final = "uint8 in"
DECODED: Final = "JPEG in"


@dataclass(frozen=True, slots=True)
class GpuPlan:
    artifacts: Path
    models: list[str]
    precision: Precision
    seconds: float
    rounds: int
    batches: list[int]


@dataclass(frozen=True, slots=True)
class Absent:
    """Who cannot take part, and what would help."""

    model: str
    who: str
    why: str


@dataclass(frozen=True, slots=True)
class Form:
    """What is measured of a model. Paths are never compared as if they did the same.

    device-resident: the network alone, on pixels that lie on the GPU, its answers left there;
    uint8 in: pixels copied up from the host, answers down; JPEG in: decoding before that.
    """

    engine: str
    precision: Precision
    path: DataPath
    batch: int

    def __str__(self) -> str:
        return f"{self.engine} {self.precision}, {self.path}, batch {self.batch}"


@dataclass(frozen=True, slots=True)
class Loop:
    model: str
    form: Form
    steps: Sequence[Step]  # one a lane

    @property
    def name(self) -> str:
        return str(self.form)

    def measure(self, seconds: float) -> Sample:
        """p50 and p99 are those of a whole batch, from its start to its answers."""
        cpu = time.process_time()
        run = partial(timed, end=time.perf_counter() + seconds)
        if len(self.steps) == 1:  # here, for torch keeps its graphs for the thread that made them
            lanes = [run(self.steps[0])]
        else:
            with ThreadPoolExecutor(len(self.steps)) as pool:
                lanes = list(pool.map(run, self.steps))
        cpu = time.process_time() - cpu
        each = list(itertools.chain(*lanes))
        count = len(each) * self.form.batch
        rate = sum(len(lane) / sum(lane) for lane in lanes) * self.form.batch
        return Sample(rate, percentile(each, 0.5), percentile(each, 0.99), cpu / count, count)


def timed(step: Step, end: float) -> list[float]:
    """The seconds of each run until `end`; at least of one."""
    each: list[float] = []
    begun = time.perf_counter()
    while not each or begun < end:
        step()
        now = time.perf_counter()
        each.append(now - begun)
        begun = now
    return each
