"""Shows the catalogue: `python -m models list --format markdown`."""

import json
from enum import StrEnum
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from models.architecture import Architecture
from models.catalog import CATALOG
from models.published import PUBLISHED

COLUMNS = ("name", "year", "parameters", "macs", "input", "head", "top1", "top5", "weights")
NUMBERS = ("year", "parameters", "macs", "top1", "top5")
WIDEST = 1000  # characters; more than the table ever needs

Facts = dict[str, str | int | float | None]

app = typer.Typer(add_completion=False, help=__doc__, no_args_is_help=True)


class Format(StrEnum):
    text = "text"
    markdown = "markdown"
    json = "json"


@app.callback()
def main() -> None:
    """The networks that Convoy knows."""


@app.command("list")
def list_(form: Annotated[Format, typer.Option("--format")] = Format.text) -> None:
    """One line a network; top-1 and top-5 are the publisher's, in percent, on ImageNet."""
    rows = [facts(row) for row in CATALOG]
    if form is Format.json:
        typer.echo(json.dumps(rows, indent=1))
    elif form is Format.markdown:
        typer.echo(as_markdown(rows))
    else:
        show(rows, Console())


def facts(row: Architecture) -> Facts:
    found = next((p for p in PUBLISHED if p.architecture == row.name), None)
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


def cell(value: str | float | None) -> str:
    """Numbers as a reader likes them: 25,557,032 but the year 2015."""
    if value is None:
        return "-"
    return f"{value:,}" if isinstance(value, int) and value > 9999 else str(value)


def as_markdown(rows: list[Facts]) -> str:
    rule = ("---:" if column in NUMBERS else "---" for column in COLUMNS)
    lines = [COLUMNS, rule, *([cell(row[column]) for column in COLUMNS] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def show(rows: list[Facts], console: Console) -> None:
    """Fits the terminal by shortening the last column; as wide as it is where there is none."""
    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in COLUMNS:
        number = column in NUMBERS
        last = column == COLUMNS[-1]
        table.add_column(
            column, justify="right" if number else "left", no_wrap=not last, overflow="ellipsis"
        )
    for row in rows:
        table.add_row(*(cell(row[column]) for column in COLUMNS))
    if not console.is_terminal:
        console.width = WIDEST
        console.width = console.measure(table).maximum
    console.print(table)


if __name__ == "__main__":
    app()
