"""`python -m models list` shows every network in all three formats."""

import json

import pytest
from typer.testing import CliRunner

from models.__main__ import app
from models.catalog import CATALOG

NAMES = [row.name for row in CATALOG]


def listed(form: str) -> list[str]:
    result = CliRunner().invoke(app, ["list", "--format", form])
    assert result.exit_code == 0, result.output
    return result.output.splitlines()


@pytest.mark.parametrize(("form", "head", "column"), [("text", 1, 0), ("markdown", 2, 1)])
def test_one_line_a_network(form: str, head: int, column: int) -> None:
    assert [line.split()[column] for line in listed(form)[head:]] == NAMES


def test_nothing_is_cut_where_there_is_no_terminal() -> None:
    lines = listed("text")
    (resnet50,) = (line.split() for line in lines if line.startswith("resnet50 "))

    assert resnet50 == [
        *("resnet50", "2015", "25,557,032", "4,089,184,256", "224x224x3", "linear"),
        *("76.13", "92.862", "resnet50-0676ba61.pth"),
    ]


def test_json_keeps_numbers_as_numbers() -> None:
    rows = {row["name"]: row for row in json.loads("\n".join(listed("json")))}

    assert list(rows) == NAMES
    assert rows["vgg16"]["parameters"] == 138_357_544
    assert rows["lenet5_plain"]["weights"] is None
