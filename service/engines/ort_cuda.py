"""ONNX Runtime on a GPU: one session, to which each lane has bound its buffers there.

CUDA graphs are TensorRT's here: decision 10 says why.
"""

from pathlib import Path

import onnxruntime as ort

from models.card import INPUTS, OUTPUTS, ModelCard, Precision
from service.engines import EngineUnavailable, noticing_memory
from service.engines.gpu import GpuEngine, Lane, Shapes, shapes
from service.engines.ort import onnx_of

CUDA = "CUDAExecutionProvider"
OPTIONS = {
    # trying all that cuDNN has would take seconds for each size of each network
    "cudnn_conv_algo_search": "HEURISTIC",
    # doubling would take from the other models what this one never uses
    "arena_extend_strategy": "kSameAsRequested",
}


class OrtCudaEngine(GpuEngine):
    def __init__(
        self, card: ModelCard, directory: Path, *, lanes: int = 1, precision: Precision = "fp32"
    ) -> None:
        artifact = onnx_of(card, precision)
        session = _session(directory / artifact.file)
        maps = next(o.shape for o in session.get_outputs() if o.name == "maps")[2:]
        each = shapes(card, maps)
        with noticing_memory():
            opened = [SessionLane(session, each, artifact.max_batch) for _ in range(lanes)]
            super().__init__("onnxruntime", artifact.precision, opened)


class SessionLane(Lane):
    def __init__(self, session: ort.InferenceSession, each: Shapes, most: int) -> None:
        super().__init__(each, most)
        self._session = session
        self._bindings = {size: self._binding(size) for size in self.sizes}

    def _binding(self, size: int) -> ort.IOBinding:
        """To the GPU's memory: an input on the host would be copied now, and never again."""
        binding = self._session.io_binding()
        for bind, names in ((binding.bind_input, INPUTS), (binding.bind_output, OUTPUTS)):
            for name in names:
                rows, there = self.buffers[name].host[:size], self.buffers[name].device.address
                bind(name, "cuda", 0, rows.dtype.type, rows.shape, there)
        return binding

    def execute(self, size: int) -> None:
        self.upload(size)
        self.stream.wait()  # the session has a stream of its own
        self.start_network(size)
        self.download(size)
        self.stream.wait()

    def start_network(self, size: int) -> None:
        """Returns when it is done."""
        with noticing_memory():
            self._session.run_with_iobinding(self._bindings[size])


def _session(file: Path) -> ort.InferenceSession:
    if CUDA in ort.get_available_providers():
        ort.preload_dlls()
        options = ort.SessionOptions()
        options.log_severity_level = 3
        with noticing_memory():
            session = ort.InferenceSession(file, options, providers=[(CUDA, OPTIONS)])
        # a provider that fails to start is replaced by the CPU without a word
        if session.get_providers()[0] == CUDA:
            return session
    raise EngineUnavailable(
        "ONNX Runtime has no working CUDA provider here: install the extra `gpu` in the "
        "place of `cpu`, or serve with `--device cpu`"
    )
