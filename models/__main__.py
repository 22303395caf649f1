"""Shows the catalogue, the layers of a network, and the figures of the lecture."""

import json
import re
from enum import StrEnum
from typing import Annotated

import typer
from rich.console import Console, JustifyMethod
from rich.table import Table
from rich.text import Text

from models.architecture import Architecture
from models.catalog import CATALOG, architecture
from models.layers import describe
from models.lectures import page
from models.published import published
from models.table import Layer, LayerTable, Sides, Size

NUMBER = re.compile(r"-|[\d.,]+[KMG]?")
WIDEST = 1000  # characters; more than the tables ever need

Facts = dict[str, str | int | float | None]

app = typer.Typer(add_completion=False, help=__doc__, no_args_is_help=True)


class Format(StrEnum):
    text = "text"
    markdown = "markdown"
    json = "json"


Form = Annotated[Format, typer.Option("--format")]


@app.callback()
def main() -> None:
    """The networks that Convoy knows."""


@app.command("list")
def list_(form: Form = Format.text) -> None:
    """One line a network; top-1 and top-5 are the publisher's, in percent, on ImageNet."""
    rows = [facts(row) for row in CATALOG]
    if form is Format.json:
        typer.echo(json.dumps(rows, indent=1))
    elif form is Format.markdown:
        typer.echo(as_markdown(rows))
    else:
        show(rows, Console())


@app.command("describe")
def describe_(name: str, form: Form = Format.text) -> None:
    """One line a layer, for one image; `norm` are batch norm's parameters for the layer's output.

    Sizes are height x width x channels; memory is in values.
    """
    try:
        a = architecture(name)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error
    table = describe(a, a.classes, a.size)
    rows = [line(layer) for layer in table.layers]
    if form is Format.json:
        typer.echo(table.as_json(), nl=False)
    elif form is Format.markdown:
        typer.echo("\n".join([as_markdown(rows), "", *(f"- {total}" for total in totals(table))]))
    else:
        show(rows, Console())
        typer.echo("\n".join(totals(table)))


@app.command("lectures")
def lectures_() -> None:
    """The figures of the lecture beside ours: the page docs/lectures.md."""
    typer.echo(page(), nl=False)


def facts(row: Architecture) -> Facts:
    found = published(row.name)
    return {
        "name": row.name,
        "year": row.year,
        "parameters": row.parameters,
        "macs": row.macs,
        "input": f"{row.size}x{row.size}x{row.channels}",
        "head": row.head,
        "top1": found.top1 if found else None,
        "top5": found.top5 if found else None,
        "weights": found.filename if found else None,
    }


def line(layer: Layer) -> Facts:
    return {
        "layer": layer.name,
        "path": layer.path or None,
        "input": size(layer.input),
        "output": size(layer.output),
        "stride": sides(layer.stride),
        "pad": sides(layer.pad),
        "memory": short(layer.memory),
        "weights": f"{layer.weights:,}",
        "biases": f"{layer.biases:,}",
        "norm": f"{layer.norm:,}",
        "macs": short(layer.macs),
        "receptive field": sides(layer.receptive_field),
        "rounding": layer.rounding,
    }


def totals(table: LayerTable) -> list[str]:
    kinds = f"weights {table.weights:,}, biases {table.biases:,}, norm {table.norm:,}"
    return [
        f"layers: {table.depth} with weights, on the longest way",
        f"memory: {table.memory:,} values, {short(table.memory_bytes)}B as float32",
        f"parameters: {table.parameters:,} ({kinds})",
        f"macs: {table.macs:,}",
    ]


def short(number: int) -> str:
    """As the lecture writes it: 3.2M."""
    if number < 10_000:
        return f"{number:,}"
    unit, size = next(u for u in (("G", 10**9), ("M", 10**6), ("K", 10**3)) if number >= u[1])
    return f"{number / size:.1f}{unit}"


def size(sides: Size) -> str:
    return f"[{'x'.join(map(str, sides))}]"


def sides(pair: Sides) -> str:
    return str(pair[0]) if pair[0] == pair[1] else f"{pair[0]}x{pair[1]}"


def cell(value: str | float | None) -> str:
    """Numbers as a reader likes them: 25,557,032 but the year 2015."""
    if value is None:
        return "-"
    return f"{value:,}" if isinstance(value, int) and value > 9999 else str(value)


def numeric(rows: list[Facts], column: str) -> bool:
    return all(NUMBER.fullmatch(cell(row[column])) for row in rows)


def as_markdown(rows: list[Facts]) -> str:
    columns = rows[0].keys()
    rule = ("---:" if numeric(rows, column) else "---" for column in columns)
    lines = [columns, rule, *([cell(value) for value in row.values()] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def show(rows: list[Facts], console: Console) -> None:
    """Fits the terminal by shortening the last column; as wide as it is where there is none."""
    table = Table(box=None, header_style="bold", pad_edge=False)
    *others, last = rows[0]
    for column in others:
        justify: JustifyMethod = "right" if numeric(rows, column) else "left"
        table.add_column(column, justify=justify, no_wrap=True, overflow="ellipsis")
    table.add_column(last, overflow="ellipsis")
    for row in rows:
        table.add_row(*(Text(cell(value)) for value in row.values()))
    if not console.is_terminal:
        console.width = WIDEST
        console.width = console.measure(table).maximum
    console.print(table)


if __name__ == "__main__":
    app()
