"""The report stands alone, says everything, and replaces the last good one only when whole."""

import csv
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from bench.compare import report
from bench.compare.plots.style import VARIABLES
from bench.compare.report import publish
from bench.compare.results import Results, Warned

Make = Callable[..., Results]
PLOTS = {"glance", "curves", "percentiles", "phases", "batches"}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("report")


@pytest.fixture
def published(make: Make, place: Path) -> tuple[Results, Path]:
    found = make()
    found.warnings = [Warned(name="scatter", model="alexnet", detail="the rounds <differ>")]
    if not any(place.iterdir()):
        publish(found, place)
    return found, place


def test_all_files_are_there(published: tuple[Results, Path]) -> None:
    _, place = published
    assert {f.name for f in place.iterdir()} == {
        "report.md",
        "report.html",
        "results.csv",
        "plots",
    }
    assert {f.name for f in (place / "plots").iterdir()} == {
        f"{name}.{kind}" for name in PLOTS for kind in ("svg", "png")
    }


def test_the_page_needs_no_network_and_no_other_file(published: tuple[Results, Path]) -> None:
    text = (published[1] / "report.html").read_text()
    assert text.count("<svg") == len(PLOTS)
    assert not re.search(r'(?:src|href)="(?!#)', text.replace("xlink:href", "href"))
    assert not re.search(r"url\((?!#)", text)
    assert "<script" not in text


def test_every_id_is_used_once_and_every_reference_leads_to_one(
    published: tuple[Results, Path],
) -> None:
    text = (published[1] / "report.html").read_text()
    ids = re.findall(r'\bid="([^"]+)"', text)
    assert len(ids) == len(set(ids))
    assert set(re.findall(r'(?:url\(#|href="#)([^")]+)', text)) <= set(ids)


def test_the_plots_follow_dark_mode(published: tuple[Results, Path]) -> None:
    text = (published[1] / "report.html").read_text()
    plots = text[text.index("<svg") :]
    assert not [colour for colour in VARIABLES if colour in plots]
    dark = text.partition("prefers-color-scheme: dark")[2].partition("</style>")[0]
    assert all(f"--{name}:" in dark for name in VARIABLES.values())


def test_both_forms_tell_the_same(published: tuple[Results, Path]) -> None:
    found, place = published
    text, page = (place / "report.md").read_text(), (place / "report.html").read_text()
    for word in ("a CPU, 2 cores", "abc1234", "scatter", "random, untrained", "99.7 % (digits)"):
        assert word in text
        assert word in page
    assert all(f"`{network.name}`" in text for network in found.networks)
    assert "the rounds <differ>" in text
    assert "the rounds &lt;differ&gt;" in page
    assert not re.search(r"\b(nan|inf|None)\b", text)


def test_the_sheet_has_the_intervals(published: tuple[Results, Path]) -> None:
    found, place = published
    rows = list(csv.DictReader((place / "results.csv").read_text().splitlines()))
    assert [row["name"] for row in rows] == [network.name for network in found.networks]
    alexnet = rows[1]
    rates = [each.offline.rate for each in found.networks[1].rounds]
    assert float(alexnet["offline_rate_low"]) < min(rates)
    assert min(rates) < float(alexnet["offline_rate"]) < max(rates)
    assert (alexnet["measured_top1"], alexnet["parameters"]) == ("", "61100840")
    assert float(alexnet["images_a_run"]) == pytest.approx(200 / 30)


def test_the_terminal_gets_the_figures_and_the_warnings(
    published: tuple[Results, Path],
) -> None:
    out = Console(record=True, width=130)
    report.show(published[0], out)
    text = out.export_text()
    assert "resnet50" in text
    assert "warning: scatter, alexnet: the rounds <differ>" in text


def test_one_round_of_what_tells_little_is_reported_too(make: Make, tmp_path: Path) -> None:
    """An engine of somebody else, no metrics, no accuracy, nothing within the bound."""
    found = make(rounds=1)
    found.null_rate = None
    for network in found.networks:
        network.published_top1, network.metrics, network.batch_rates = None, {}, []
        network.memory_bytes = network.load_ms = network.parameters = network.year = None
        network.bound_ms, network.rate_at_bound = 0.001, 0.0
        network.rounds[0].phases_ms = {}
    publish(found, tmp_path)
    assert {f.stem for f in (tmp_path / "plots").iterdir()} == {"curves", "percentiles"}
    text = (tmp_path / "report.md").read_text()
    assert "never" in text
    assert "±" not in text.partition("## How")[0]


def test_what_fails_leaves_the_last_good_report(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(make(), tmp_path)
    before = {f: f.read_bytes() for f in tmp_path.rglob("*") if f.is_file()}

    def broken(*_: Any) -> str:
        raise RuntimeError("no page today")

    monkeypatch.setattr(report, "page", broken)
    with pytest.raises(RuntimeError, match="no page today"):
        publish(make(), tmp_path)
    assert {f: f.read_bytes() for f in tmp_path.rglob("*") if f.is_file()} == before
