"""Trains until the budget is spent, and leaves a checkpoint to go on from whatever happens.

glibc gives the memory of large tensors back to the system after every layer and fetches it again;
with `MALLOC_MMAP_THRESHOLD_=4000000000 MALLOC_TRIM_THRESHOLD_=8000000000` in the environment
MobileNet at 224 pixels takes 1.0 to 0.6 times the CPU time (measured on a busy machine).
"""

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from training.progress import Budget, Report
from training.run import Run


def fit(
    run: Run,
    budget: Budget,
    file: Path,
    tell: Callable[[Report], None],
    every: float = 15,
    *,
    until: float = float("inf"),
) -> Report:
    """Trains until the budget is spent, patience has run out, or Ctrl-C (which ends the step).

    Or until `time.monotonic()` reaches `until`. `tell` hears of every step; `file` always holds a
    whole checkpoint, at most about `every` seconds old.
    """
    run.report.spent = budget.spent(run.report.seconds, run.report.images)
    saved, pause = time.monotonic(), every
    with _interruptible() as interrupted:
        while not (run.finished or interrupted.is_set() or time.monotonic() >= until):
            run.step(budget)
            tell(run.report)
            if time.monotonic() - saved >= pause:
                begun = time.monotonic()
                run.save(file)
                saved = time.monotonic()
                pause = max(every, 20 * (saved - begun))  # a VGG's checkpoint has 1.6 GB
        run.save(file)
    return run.report


@contextmanager
def _interruptible() -> Iterator[threading.Event]:
    """An event that Ctrl-C sets, in place of an exception in the middle of a step."""
    asked = threading.Event()
    before = signal.signal(signal.SIGINT, lambda *_: asked.set())
    try:
        yield asked
    finally:
        signal.signal(signal.SIGINT, before)
