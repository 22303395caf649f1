"""Waiting for several answers at once, and no longer than the client does."""

import asyncio
import time
from collections.abc import Coroutine
from typing import Any, Self, TypeVar

from fastapi import Request

from service.errors import ClientGone, ConvoyError, DeadlinePassed

T = TypeVar("T")
UNWATCHED = 0.25  # seconds; most answers are out before, and few images are run for nobody


async def together(calls: list[Coroutine[Any, Any, T]]) -> list[T]:
    """The results in order; the first that fails ends the others and says which image it was."""
    if len(calls) == 1:
        return [await calls[0]]
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(call) for call in calls]
    except BaseExceptionGroup as errors:
        first = errors.exceptions[0]
        number = next(
            i for i, t in enumerate(tasks) if t.done() and not t.cancelled() and t.exception()
        )
        first.args = (f"image {number + 1} of {len(tasks)}: {first}", *first.args[1:])
        raise first from None
    return [task.result() for task in tasks]


class Leaving:
    """Ends the block early when the deadline passes or the client hangs up: its place is freed.

    Raises `DeadlinePassed` or `ClientGone` out of the block. What reads the body notices a hang-up
    by itself; after that `watch` is to be called.
    """

    def __init__(self, request: Request, deadline: float) -> None:
        self._request, self._deadline = request, deadline
        self._why: ConvoyError | None = None
        self._late = "the body did not arrive within the deadline"
        self._watcher: asyncio.Task[None] | None = None

    def __enter__(self) -> Self:
        self._loop, self._task = asyncio.get_running_loop(), asyncio.current_task()
        left = self._deadline - time.perf_counter()
        self._timers = [self._loop.call_later(left, self._pass)]
        return self

    def watch(self) -> None:
        """The body is read: the next word of the client is that it hangs up.

        It is listened to from `UNWATCHED` seconds on, since that costs a task for each request.
        """
        self._late = "no answer within the deadline: raise timeout_ms, or try again"
        self._timers.append(self._loop.call_later(UNWATCHED, self._begin))

    def _begin(self) -> None:
        self._watcher = self._loop.create_task(self._watch())

    async def _watch(self) -> None:
        while (await self._request.receive())["type"] != "http.disconnect":
            pass
        self._leave(ClientGone("the client hung up before the answer"))

    def _pass(self) -> None:
        self._leave(DeadlinePassed(self._late))

    def _leave(self, why: ConvoyError) -> None:
        if self._task and not self._why:
            self._why = why
            self._task.cancel()

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        for timer in self._timers:
            timer.cancel()
        if self._watcher:
            self._watcher.cancel()
        # without a reason somebody else has cancelled
        if self._why and self._task and isinstance(error, asyncio.CancelledError):
            self._task.uncancel()
            raise self._why from None
