"""Draws the next batches in other processes, so that a GPU need not wait for its pictures.

The same pictures in the same order as without: a batch follows from its place and its phase.
"""

import signal
from collections.abc import Iterator
from typing import Final

import torch
from torch.utils.data import DataLoader, Dataset

from training.feed import Batch, Feed
from training.recipe import Phase

EACH: Final = 4  # batches that a worker draws ahead

Place = tuple[int, Phase]


class Ahead:
    """A feed that `workers` processes draw; they start anew where a phase begins.

    Forked, so that they need not open the pictures again.
    """

    def __init__(self, feed: Feed, workers: int) -> None:
        self._dataset, self._workers = _Fed(feed), workers
        self._next: Place | None = None
        self._batches: Iterator[Batch] = iter(())

    def __call__(self, place: int, phase: Phase) -> Batch:
        if (place, phase) != self._next:
            self._batches = iter(
                DataLoader(
                    self._dataset,
                    batch_size=None,  # an item is a batch already
                    sampler=_Places(place, phase),
                    num_workers=self._workers,
                    prefetch_factor=EACH,
                    collate_fn=lambda batch: batch,
                    worker_init_fn=_leave_ctrl_c_to_the_run,
                    multiprocessing_context="fork",
                    generator=torch.Generator(),  # the run's own stays as it is
                )
            )
        self._next = (place + phase.batch, phase)
        return next(self._batches)


class _Fed(Dataset[Batch]):
    def __init__(self, feed: Feed) -> None:
        self._feed = feed

    def __getitem__(self, at: Place) -> Batch:
        return self._feed(*at)


class _Places:
    """From `place` on, without end."""

    def __init__(self, place: int, phase: Phase) -> None:
        self._place, self._phase = place, phase

    def __iter__(self) -> Iterator[Place]:
        place = self._place
        while True:
            yield place, self._phase
            place += self._phase.batch


def _leave_ctrl_c_to_the_run(_worker: int) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
