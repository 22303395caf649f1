"""Which engine on which device: the one asked for first, then those nearest to it."""

from typing import Literal

from service.engines import Kind
from service.engines.device import Device, no_driver

WantedDevice = Literal["cpu", "cuda", "auto"]


def choices(kind: Kind, device: WantedDevice) -> list[tuple[Kind, Device]]:
    """What to try in turn. `auto` is a GPU where a driver works, and the CPU where that fails."""
    match kind:
        case "trt":
            return [("trt", "cpu" if device == "cpu" else "cuda"), *choices("ort", device)]
        case "ort" if device == "cuda":
            return [("ort", "cuda")]
        case "ort" if device == "auto" and not no_driver():
            return [("ort", "cuda"), ("ort", "cpu")]
        case _:
            return [(kind, "cpu")]
