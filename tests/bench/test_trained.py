"""The page of what was trained says what the cards say, and what was measured of their weights."""

import re

import pytest
from PIL import Image

from bench import trained
from bench.trained_page import END, MAPS, PAGE, PARTS, Row, page, read
from models.catalog import architecture

TEXT = PAGE.read_text(encoding="utf-8")
rows = pytest.mark.parametrize("row", read(), ids=lambda row: f"{row.name}.{row.data}")


def cells(part: str, name: str) -> list[str]:
    table = TEXT.partition(f"<!-- {part} -->")[2].partition(END)[0]
    (line,) = re.findall(rf"^\| `{name}` \| (.*) \|$", table, re.MULTILINE)
    found: list[str] = line.split(" | ")
    return found


def test_the_page_is_what_the_generator_makes() -> None:
    """When it fails: python -m bench.trained."""
    assert page(TEXT, read()) == TEXT


@rows
def test_what_is_shipped_was_measured(row: Row) -> None:
    """When it fails: python -m bench.trained."""
    assert not row.stale
    if row.measured:
        for name in row.card.metrics.keys() & row.measured.metrics.keys():
            # onnxruntime and torch: one picture of two thousand may fall on the other side
            same = pytest.approx(row.card.metrics[name], rel=0, abs=0.0021)
            assert row.measured.metrics[name] == same or name == "test_images"


@rows
def test_a_line_says_what_the_card_says(row: Row) -> None:
    head, parameters, held_out, *shares = cells("quality", row.name)
    metrics, weights = row.card.metrics, row.card.weights

    assert head == architecture(row.name).head
    assert int(parameters.replace(",", "")) < architecture(row.name).parameters + 1
    assert held_out == f"{metrics['test_images']:.0f} {row.data}"
    named = ("top1", "top5", "pointing", "pointing_chance")
    expected = [f"{metrics[n] * 100:.1f} %" if n in metrics else "-" for n in named]
    assert shares[:4] == expected
    assert cells("cost", row.name)[0] == f"{weights.images:,}"


@rows
def test_scenes_have_a_picture_of_moderate_size(row: Row) -> None:
    if row.data == "scenes" and row.measured:
        file = MAPS / f"{row.name}.png"
        assert f"(maps/{file.name})" in TEXT
        assert file.stat().st_size < 300_000
        with Image.open(file) as picture:
            assert picture.width < 1000


def test_a_page_without_a_place_for_a_table_is_refused() -> None:
    with pytest.raises(ValueError, match="no place for quality"):
        page("# A page\n", read())
    empty = "".join(f"<!-- {name} -->\nold\n{END}\n" for name in PARTS)
    assert "old" not in page(empty, read())


def test_a_network_is_exported_compared_and_timed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trained, "SECONDS", 0.01)
    monkeypatch.setattr(trained, "ROUNDS", 2)
    found = trained.measure("lenet5_plain", "digits")
    assert found.top1.keys() == found.rates.keys() == {"fp32", "fp16", "int8"}
    assert found.metrics["top1"] == found.top1["fp32"] > 0.99
    assert found.agreement.keys() == found.maps.keys() == {"fp16", "int8"}
    assert all(rate > 0 for rate in found.rates.values())
