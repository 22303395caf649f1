"""docs/trained.md: what was trained, how good it is, in which precision, for how much.

Its prose stays; the tables follow from the shipped cards and from docs/trained.json, where
`python -m bench.trained` leaves what it measures.
"""

import dataclasses
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, cast

import torch

from models.card import Checkpoint, Precision
from models.catalog import CATALOG, architecture
from models.weights import SHIPPED
from training.recipe import Data

DOCS: Final = Path(__file__).parent.parent / "docs"
PAGE, MEASURED, MAPS = DOCS / "trained.md", DOCS / "trained.json", DOCS / "maps"
PRECISIONS: Final[tuple[Precision, ...]] = ("fp32", "fp16", "int8")
NONE: Final = "-"
END: Final = "<!-- end -->"


@dataclass(frozen=True, slots=True)
class Measured:
    """`metrics` are float32's; of a precision that was refused there is nothing in the others.

    `top1`, `agreement` (with float32), `maps` (their correlation with float32's) by precision,
    `rates` in images/s: the engine alone, one core, one image a run.
    """

    sha256: str  # of the weights
    metrics: dict[str, float]
    top1: dict[str, float]
    agreement: dict[str, float]
    maps: dict[str, float]
    rates: dict[str, float]
    where: str


@dataclass(frozen=True, slots=True)
class Row:
    """A shipped card and, if its weights are shipped too, what was measured of them."""

    card: Checkpoint
    data: Data
    measured: Measured | None = None

    @property
    def name(self) -> str:
        return self.card.architecture

    @property
    def file(self) -> Path:
        return SHIPPED / f"{self.name}.{self.data}.safetensors"

    @property
    def metrics(self) -> dict[str, float]:
        """The card's; what it does not say as it was measured here."""
        return (self.measured.metrics if self.measured else {}) | self.card.metrics

    @property
    def stale(self) -> bool:
        """Whether there are weights that nobody measured."""
        known = self.measured.sha256 if self.measured else None
        return self.file.exists() and known != self.card.weights.sha256


def read() -> list[Row]:
    """Every shipped card in the catalogue's order, with what was measured of it."""
    known = json.loads(MEASURED.read_text(encoding="utf-8")) if MEASURED.exists() else {}
    found = []
    for network in CATALOG:
        for file in sorted(SHIPPED.glob(f"{network.name}.*.json")):
            data = cast("Data", file.name.split(".")[1])
            measured = known.get(file.stem)
            row = Row(Checkpoint.read(file), data, Measured(**measured) if measured else None)
            found.append(row)
    return found


def write(rows: list[Row]) -> None:
    """What was measured, and the page."""
    known = {f"{r.name}.{r.data}": dataclasses.asdict(r.measured) for r in rows if r.measured}
    MEASURED.write_text(json.dumps(known, indent=1) + "\n", encoding="utf-8")
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8"), rows), encoding="utf-8")


def page(text: str, rows: list[Row]) -> str:
    """`text` with what stands between `<!-- NAME -->` and `END` written anew."""
    for name, part in PARTS.items():
        mark = f"<!-- {name} -->\n"
        before, found, rest = text.partition(mark)
        _, end, after = rest.partition(END)
        if not (found and end):
            raise ValueError(f"{PAGE} has no place for {name}: write {mark.strip()} and {END}")
        text = f"{before}{mark}{part(rows)}\n{END}{after}"
    return text


def table(columns: str, rows: Iterable[Sequence[str]]) -> str:
    """In Markdown; `columns` are separated by commas."""
    titles = columns.split(", ")
    lines = (titles, ["---"] * len(titles), *rows)
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def share(value: float | None, digits: int = 1) -> str:
    """In per cent, or a dash."""
    return NONE if value is None else f"{value:.{digits}%}".replace("%", " %")


def quality(rows: list[Row]) -> str:
    columns = "network, head, parameters, held out, top-1, top-5, pointing, by chance, inside, ECE"
    return table(columns, map(_quality, rows))


def _quality(row: Row) -> list[str]:
    a, m = architecture(row.name), row.metrics
    with torch.device("meta"):
        network = a.build(len(row.card.labels))
    shares = ("top1", "top5", "pointing", "pointing_chance", "energy_inside", "ece")
    return [
        f"`{row.name}`",
        a.head,
        f"{sum(p.numel() for p in network.parameters()):,}",
        f"{m['test_images']:.0f} {row.data}",
        *(share(m.get(name)) for name in shares),
    ]


def precisions(rows: list[Row]) -> str:
    columns = (
        "network, top-1 fp32, fp16, int8, agreement fp16, int8, maps fp16, int8, "
        "images/s fp32, fp16, int8"
    )
    return table(columns, (_precisions(row.name, row.measured) for row in rows if row.measured))


def _precisions(name: str, m: Measured) -> list[str]:
    lower = PRECISIONS[1:]
    return [
        f"`{name}`",
        *(share(m.top1[p], 2) if p in m.top1 else "refused" for p in PRECISIONS),
        *(share(m.agreement.get(p), 2) for p in lower),
        *(f"{m.maps[p]:.4f}" if p in m.maps else NONE for p in lower),
        *(f"{m.rates[p]:.{0 if m.rates[p] > 100 else 1}f}" if p in m.rates else NONE
          for p in PRECISIONS),
    ]  # fmt: skip


def machines(rows: list[Row]) -> str:
    return "\n".join(f"- `{row.name}`: {row.measured.where}" for row in rows if row.measured)


def cost(rows: list[Row]) -> str:
    return table("network, images seen, minutes, machine, seed, weights", map(_cost, rows))


def _cost(row: Row) -> list[str]:
    w = row.card.weights
    size = f"{row.file.stat().st_size / 1e6:.1f} MB" if row.file.exists() else "not shipped"
    return [
        f"`{row.name}`",
        f"{w.images:,}",
        f"{(w.seconds or 0) / 60:.0f}",
        w.machine or NONE,
        str(w.seed),
        size,
    ]


def pictures(rows: list[Row]) -> str:
    shown = (row.name for row in rows if (MAPS / f"{row.name}.png").exists())
    return "\n\n".join(
        f"`{name}`\n\n![What {name} looks at: first, best and worst scenes](maps/{name}.png)"
        for name in shown
    )


PARTS: Final[dict[str, Callable[[list[Row]], str]]] = {
    "quality": quality,
    "precisions": precisions,
    "machines": machines,
    "cost": cost,
    "maps": pictures,
}
