"""How far a run may go, how far it is, and the log of both."""

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from training.feed import Batch

COLUMNS: Final = (
    *("images", "seconds", "rate", "loss", "top1"),
    *("validation_loss", "validation_top1", "images_per_second"),
)


@dataclass(frozen=True, slots=True)
class Budget:
    """Minutes or images, whichever is spent first."""

    minutes: float = float("inf")
    images: float = float("inf")

    @property
    def endless(self) -> bool:
        return self.minutes == self.images == float("inf")

    def spent(self, seconds: float, images: int) -> float:
        return max(seconds / 60 / self.minutes, images / self.images)


@dataclass(slots=True)
class Report:
    """How far a run is; `loss`, `top1` and `pace` are averages over the last fifty or so batches.

    `pace` is in images/s. `best` is the least `validation_loss`, `stale` the epochs since then,
    `drops` how often a plateau lowered the rate.
    """

    images: int = 0
    seconds: float = 0.0
    spent: float = 0.0
    side: int = 0
    loss: float = 0.0
    top1: float = 0.0
    pace: float = 0.0
    validation_loss: float = float("inf")
    validation_top1: float = 0.0
    best: float = float("inf")
    stale: int = 0
    drops: int = 0

    @property
    def left(self) -> float:
        """Seconds, if the rest is as quick as what lies behind."""
        return max(self.seconds * (1 / self.spent - 1), 0.0) if self.spent else float("inf")

    def words(self) -> str:
        return (
            f"{min(self.spent, 1):.1%}, {self.seconds:.0f} s, {self.images} images, "
            f"now at {self.side} px, "
            f"loss {self.loss:.3f}, training top-1 {self.top1:.1%}, "
            f"{self.pace:.{0 if self.pace >= 10 else 1}f} images/s, {self.left:.0f} s left"
        )


class Log:
    """A CSV file with a row an epoch; `COLUMNS` are its columns."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def cut(self, images: int) -> None:
        """Leaves the rows up to that many images: a run goes on from there, or from 0."""
        rows = []
        if images and self.file.exists():
            with self.file.open(newline="", encoding="utf-8") as file:
                rows = [row for row in csv.DictReader(file) if int(row["images"]) <= images]
        with self.file.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, COLUMNS)
            writer.writeheader()
            writer.writerows(rows)

    def write(self, report: Report, rate: float) -> None:
        with self.file.open("a", newline="", encoding="utf-8") as file:
            csv.writer(file).writerow(
                [
                    *(report.images, round(report.seconds, 2), rate, report.loss, report.top1),
                    *(report.validation_loss, report.validation_top1, round(report.pace, 1)),
                ]
            )


@dataclass(frozen=True, slots=True)
class Watch:
    """What a run is measured on after every `epoch` images, and where that is written.

    `patience` is how many epochs in a row may fail to lower the loss; 0 never stops.
    """

    validation: tuple[Batch, ...]
    epoch: int
    patience: int = 0
    log: Log | None = None
