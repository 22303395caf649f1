"""Waiting for several answers at once, and no longer than the client does."""

import asyncio
import time
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from fastapi import Request

from service.errors import ClientGone, ConvoyError, DeadlinePassed

T = TypeVar("T")
UNWATCHED = 0.02  # seconds; most answers are out before


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


@asynccontextmanager
async def leaving(request: Request, deadline: float) -> AsyncIterator[None]:
    """Ends the block early when the client hangs up or its deadline passes: its place is freed.

    A connection is watched only from `UNWATCHED` seconds on: it costs a task for each request.
    """
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    reason: ConvoyError | None = None
    watcher: asyncio.Task[None] | None = None

    def leave(why: ConvoyError) -> None:
        nonlocal reason
        reason = why
        if task:
            task.cancel()

    async def watch() -> None:
        while (await request.receive())["type"] != "http.disconnect":
            pass
        leave(ClientGone("the client hung up before the answer"))

    def begin_to_watch() -> None:
        nonlocal watcher
        watcher = loop.create_task(watch())

    passed = DeadlinePassed("no answer within the deadline: raise timeout_ms, or try again")
    late = loop.call_later(deadline - time.perf_counter(), leave, passed)
    begin = loop.call_later(UNWATCHED, begin_to_watch)
    try:
        yield
    except asyncio.CancelledError:
        if reason is None or task is None:
            raise  # somebody else cancelled
        task.uncancel()
        raise reason from None
    finally:
        late.cancel()
        begin.cancel()
        if watcher:
            watcher.cancel()
