"""The report of a comparison: `report.md`, the same as `report.html`, `results.csv` and the plots.

Each file is written beside the old one and renamed, so the last good report is never lost.
"""

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from string import Template
from typing import Any
from xml.sax.saxutils import quoteattr

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from bench.compare import tables
from bench.compare.figures import FIGURES, images_a_run, measured_top1
from bench.compare.plots import draw
from bench.compare.plots.style import VARIABLES
from bench.compare.results import Results, write

PAGE = Path(__file__).with_name("page.html")
PLOTS, MARKDOWN, HTML, CSV = "plots", "report.md", "report.html", "results.csv"


def publish(found: Results, directory: Path) -> None:
    """All files; `found` has at least one whole round."""
    drawn = draw(found, directory / PLOTS)
    text = tables.markdown(found, [f"{PLOTS}/{name}.svg" for name in drawn])
    write(directory / MARKDOWN, text)
    write(directory / HTML, page(text, directory))
    write(directory / CSV, sheet(found))


def show(found: Results, out: Console) -> None:
    """The figures and the warnings, for a terminal."""
    heads, rows = tables.measured(found)
    grid = Table(box=box.ROUNDED if out.is_terminal else box.ASCII_DOUBLE_HEAD)
    for head in heads:
        grid.add_column(head, justify="left" if head == heads[0] else "right")
    for name, *cells in rows:
        grid.add_row(name.strip("`"), *cells)
    out.print(grid)
    out.print(tables.UNITS, soft_wrap=True)
    for warning in found.warnings:
        who = f", {warning.model}" if warning.model else ""
        told = f"[yellow]warning: {warning.name}[/]{who}: {escape(warning.detail)}"
        out.print(told, soft_wrap=True)


def page(text: str, directory: Path) -> str:
    """The markdown as a page that needs no other file: its plots are in it."""
    reader = MarkdownIt("commonmark", {"html": False}).enable("table")

    def image(_self: RendererHTML, tokens: Sequence[Token], index: int, *_: Any) -> str:
        token = tokens[index]
        svg = inline(directory / str(token.attrs["src"]), token.content)
        return f'<span class="wide" tabindex="0">{svg}</span>'

    def opened(*_: Any) -> str:
        return '<div class="wide" tabindex="0"><table>\n'

    def closed(*_: Any) -> str:
        return "</table></div>\n"

    reader.add_render_rule("image", image)
    reader.add_render_rule("table_open", opened)
    reader.add_render_rule("table_close", closed)
    title = text.partition("\n")[0].removeprefix("# ")
    return Template(PAGE.read_text(encoding="utf-8")).substitute(
        title=title, body=reader.render(text)
    )


def inline(file: Path, words: str) -> str:
    """An SVG to stand in a page: its colours follow the page, its ids are its own."""
    svg = file.read_text(encoding="utf-8")
    svg = svg[svg.index("<svg") :]
    for colour, variable in VARIABLES.items():
        svg = svg.replace(colour, f"var(--{variable})")
    for mark in ('id="', "url(#", 'href="#'):
        svg = svg.replace(mark, f"{mark}{file.stem}-")
    svg = svg.replace("'DejaVu Sans'", "system-ui")
    return svg.replace("<svg", f"<svg role='img' aria-label={quoteattr(words)}", 1)


def sheet(found: Results) -> str:
    """A row a network; each measured figure with the ends of its interval."""
    known = ("name", "year", "input", "parameters", "macs", "published_top1", "trained", "weights")
    after = ("engine", "precision", "device", "load_ms", "memory_bytes", "bound_ms")
    heads = [f"{f.key}{end}" for f in FIGURES for end in ("", "_low", "_high")]
    content = io.StringIO()
    rows = csv.writer(content, lineterminator="\n")
    rows.writerow((*known, "measured_top1", "measured_on", *heads, *after, "images_a_run"))
    for network in found.measured():
        measured = measured_top1(network) or ("", "")
        figures: list[float | None] = []
        for one in FIGURES:
            interval = one.interval(network)
            figures += [interval.value, interval.low, interval.high] if interval else [None] * 3
        rows.writerow(
            (
                *(getattr(network, name) for name in known),
                *measured,
                *figures,
                *(getattr(network, name) for name in after),
                images_a_run(network),
            )
        )
    return content.getvalue()
