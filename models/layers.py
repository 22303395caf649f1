"""Makes the layer table of any network by running one image through it.

The functions that torch calls are the lines; modules only say where a line is and what parameters
it has. On the meta device there are shapes and no numbers, so it costs nothing.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from models.architecture import Architecture
from models.steps import Step, step
from models.table import FLOAT32, Layer, LayerTable, Sides, Size

# may change the size of a map without being a line; the next line's input says what they did
RESIZING = (functional.pad, Tensor.__getitem__)


@dataclass(frozen=True, slots=True)
class Trace:
    """What is known of a tensor: what one of its values sees, and the way it came."""

    field: Sides  # pixels of the image
    jump: Sides  # pixels from one value to the next
    depth: int  # layers with weights on the longest way
    line: int  # the last line of the table


def describe(architecture: Architecture, classes: int, size: int) -> LayerTable:
    """The table of a network for that many classes and pixels a side, without its weights."""
    with torch.device("meta"):
        network = architecture.build(classes).eval()
        return layer_table(network, torch.empty(1, architecture.channels, size, size))


def layer_table(module: nn.Module, image: Tensor) -> LayerTable:
    """The table of any module, for an image [1, c, h, w] on the module's device."""
    tracer = Tracer(image)
    hooks = []
    for path, m in module.named_modules():
        hooks.append(m.register_forward_pre_hook(partial(tracer.enter, path)))
        hooks.append(m.register_forward_hook(tracer.leave))
    try:
        with torch.no_grad(), tracer:
            out = module(image)
    finally:
        for hook in hooks:
            hook.remove()

    def total(column: str) -> int:
        return sum(getattr(line, column) for line in tracer.lines)

    return LayerTable(
        layers=tuple(tracer.lines),
        depth=tracer.trace(out).depth,
        memory=total("memory"),
        memory_bytes=total("memory") * FLOAT32,
        weights=total("weights"),
        biases=total("biases"),
        norm=total("norm"),
        parameters=total("weights") + total("biases") + total("norm"),
        macs=total("macs"),
    )


class Tracer(TorchFunctionMode):
    """Notes the functions that are lines, and follows the tensors from each to the next."""

    def __init__(self, image: Tensor) -> None:
        super().__init__()
        size = size_of(image)
        self.lines = [Layer("INPUT", "input", "", size, size, memory=image[0].numel())]
        # with the tensors, for the id of one that is gone might come back
        self._traces = {id(image): (image, Trace((1, 1), (1, 1), 0, 0))}
        self._inside: list[tuple[str, int]] = []  # path of a module, number of lines before it
        self._counted: set[int] = set()  # ids of parameters

    def trace(self, tensor: Tensor) -> Trace:
        return self._traces[id(tensor)][1]

    def enter(self, path: str, _module: nn.Module, _args: Any) -> None:
        self._inside.append((path, len(self.lines)))

    def leave(self, module: nn.Module, args: tuple[Tensor, ...], _out: Tensor) -> None:
        """Counts the module's own parameters with its line, or with the one that it scales."""
        _, before = self._inside.pop()
        is_line = len(self.lines) > before
        for name, parameter in module.named_parameters(recurse=False):
            if id(parameter) in self._counted:
                continue
            self._counted.add(id(parameter))
            at = len(self.lines) - 1 if is_line else self.trace(args[0]).line
            column = ("biases" if name == "bias" else "weights") if is_line else "norm"
            count = getattr(self.lines[at], column) + parameter.numel()
            self.lines[at] = replace(self.lines[at], **{column: count})

    def __torch_function__(
        self,
        func: Callable[..., Any],
        _types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        kwargs = kwargs or {}
        out = func(*args, **kwargs)
        known = [t for t in tensors([*args, *kwargs.values()]) if id(t) in self._traces]
        made = list(tensors([out]))
        if known and made:
            x, trace = self._joined(known)
            what = step(func, args, kwargs)
            after = self._line(what, x, made[0], trace) if what else beyond(func, x, made[0], trace)
            self._traces |= {id(t): (t, after) for t in made}
        return out

    def _joined(self, known: list[Tensor]) -> tuple[Tensor, Trace]:
        """The largest map; its jump, the largest field, the longest way and the last line."""
        largest = max(known, key=lambda t: math.prod(sides_of(t)))
        traces = [self.trace(t) for t in known]
        return largest, Trace(
            field=tuple(max(sides) for sides in zip(*(t.field for t in traces), strict=True)),
            jump=self.trace(largest).jump,
            depth=max(t.depth for t in traces),
            line=max(t.line for t in traces),
        )

    def _line(self, what: Step, x: Tensor, out: Tensor, trace: Trace) -> Trace:
        sides = zip(what.windows, trace.field, trace.jump, strict=True)
        field = tuple(seen + (w.filter - 1) * jump for w, seen, jump in sides)
        size = size_of(x)
        roundings = (w.rounding(n, up=what.up) for w, n in zip(what.windows, size, strict=False))
        line = Layer(
            name=what.name,
            kind=what.kind,
            path=self._inside[-1][0],
            input=size,
            output=size_of(out),
            memory=out[0].numel(),
            filter=tuple(w.filter for w in what.windows),
            stride=tuple(w.stride for w in what.windows),
            pad=tuple(w.pad for w in what.windows),
            macs=what.macs * out[0].numel(),
            receptive_field=field,
            rounding="; ".join(dict.fromkeys(filter(None, roundings))) or None,
        )
        self.lines.append(line)
        return Trace(
            field=field,
            jump=tuple(w.stride * jump for w, jump in zip(what.windows, trace.jump, strict=True)),
            depth=trace.depth + (what.kind in {"conv", "linear"}),
            line=len(self.lines) - 1,
        )


def beyond(func: Callable[..., Any], x: Tensor, out: Tensor, trace: Trace) -> Trace:
    """The trace after a function that is no line."""
    before, after = sides_of(x), sides_of(out)
    if out.dim() == 2:  # flattened: every value may come from anywhere
        sides = zip(before, trace.field, trace.jump, strict=True)
        return replace(trace, field=tuple(f + (n - 1) * jump for n, f, jump in sides))
    if before not in {after, (1, 1)} and func not in RESIZING:
        raise NotImplementedError(f"{func} makes {after} of {before}: tell models/steps.py how")
    return trace


def sides_of(tensor: Tensor) -> Sides:
    """Height and width of [..., h, w]; those of [n, features] are 1."""
    return tuple(tensor.shape[-2:]) if tensor.dim() > 2 else (1, 1)


def size_of(tensor: Tensor) -> Size:
    """Height, width and channels of [n, c, h, w] or [n, features]."""
    return (*sides_of(tensor), tensor.shape[1])


def tensors(values: list[Any]) -> Iterator[Tensor]:
    for value in values:
        if isinstance(value, Tensor):
            yield value
        elif isinstance(value, list | tuple):
            yield from tensors(list(value))
