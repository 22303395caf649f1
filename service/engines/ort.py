"""ONNX Runtime, on the CPU or on a CUDA device.

On the CPU a lane is one core with one thread: measured, a batch takes as long per image as a
single image, so waiting images are best shared out among the cores. A lone image may take all
cores; that is a second session (ONNX Runtime has one thread pool a session), whose threads spin
only while it runs.
"""

import time
from pathlib import Path

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from models.card import OUTPUTS, ModelCard
from service.engines import EngineUnavailable, Outputs

CUDA = "CUDAExecutionProvider"
WIDE_FROM = 1e-3  # seconds a run; a shorter one loses more by waking threads than it gains


class OrtEngine:
    def __init__(
        self, card: ModelCard, directory: Path, *, device: str = "cpu", lanes: int = 1
    ) -> None:
        artifact = card.artifacts.get("onnx")
        if artifact is None:
            raise EngineUnavailable(
                f"{card.name}/{card.version} has no ONNX file: run `make export MODELS={card.name}`"
            )
        self.name = "onnxruntime"
        self.precision = artifact.precision
        self.device = "CPU" if device == "cpu" else "CUDA"
        self.max_batch = artifact.max_batch
        file = directory / artifact.file
        if device == "cpu":
            self.lanes = lanes
            self._narrow = _session(file, threads=1)
            self._wide = self._narrow
            if lanes > 1 and _seconds(self._narrow, card) > WIDE_FROM:
                self._wide = _session(file, threads=lanes)
        else:
            self.lanes = 1
            self._narrow = self._wide = _cuda_session(file)

    def run(
        self, images: NDArray[np.uint8], asked: NDArray[np.int64], *, alone: bool = False
    ) -> Outputs:
        session = self._wide if alone else self._narrow
        return Outputs(*session.run(OUTPUTS, {"images": images, "asked": asked}))

    def close(self) -> None:
        del self._narrow, self._wide


def _seconds(session: ort.InferenceSession, card: ModelCard) -> float:
    """The best of a few runs of one image."""
    p = card.preprocessing
    images = np.zeros((1, p.size, p.size, p.channels), np.uint8)
    feed = {"images": images, "asked": np.full((1, card.explained), -1)}
    times = []
    for _ in range(5):
        begun = time.perf_counter()
        session.run(OUTPUTS, feed)
        times.append(time.perf_counter() - begun)
    return min(times)


def _session(file: Path, threads: int) -> ort.InferenceSession:
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    # between runs the cores belong to decoding and to the other lanes
    options.add_session_config_entry("session.force_spinning_stop", "1")
    return ort.InferenceSession(file, options, providers=["CPUExecutionProvider"])


def _cuda_session(file: Path) -> ort.InferenceSession:
    if CUDA in ort.get_available_providers():
        ort.preload_dlls()
        options = ort.SessionOptions()
        options.log_severity_level = 3
        session = ort.InferenceSession(file, options, providers=[CUDA])
        # a provider that fails to start is replaced by the CPU without a word
        if session.get_providers()[0] == CUDA:
            return session
    raise EngineUnavailable(
        "ONNX Runtime has no working CUDA provider here: install the extra `gpu` on a machine "
        "with an NVIDIA driver, or serve with `--device cpu`"
    )
