"""The float32 graph with its network in 8-bit integers; what wraps the network stays float32.

ONNX Runtime's static quantisation in its QDQ form, weights signed with one scale a channel. Its CPU
kernels want unsigned activations (SqueezeNet 1.1 takes 3.5 times as long with signed ones).
TensorRT wants them signed, around zero, and biases that are not quantised: another file. A tensor's
range is what training images cause. The layer that makes the logits stays float32 too: rounded to
256 values, many classes would be equally likely.
"""

import logging
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

from export.half import network_nodes

# The layers with weights, and what lies between two of them. The others stay float32.
QUANTISED = ["Conv", "Gemm", "Relu", "Clip", "MaxPool", "AveragePool", "Concat", "Add"]


def quantise(
    float32: Path,
    file: Path,
    images: Iterable[NDArray[np.uint8]],
    top: int,
    *,
    for_tensorrt: bool = False,
) -> None:
    """Writes `file`, its ranges from batches of pixels [n, h, w, c]; `top` is the graph's k."""
    logging.disable(logging.WARNING)  # its advice is followed already
    try:
        with tempfile.TemporaryDirectory() as temporary:
            prepared = Path(temporary) / "prepared.onnx"
            quant_pre_process(float32, prepared, skip_symbolic_shape=True)
            quantize_static(
                prepared,
                file,
                _Reader(images, top),
                quant_format=QuantFormat.QDQ,
                op_types_to_quantize=QUANTISED,
                nodes_to_quantize=_to_quantise(onnx.load(prepared).graph),
                per_channel=True,
                activation_type=QuantType.QInt8 if for_tensorrt else QuantType.QUInt8,
                weight_type=QuantType.QInt8,
                extra_options={
                    "ActivationSymmetric": for_tensorrt,
                    "QuantizeBias": not for_tensorrt,
                },
            )
    finally:
        logging.disable(logging.NOTSET)
    if for_tensorrt:
        return
    model = onnx.load(file)
    _normalise_in_one_node(model.graph)
    onnx.save(model, file)


def _to_quantise(graph: onnx.GraphProto) -> list[str]:
    constants = {tensor.name for tensor in graph.initializer}
    return [
        node.name
        for node in network_nodes(graph)
        if "logits" not in node.output
        # LRN adds a constant, which is no map: TensorRT takes it as a float only
        and not (node.op_type == "Add" and constants.intersection(node.input))
    ]


class _Reader(CalibrationDataReader):  # type: ignore[misc]  # the library has no types
    def __init__(self, images: Iterable[NDArray[np.uint8]], top: int) -> None:
        self._images: Iterator[NDArray[np.uint8]] = iter(images)
        self._top = top

    def get_next(self) -> dict[str, Any] | None:
        batch = next(self._images, None)
        if batch is None:
            return None
        return {"images": batch, "asked": np.full((len(batch), self._top), -1, np.int64)}


def _normalise_in_one_node(graph: onnx.GraphProto) -> None:
    """Makes x * scale + shift one BatchNormalization, which means the same.

    8-bit convolutions want channels last, so ONNX Runtime would move the transposition behind the
    two, where they multiply by rows of three: a third of SqueezeNet's time (measured with 1.31).
    """
    add = next(node for node in graph.node if "shift" in node.input)
    multiply = next(node for node in graph.node if "scale" in node.input)
    scale, shift = (_taken_out(graph, name).ravel() for name in ("scale", "shift"))
    values = {"by": scale, "plus": shift, "zero": np.zeros_like(scale), "one": np.ones_like(scale)}
    graph.initializer.extend(numpy_helper.from_array(v, f"norm_{n}") for n, v in values.items())
    node = helper.make_node(
        "BatchNormalization",
        [multiply.input[0], *(f"norm_{n}" for n in values)],
        list(add.output),
        name="normalise",
        epsilon=0.0,
    )
    place = list(graph.node).index(multiply)
    graph.node.remove(multiply)
    graph.node.remove(add)
    graph.node.insert(place, node)


def _taken_out(graph: onnx.GraphProto, name: str) -> NDArray[np.float32]:
    tensor = next(t for t in graph.initializer if t.name == name)
    graph.initializer.remove(tensor)
    return numpy_helper.to_array(tensor)
