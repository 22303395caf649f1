"""python -m export.plan_table: every published network parsed and built, in every precision.

Writes the table of docs/gpu.md. What was found lies beside it (docs/plans.json), so that the page
can be written without building again. With TensorRT-RTX it needs no GPU.
"""

import dataclasses
import json
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, get_args

import onnx
import typer
from rich.console import Console

from export.plan import newest, precisions
from export.plan_from_onnx import Build, BuildFailed, plan_from_onnx
from export.plan_publish import typed
from models.card import CARD, ModelCard, Precision
from models.catalog import CATALOG
from models.weights.random_weights import pictures

DOCS = Path(__file__).parent.parent / "docs"
PAGE, FOUND = DOCS / "gpu.md", DOCS / "plans.json"
BEGIN, END = "<!-- written by python -m export.plan_table -->\n", "<!-- end of the table -->\n"
MAX_BATCH = 32
CALIBRATION = 4  # random pictures: ranges do not change what is accepted
SEED = 1


@dataclass(frozen=True, slots=True)
class Found:
    """One ONNX file and what TensorRT made of it; `error` where it made nothing."""

    nodes: int  #          of the ONNX graph
    onnx: int  #           bytes
    library: str
    layers: int = 0  #     that the parser makes of the nodes
    seconds: float = 0.0
    plan: int = 0  #       bytes
    error: str | None = None


def build(directory: Path, precision: Precision, limit_s: float, console: Console) -> Found:
    """Builds a plan of the version in `directory` and throws it away."""
    card = ModelCard.read(directory / CARD)
    p = card.preprocessing
    with tempfile.TemporaryDirectory() as temporary:
        work = Path(temporary)
        images = [pictures(CALIBRATION, p.size, p.channels, SEED)]
        file = typed(
            precision, directory / card.artifacts["onnx"].file, work, images, card.explained
        )
        nodes = len(onnx.load(file, load_external_data=False).graph.node)
        wanted = Build(
            onnx=file,
            plan=work / "plan",
            timing_cache=work / "timing.cache",
            log=work / "log",
            max_batch=MAX_BATCH,
            limit_s=limit_s,
        )
        try:
            built = plan_from_onnx(wanted, console)
        except BuildFailed as error:
            return Found(nodes, file.stat().st_size, "", error=error.reason)
        size, plan = file.stat().st_size, wanted.plan.stat().st_size
        return Found(nodes, size, built.library, built.layers, built.seconds, plan)


def read() -> dict[str, dict[str, Found]]:
    """What was found, by network and precision."""
    rows = json.loads(FOUND.read_text(encoding="utf-8")) if FOUND.exists() else {}
    return {name: {p: Found(**f) for p, f in forms.items()} for name, forms in rows.items()}


def write(found: dict[str, dict[str, Found]]) -> None:
    """One line a network, in the catalogue's order; those that are gone from it are dropped."""
    lines = [
        json.dumps(a.name)
        + ": "
        + json.dumps({p: dataclasses.asdict(f) for p, f in found[a.name].items()})
        for a in CATALOG
        if a.name in found
    ]
    FOUND.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")


COLUMNS = ("network", "nodes", "layers", "fp32", "fp16", "int8", "errors")


def table(found: dict[str, dict[str, Found]]) -> str:
    rows = [COLUMNS, ("---",) * len(COLUMNS), *(_cells(*row) for row in found.items())]
    libraries = sorted({f.library for forms in found.values() for f in forms.values() if f.plan})
    lines = [*(f"| {' | '.join(row)} |" for row in rows), "", "Built with:"]
    return "\n".join([*lines, *(f"- {library}" for library in libraries)])


def _cells(name: str, forms: dict[str, Found]) -> tuple[str, ...]:
    first = forms["fp32"]
    errors = [f"{precision}: {f.error}" for precision, f in forms.items() if f.error]
    built = (_told(forms.get(precision)) for precision in get_args(Precision))
    return (f"`{name}`", f"{first.nodes}", f"{first.layers}", *built, "; ".join(errors) or "none")


def _told(found: Found | None) -> str:
    if found is None:
        return "not tried"
    return "no" if found.error else f"{found.seconds:.1f} s, {found.plan / 1e6:.1f} MB"


def page(text: str, found: dict[str, dict[str, Found]]) -> str:
    """The page with its table renewed; what is around it is written by hand."""
    before, rest = text.split(BEGIN)
    return f"{before}{BEGIN}\n{table(found)}\n\n{END}{rest.split(END)[1]}"


def main(
    networks: Annotated[list[str] | None, typer.Argument(help="To build, or `all`.")] = None,
    precision: Annotated[str, typer.Option(help="Of fp32, fp16 and int8.")] = "fp32,fp16,int8",
    limit_s: Annotated[float, typer.Option(help="Seconds for one build.")] = 1800,
    artifacts: Annotated[Path, typer.Option(help="Where they are published.")] = Path("artifacts"),
) -> None:
    """Builds those networks and renews docs/gpu.md; without a name, only renews it."""
    console, found, failed = Console(stderr=True), read(), False
    for name in [a.name for a in CATALOG] if networks == ["all"] else networks or []:
        for p in precisions(precision):
            f = build(newest(artifacts, name), p, limit_s, console)
            found.setdefault(name, {})[p] = f
            failed = failed or f.error is not None
            typer.echo(f"{name} in {p}: {f.error or _told(f)}")
            write(found)
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8"), found), encoding="utf-8")
    raise typer.Exit(1 if failed else 0)


if __name__ == "__main__":
    typer.run(main)
