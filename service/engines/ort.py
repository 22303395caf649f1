"""ONNX Runtime on the CPU (`ort_cuda.py` is the one on a GPU).

A lane is one core with one thread: a batch takes about as long per image as a single image, so
waiting images are best shared out among the cores. Some small networks are even slower in batches,
which leave the core's cache (SqueezeNet by 6 %): their images run one by one. The others run at
most eight at a time, since more gain nothing and memory once taken is kept (VGG-16 takes 0.25 GiB
for eight, 1.2 for 32). A lone image may take all cores; that is a second session (ONNX Runtime has
one thread pool a session), whose threads spin only while it runs.
"""

import math
import time
from pathlib import Path

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from models.card import OUTPUTS, Artifact, ModelCard, Precision
from service.engines import EngineUnavailable, Outputs, noticing_memory

WIDE_FROM = 1e-3  # seconds a run; a shorter one is mostly overhead, of threads and of runs
SLOW_FROM = 0.03  # seconds a run; a longer one gains nothing from any size, and trying takes long
PIECE = 8  # images in a run


class OrtEngine:
    name = "onnxruntime"
    device = "CPU"

    def __init__(
        self,
        card: ModelCard,
        directory: Path,
        *,
        lanes: int = 1,
        precision: Precision = "fp32",
    ) -> None:
        artifact = onnx_of(card, precision)
        self.precision = artifact.precision
        self.lanes = lanes
        self.max_batch = self._piece = artifact.max_batch
        file = directory / artifact.file
        self._narrow = self._wide = _session(file, threads=1)
        single = _seconds(self._narrow, card, 1)
        if single > WIDE_FROM:
            if lanes > 1:
                self._wide = _session(file, threads=lanes)
            self._piece = n = min(PIECE, self.max_batch)
            if single < SLOW_FROM and single < _seconds(self._narrow, card, n) / n:
                self._piece = 1

    def run(
        self, images: NDArray[np.uint8], asked: NDArray[np.int64], *, alone: bool = False
    ) -> Outputs:
        session = self._wide if alone else self._narrow
        n = self._piece
        with noticing_memory():
            pieces = [
                session.run(OUTPUTS, {"images": images[i : i + n], "asked": asked[i : i + n]})
                for i in range(0, len(images), n)
            ]
        if len(pieces) == 1:
            return Outputs(*pieces[0])
        return Outputs(*map(np.concatenate, zip(*pieces, strict=True)))

    def close(self) -> None:
        del self._narrow, self._wide


def onnx_of(card: ModelCard, precision: Precision) -> Artifact:
    """The file to run in that precision, or in float32. Raises `EngineUnavailable`."""
    if artifact := card.onnx(precision):
        return artifact
    raise EngineUnavailable(
        f"{card.name}/{card.version} has no ONNX file: run `make export MODELS={card.name}`"
    )


def _seconds(session: ort.InferenceSession, card: ModelCard, batch: int) -> float:
    """The best of a few runs of so many images."""
    p = card.preprocessing
    images = np.zeros((batch, p.size, p.size, p.channels), np.uint8)
    feed = {"images": images, "asked": np.full((batch, card.explained), -1)}
    best = math.inf
    for _ in range(5):
        begun = time.perf_counter()
        session.run(OUTPUTS, feed)
        best = min(best, time.perf_counter() - begun)
        if best > SLOW_FROM * batch:
            break  # what is asked is known, and loading need not wait for more
    return best


def _session(file: Path, threads: int) -> ort.InferenceSession:
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    # between runs the cores belong to decoding and to the other lanes
    options.add_session_config_entry("session.force_spinning_stop", "1")
    return ort.InferenceSession(file, options, providers=["CPUExecutionProvider"])
