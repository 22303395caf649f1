"""python -m export.plan_worker REQUEST EVENTS: parses one ONNX file, builds one TensorRT plan.

A process of its own, for the builder may crash, hang or take all memory. REQUEST is JSON, as
`plan_from_onnx` writes it; EVENTS is a file descriptor, which gets a line of JSON for every event,
the last one `built` or `failed`. Stdout and stderr are the log. Without a GPU TensorRT itself fails
here, TensorRT-RTX builds.
"""

import ctypes
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import tensorrt as trt

Tell = Callable[..., None]  # of an event
NUMBER: Final = 100  # versions in one number: 110400 is 11.4.0


class Failed(Exception):
    """Says what TensorRT does not accept."""


def build(request: dict[str, Any], tell: Tell) -> None:
    """Writes the plan and the timing cache. Raises `Failed`."""
    begun = time.perf_counter()
    log = _Log()
    builder = trt.Builder(log)
    typed = 1 << int(trt.NetworkDefinitionCreationFlag.STRONGLY_TYPED)  # as the ONNX file says
    network = builder.create_network(typed)
    parser = trt.OnnxParser(network, log)
    if not parser.parse_from_file(request["onnx"]):
        errors = [str(parser.get_error(i)) for i in range(parser.num_errors)]
        raise Failed("its parser refuses the file: " + "; ".join(errors))
    config = builder.create_builder_config()
    config.clear_flag(trt.BuilderFlag.TF32)  # float32 is meant, and must agree with torch
    progress = _Progress(tell)
    config.progress_monitor = progress
    profile = builder.create_optimization_profile()
    for tensor in map(network.get_input, range(network.num_inputs)):
        sizes = ((n, *tuple(tensor.shape)[1:]) for n in (1, request["opt"], request["max"]))
        profile.set_shape(tensor.name, *sizes)
    config.add_optimization_profile(profile)
    cache = Path(request["timing_cache"])
    timings = _timings(cache, config)  # kept, as `log` and `progress` are: TensorRT does not
    plan = builder.build_serialized_network(network, config)
    if plan is None:
        raise Failed(f"its builder gives no plan: {log.error}")
    Path(request["plan"]).write_bytes(plan)
    cache.write_bytes(timings.serialize())
    seconds = round(time.perf_counter() - begun, 2)
    tell("built", library=library(), layers=network.num_layers, seconds=seconds)


def _timings(cache: Path, config: Any) -> Any:
    """The timings of earlier builds; none of them if another GPU or TensorRT took them."""
    saved = config.create_timing_cache(cache.read_bytes() if cache.exists() else b"")
    if saved is not None and config.set_timing_cache(saved, ignore_mismatch=False):
        return saved
    empty = config.create_timing_cache(b"")
    config.set_timing_cache(empty, ignore_mismatch=False)
    return empty


def library() -> str:
    """What really builds: other libraries can be put behind the same bindings."""
    found = ctypes.CDLL(f"libnvinfer.so.{trt.__version__.split('.')[0]}").getInferLibVersion()
    number, patch = divmod(found, NUMBER)
    version = f"{number // NUMBER}.{number % NUMBER}.{patch}"
    if trt.__version__.startswith(f"{version}."):
        return f"TensorRT {trt.__version__}"
    return f"TensorRT-RTX {version} behind the bindings of TensorRT {trt.__version__}"


class _Log(trt.ILogger):  # type: ignore[misc]  # the library has no types
    def __init__(self) -> None:
        trt.ILogger.__init__(self)
        self.error = ""  # the last one

    def log(self, severity: Any, message: str) -> None:
        if severity in (trt.ILogger.ERROR, trt.ILogger.INTERNAL_ERROR):
            self.error = message
        if severity != trt.ILogger.VERBOSE:
            sys.stderr.write(f"{severity.name}: {message}\n")


class _Progress(trt.IProgressMonitor):  # type: ignore[misc]
    def __init__(self, tell: Tell) -> None:
        trt.IProgressMonitor.__init__(self)
        self._tell = tell

    def phase_start(self, phase: str, _parent: str | None, steps: int) -> None:
        self._tell("start", phase=phase, steps=steps)

    def step_complete(self, phase: str, step: int) -> bool:
        self._tell("step", phase=phase, step=step)
        return True

    def phase_finish(self, phase: str) -> None:
        self._tell("finish", phase=phase)


def main() -> None:
    events = os.fdopen(int(sys.argv[2]), "w", buffering=1)

    def tell(event: str, **details: object) -> None:
        events.write(json.dumps({"event": event, **details}) + "\n")

    try:
        build(json.loads(sys.argv[1]), tell)
    except Failed as error:
        tell("failed", reason=str(error))
        raise SystemExit(1) from None


if __name__ == "__main__":
    main()
