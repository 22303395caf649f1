"""Which of torch's functions are lines of the layer table, and what they do to a map."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from torch import Tensor
from torch.nn import functional

from models.sizes import Window
from models.table import Kind, Sides

# the names of the first arguments
FUNCTIONS: dict[Callable[..., Any], str] = {
    functional.conv2d: "input weight bias stride padding dilation groups",
    functional.linear: "input weight",
    functional.max_pool2d: "input kernel_size stride padding dilation ceil_mode",
    functional.avg_pool2d: "input kernel_size stride padding ceil_mode",
    functional.adaptive_avg_pool2d: "input output_size",
    Tensor.mean: "input dim",
    functional.local_response_norm: "input size",
}


@dataclass(frozen=True, slots=True)
class Step:
    """`up`: what is left over at the edge is looked at. `macs` are those of one output value."""

    name: str
    kind: Kind
    windows: tuple[Window, Window] = (Window(1), Window(1))
    up: bool = False
    macs: int = 0


def step(func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Step | None:
    """The line that this call is; None where it is none."""
    if func not in FUNCTIONS:
        return None
    call = dict(zip(FUNCTIONS[func].split(), args, strict=False)) | kwargs
    x: Tensor = call["input"]
    if func is functional.conv2d:
        return convolution(x, call)
    if func is functional.linear:
        return Step(f"FC-{len(call['weight'])}", "linear", macs=x.shape[-1])
    if func is functional.local_response_norm:
        return Step(f"LRN{call['size']}", "norm")
    if func is functional.adaptive_avg_pool2d:
        return adaptive(x, pair(call["output_size"]))
    if func is Tensor.mean:  # over the map, or over branches
        return adaptive(x, (1, 1)) if call.get("dim") in ((2, 3), [2, 3]) else None
    name = "POOL" if func is functional.max_pool2d else "AVGPOOL"
    shape = windows(
        call["kernel_size"],
        call.get("stride") or call["kernel_size"],
        call.get("padding", 0),
        call.get("dilation", 1),
    )
    return Step(name + side(shape), "pool", shape, up=call.get("ceil_mode", False))


def convolution(x: Tensor, call: dict[str, Any]) -> Step:
    weight, groups = call["weight"], call.get("groups", 1)
    shape = windows(
        tuple(weight.shape[2:]),
        call.get("stride", 1),
        call.get("padding", 0),
        call.get("dilation", 1),
    )
    name = f"CONV{side(shape)}-{len(weight)}"
    if groups > 1:
        name = f"DW{name}" if groups == x.shape[1] else f"{name} in {groups} groups"
    return Step(name, "conv", shape, macs=weight[0].numel())


def adaptive(x: Tensor, out: Sides) -> Step:
    """As the pool with a fixed window that it is wherever the sizes divide."""
    strides = tuple(size // n for size, n in zip(x.shape[2:], out, strict=True))
    shape = windows(strides, strides, 0, 1)
    return Step(f"AVGPOOL{side(shape)}", "pool", shape)


def windows(
    filter_: int | Sides, stride: int | Sides, pad: int | Sides, dilation: int | Sides
) -> tuple[Window, Window]:
    vertical, horizontal = (
        Window((f - 1) * d + 1, s, p)
        for f, s, p, d in zip(pair(filter_), pair(stride), pair(pad), pair(dilation), strict=True)
    )
    return vertical, horizontal


def pair(value: int | Sides) -> Sides:
    return (value, value) if isinstance(value, int) else tuple(value)


def side(shape: tuple[Window, Window]) -> str:
    vertical, horizontal = (w.filter for w in shape)
    return str(vertical) if vertical == horizontal else f"{vertical}x{horizontal}"
