"""One batch on a lane: its images are decoded and run there, and each has its own outcome."""

import asyncio
import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from service.engines import DeviceOutOfMemory, Engine
from service.errors import EngineFailed, OutOfMemory
from service.images import View

logger = logging.getLogger(__name__)

Released = Literal["full", "idle", "waited"]
Look = Callable[[], View]  # decodes an image, or gives what was decoded; may raise


@dataclass(frozen=True, slots=True)
class Answer:
    """One image's row of the engine's outputs, and when what happened (`perf_counter` seconds).

    `decoded` is when all images of its batch were, and the engine began.
    """

    view: View
    logits: NDArray[np.float32]
    scores: NDArray[np.float32]
    classes: NDArray[np.int64]
    maps: NDArray[np.float32]
    arrived: float
    started: float
    decoded: float
    finished: float
    batch: int
    released: Released


@dataclass(slots=True, eq=False)
class Waiting:
    look: Look
    asked: NDArray[np.int64]
    deadline: float
    arrived: float
    future: asyncio.Future[Answer]


F32 = NDArray[np.float32]
Row = tuple[F32, F32, NDArray[np.int64], F32]  # logits, scores, classes, maps


Seen = tuple[Waiting, View]
Found = tuple[View, Row] | Exception


class Run:
    """One batch on a lane, decoded and run.

    If the engine fails, each image runs again alone, so only the culprit fails.
    """

    def __init__(self, engine: Engine, batch: list[Waiting], lone: Callable[[], bool]) -> None:
        self._engine, self.batch, self._lone = engine, batch, lone
        self.size = 0  # of what the engine ran
        self.exhausting = 0  # images that were too many at once for the device's memory
        self.started = self.decoded = self.finished = 0.0
        self._found: list[Found] = []

    def __call__(self) -> None:
        self.started = time.perf_counter()
        seen = [(w, _seen(w.look)) for w in self.batch if _wanted(w)]
        self.decoded = time.perf_counter()
        # those that gave up by now have been told so
        seen = [(w, view) for w, view in seen if _wanted(w)]
        self.batch = [waiting for waiting, _ in seen]
        shown = [(w, view) for w, view in seen if isinstance(view, View)]
        self.size = len(shown)
        rows = iter(self._attempt(shown) if shown else ())
        for _, view in seen:
            if isinstance(view, Exception):
                self._found.append(view)
                continue
            row = next(rows)
            self._found.append(row if isinstance(row, Exception) else (view, row))
        self.finished = time.perf_counter()

    def _attempt(self, shown: list[Seen]) -> list[Row | Exception]:
        images = np.stack([view.pixels for _, view in shown])
        asked = np.stack([waiting.asked for waiting, _ in shown])
        try:
            out = self._engine.run(images, asked, alone=len(self.batch) == 1 and self._lone())
            return list(zip(out.logits, out.scores, out.classes, out.maps, strict=True))
        except DeviceOutOfMemory as error:
            # no second try: it would hold up the others, and smaller batches come
            logger.warning("no memory for a batch of %d: %s", len(shown), error)
            self.exhausting = len(shown)
            detail = f"the device has no memory for a batch of {len(shown)}: try again"
            return [OutOfMemory(detail) for _ in shown]
        except Exception as error:
            if len(shown) > 1:
                return [row for one in shown for row in self._attempt([one])]
            logger.exception("the engine failed on one image")
            return [EngineFailed(f"the engine failed on this image: {type(error).__name__}")]

    def answers(self, released: Released) -> Iterator[Answer | Exception]:
        for waiting, found in zip(self.batch, self._found, strict=True):
            if isinstance(found, Exception):
                yield found
            else:
                view, row = found
                times = (waiting.arrived, self.started, self.decoded, self.finished)
                yield Answer(view, *row, *times, self.size, released)


def _wanted(waiting: Waiting) -> bool:
    return waiting.deadline > time.perf_counter() and not waiting.future.done()


def _seen(look: Look) -> View | Exception:
    """The view, or why there is none: a bad image is no harm to the others of its batch."""
    try:
        return look()
    except Exception as error:  # noqa: BLE001 - it belongs to the one who waits
        return error
