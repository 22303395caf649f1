"""`python -m models` shows every network, and every layer of one, in all three formats."""

import dataclasses
import json

import pytest
from typer.testing import CliRunner

from models.__main__ import app, short
from models.catalog import CATALOG, architecture
from models.layers import describe

NAMES = [row.name for row in CATALOG]


def said(*words: str) -> list[str]:
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 0, result.output
    return result.output.splitlines()


def listed(form: str) -> list[str]:
    return said("list", "--format", form)


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


def test_the_second_line_of_vgg_is_that_of_the_lecture() -> None:
    lines = said("describe", "vgg16")

    assert lines[0].startswith("layer ")
    assert [line.split()[0] for line in lines[1:5]] == ["INPUT", "CONV3-64", "CONV3-64", "POOL2"]
    assert lines[2].split()[2:] == [
        *("[224x224x3]", "[224x224x64]", "1", "1", "3.2M", "1,728", "64", "0", "86.7M", "3", "-"),
    ]
    assert lines[-4:] == [
        "layers: 16 with weights, on the longest way",
        "memory: 15,237,608 values, 61.0MB as float32",
        "parameters: 138,357,544 (weights 138,344,128, biases 13,416, norm 0)",
        "macs: 15,470,264,320",
    ]


def test_branches_are_told_apart_and_rounding_is_shown() -> None:
    lines = said("describe", "googlenet", "--format", "markdown")
    cells = {line.split(" | ")[1]: line for line in lines if "|" in line}

    assert "inception3a.branch1.conv" in cells
    assert "inception3a.branch2.1.conv" in cells
    assert "| (224 - 7 + 6)/2 + 1 = 112.5, rounded down |" in cells["conv1.conv"]
    assert lines[-1] == "- macs: 1,498,376,192"


def test_a_table_in_json_is_the_whole_table() -> None:
    table = describe(architecture("resnet18"), 1000, 224)
    found = json.loads("".join(said("describe", "resnet18", "--format", "json")))

    assert found == json.loads(json.dumps(dataclasses.asdict(table)))


def test_an_unknown_network_is_refused_with_the_nearest() -> None:
    result = CliRunner().invoke(app, ["describe", "resnet5O"])

    assert result.exit_code == 2
    assert "did you mean resnet50?" in result.output


@pytest.mark.parametrize(
    ("number", "text"),
    [(0, "0"), (4096, "4,096"), (25_088, "25.1K"), (3_211_264, "3.2M"), (15_470_264_320, "15.5G")],
)
def test_numbers_are_short_where_they_are_long(number: int, text: str) -> None:
    assert short(number) == text
