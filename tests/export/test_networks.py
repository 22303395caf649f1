"""Every network exports, agrees with torch, explains itself as autograd does; the page says so."""

import re

import pytest

from export.networks import PAGE, measure, page, read
from export.parity import LOGITS_TOLERANCE, MAPS_TOLERANCE
from models.architecture import Architecture
from models.catalog import CATALOG
from models.published import published

# the quick ones of different families; all together take half an hour
QUICK = {
    *("lenet5", "lenet5_plain", "alexnet_2012", "nin_cifar10", "squeezenet1_1", "googlenet_2014"),
    *("resnet18", "fractalnet20_cifar10", "se_resnet50", "mobilenet_v1"),
}


def cases() -> list[object]:
    slow = pytest.mark.catalogue
    return [pytest.param(a, id=a.name, marks=() if a.name in QUICK else slow) for a in CATALOG]


@pytest.mark.parametrize("a", cases())
def test_it_exports_and_agrees_with_torch(a: Architecture) -> None:
    found = measure(a)

    assert found.logits <= LOGITS_TOLERANCE
    assert found.maps <= MAPS_TOLERANCE


def test_the_page_is_what_the_generator_makes() -> None:
    """When it fails: python -m export.networks."""
    assert PAGE.read_text(encoding="utf-8") == page(read())


def lines() -> dict[str, list[str]]:
    rows = re.findall(r"^\| `(\w+)` \| (.*) \|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    return {name: cells.split(" | ") for name, cells in rows}


def test_the_page_has_a_line_for_every_network_and_no_other() -> None:
    assert list(lines()) == [a.name for a in CATALOG]


@pytest.mark.parametrize("a", CATALOG, ids=lambda a: a.name)
def test_a_line_says_what_the_catalogue_says(a: Architecture) -> None:
    year, parameters, macs, image, head, weights, *measured = lines()[a.name]

    assert int(year) == a.year
    assert int(parameters.replace(",", "")) == a.parameters
    assert int(macs.replace(",", "")) == a.macs
    assert image == f"{a.size}x{a.size}x{a.channels}"
    assert head == a.head
    row = published(a.name)
    assert (row.publisher in weights) if row else ("shipped" in weights or weights == "none")
    assert len(measured) == 3


@pytest.mark.parametrize("a", CATALOG, ids=lambda a: a.name)
def test_every_network_was_measured_and_agrees(a: Architecture) -> None:
    found = read()[a.name]

    assert found.bytes > a.parameters * 3.9, "4 bytes each, but for batch norms that are folded"
    assert 0 < found.logits <= LOGITS_TOLERANCE
    assert 0 < found.maps <= MAPS_TOLERANCE
