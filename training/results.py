"""An evaluation as tables on a terminal, and as results.json, per_class.csv and confusion.png."""

import csv
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import numpy as np
import sklearn.metrics
from matplotlib.figure import Figure
from rich.table import Table

from training.evaluate import Evaluation
from training.metrics import Reals

READABLE: Final = 20  # classes; of more, a terminal gets the worst ones and a picture no figures


@dataclass(frozen=True, slots=True)
class Measured:
    """What was measured on which data, in words; `engine` and `precision` as they really run."""

    model: str
    version: int | None
    engine: str
    precision: str
    data: str


@dataclass(frozen=True, slots=True)
class ClassRow:
    """A class that has pictures. `precision` is None where nothing was taken for the class."""

    name: str
    support: int
    precision: float | None
    recall: float


def per_class(found: Evaluation, names: tuple[str, ...]) -> list[ClassRow]:
    """A row for each class that has pictures; the network's outputs are called `names`."""
    precision, recall, _, support = sklearn.metrics.precision_recall_fscore_support(
        found.labels, found.chosen, labels=range(found.classes), zero_division=np.nan
    )
    return [
        ClassRow(
            names[i],
            int(support[i]),
            None if np.isnan(precision[i]) else float(precision[i]),
            float(recall[i]),
        )
        for i in np.flatnonzero(support)
    ]


def metrics_table(measured: Measured, metrics: dict[str, float]) -> Table:
    version = f"/{measured.version}" if measured.version else ""
    who = f"{measured.model}{version} on {measured.data}"
    table = Table("measure", title=f"{who}, {measured.engine} {measured.precision}", min_width=60)
    table.add_column("value", justify="right")
    for name, value in metrics.items():
        table.add_row(name, f"{value:.0f}" if name == "test_images" else f"{value:.4f}")
    return table


def class_table(rows: list[ClassRow]) -> Table:
    """All classes, or of many those with the lowest recall."""
    shown, title = rows, "per class"
    if len(rows) > READABLE:
        shown = sorted(rows, key=lambda row: row.recall)[:READABLE]
        title = f"the {READABLE} of {len(rows)} classes with the lowest recall"
    table = Table("class", title=title, min_width=60)
    for column in ("pictures", "precision", "recall"):
        table.add_column(column, justify="right")
    for row in shown:
        precision = "-" if row.precision is None else f"{row.precision:.3f}"
        table.add_row(row.name, str(row.support), precision, f"{row.recall:.3f}")
    return table


def write(
    directory: Path,
    measured: Measured,
    metrics: dict[str, float],
    found: Evaluation,
    names: tuple[str, ...],
) -> None:
    """Writes the three files into `directory`, made if need be."""
    directory.mkdir(parents=True, exist_ok=True)
    results = asdict(measured) | {"metrics": metrics, "unreadable": found.unreadable}
    text = json.dumps(results, indent=1, ensure_ascii=False) + "\n"
    (directory / "results.json").write_text(text, encoding="utf-8")
    with (directory / "per_class.csv").open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(("class", "pictures", "precision", "recall"))
        for row in per_class(found, names):
            table.writerow((row.name, row.support, row.precision, row.recall))
    confusion_picture(found, names).savefig(directory / "confusion.png")


def confusion(found: Evaluation) -> tuple[Reals, list[int]]:
    """The confusion matrix of the classes that occur [k, k], and which ones they are [k].

    A row is a true class, a column the one that was named, a value the share of the row.
    """
    there = sorted({*found.labels.tolist(), *found.chosen.tolist()})
    matrix = sklearn.metrics.confusion_matrix(
        found.labels, found.chosen, labels=there, normalize="true"
    )
    return np.asarray(matrix), there


def confusion_picture(found: Evaluation, names: tuple[str, ...]) -> Figure:
    """The confusion matrix; with names and per cent where there is room for them."""
    matrix, there = confusion(found)
    side = 4 + 0.4 * min(len(there), READABLE)
    figure = Figure(figsize=(side + 1, side), layout="constrained", dpi=120)
    axes = figure.subplots()
    image = axes.imshow(matrix, vmin=0, vmax=1, cmap="Blues")
    figure.colorbar(image, label="share of the true class")
    axes.set(xlabel="named", ylabel="true")
    if len(there) <= READABLE:
        places, words = range(len(there)), [names[i] for i in there]
        axes.set_xticks(places, words, rotation=45, ha="right")
        axes.set_yticks(places, words)
        for (row, column), share in np.ndenumerate(matrix):
            colour = "white" if share > 0.5 else "black"
            text = f"{share:.0%}" if share else ""
            axes.text(column, row, text, ha="center", va="center", color=colour, fontsize=8)
    return figure
