"""The float32 graph with its network in half precision; what wraps the network stays float32.

Done on the graph, after the exporter has folded batch normalisation into the convolutions: torch's
own half would round before it folds. No library does it: ONNX Runtime's converter sends even what
it is told to leave alone through float16 (seen in 1.31), and softmax must not go there.
"""

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper


def network_nodes(graph: onnx.GraphProto) -> list[onnx.NodeProto]:
    """The nodes on a way from the normalised pixels to the logits, in order."""
    reached = {name for node in graph.node if "shift" in node.input for name in node.output}
    after = []
    for node in graph.node:
        if reached.intersection(node.input):
            reached.update(node.output)
            after.append(node)
    needed, found = {"logits"}, []
    for node in reversed(after):
        if needed.intersection(node.output):
            needed.update(node.input)
            found.append(node)
    return found[::-1]


def halve(float32: Path, file: Path) -> None:
    """Writes `file`: the graph of `float32` whose network has weights and values in float16."""
    model = onnx.load(float32)
    graph = model.graph
    network = network_nodes(graph)
    inside = {node.name for node in network}
    floats, read = _floats(graph), {name for node in network for name in node.input}
    outside = {name for node in graph.node if node.name not in inside for name in node.input}
    outside |= {value.name for value in graph.output}

    nodes: list[onnx.NodeProto] = []
    halved = set()  # names of what there is in half

    def made_in_half(name: str) -> None:
        halved.add(name)
        if name in outside:
            nodes.append(_cast(_half(name), name, TensorProto.FLOAT))

    for weight in graph.initializer:
        if weight.name in floats & read:
            made_in_half(weight.name)
            rounded = numpy_helper.to_array(weight).astype(np.float16)
            weight.CopyFrom(numpy_helper.from_array(rounded, _half(weight.name)))
    for node in graph.node:
        if node.name not in inside:
            nodes.append(node)
            continue
        for name in floats.intersection(node.input) - halved:
            nodes.append(_cast(name, _half(name), TensorProto.FLOAT16))
            halved.add(name)
        copy = onnx.NodeProto()
        copy.CopyFrom(node)
        copy.input[:] = [_half(name) if name in floats else name for name in node.input]
        copy.output[:] = [_half(name) if name in floats else name for name in node.output]
        nodes.append(copy)
        for name in floats.intersection(node.output):
            made_in_half(name)
    made = helper.make_graph(nodes, graph.name, graph.input, graph.output, graph.initializer)
    graph.CopyFrom(made)
    onnx.save(model, file)


def _floats(graph: onnx.GraphProto) -> set[str]:
    """The names of all float32 tensors."""
    typed = (*graph.value_info, *graph.output)  # the exporter states every type
    found = {v.name for v in typed if v.type.tensor_type.elem_type == TensorProto.FLOAT}
    return found | {t.name for t in graph.initializer if t.data_type == TensorProto.FLOAT}


def _half(name: str) -> str:
    return f"{name}_half"


def _cast(source: str, target: str, to: int) -> onnx.NodeProto:
    return helper.make_node("Cast", [source], [target], name=f"{target}_cast", to=to)
