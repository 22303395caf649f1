"""One TensorRT plan from one ONNX file, whose precision it keeps; the batch goes from 1 to max.

Built in a child process, which may crash or hang and has a time limit; its log is kept.
"""

import dataclasses
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import Progress, TaskID

Event = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Built:
    library: str  #    what built it, with its version
    layers: int  #     of the parsed network, before TensorRT fuses them
    seconds: float  #  to parse and build


@dataclass(frozen=True, slots=True)
class Build:
    """What to build. `timing_cache` is read, if it is there and fits, and written."""

    onnx: Path
    plan: Path
    timing_cache: Path
    log: Path
    max_batch: int = 32
    opt_batch: int = 8  # the one it is tuned for
    limit_s: float = 1800.0

    def request(self) -> str:
        sizes = {"opt": min(self.opt_batch, self.max_batch), "max": self.max_batch}
        files = {name: str(getattr(self, name)) for name in ("onnx", "plan", "timing_cache")}
        return json.dumps(sizes | files)


class BuildFailed(Exception):
    """There is no plan; says why and where the log is."""

    def __init__(self, build: Build, reason: str) -> None:
        super().__init__(f"TensorRT built no plan of {build.onnx}: {reason}. Its log: {build.log}")
        self.reason = reason


def plan_from_onnx(build: Build, console: Console) -> Built:
    """Writes `build.plan`. Raises `BuildFailed`."""
    reader, writer = os.pipe()  # apart from its stdout, where libraries print
    command = [sys.executable, "-m", "export.plan_worker", build.request(), str(writer)]
    begun = time.monotonic()
    with (
        build.log.open("wb") as log,
        os.fdopen(reader) as events,
        Progress(console=console, transient=True, disable=not console.is_terminal) as progress,
        subprocess.Popen(  # noqa: S603 - our own interpreter, our own module
            command, stdout=log, stderr=subprocess.STDOUT, pass_fds=[writer]
        ) as child,
    ):
        os.close(writer)
        limit = threading.Timer(build.limit_s, child.kill)
        limit.start()
        try:
            last = _follow(map(json.loads, events), progress)
            child.wait()  # within the limit: a library may hang at its end
        except BaseException:
            child.kill()
            raise
        finally:
            limit.cancel()
    match last["event"]:
        case "built":
            return Built(**{f.name: last[f.name] for f in dataclasses.fields(Built)})
        case "failed":
            reason = last["reason"]
        case _ if time.monotonic() - begun >= build.limit_s:
            reason = f"it took more than {build.limit_s:g} s"
        case _:
            reason = f"its process ended with {child.returncode}"
    raise BuildFailed(build, reason)


def _follow(events: Iterable[Event], progress: Progress) -> Event:
    """Shows a bar for every phase that runs; returns the last event."""
    bars: dict[str, TaskID] = {}
    event: Event = {"event": "nothing"}
    for event in events:
        phase = event.get("phase", "")
        match event["event"]:
            case "start":
                bars[phase] = progress.add_task(phase, total=event["steps"])
            case "step" if phase in bars:
                progress.update(bars[phase], completed=event["step"] + 1)
            case "finish" if phase in bars:
                progress.remove_task(bars.pop(phase))
    return event
