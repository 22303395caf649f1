"""docs/gpu.md says what TensorRT made of every network."""

import pytest

from export import plan_table
from models.architecture import Architecture
from models.catalog import CATALOG


def test_the_page_is_what_the_generator_makes() -> None:
    """When it fails: python -m export.plan_table."""
    text = plan_table.PAGE.read_text(encoding="utf-8")
    assert text == plan_table.page(text, plan_table.read())


@pytest.mark.parametrize("a", CATALOG, ids=lambda a: a.name)
def test_every_network_builds_in_whatever_precision_was_tried(a: Architecture) -> None:
    forms = plan_table.read()[a.name]
    for found in forms.values():
        assert found.error is None
        assert "TensorRT" in found.library
        assert 0 < found.nodes <= found.layers
    assert forms["fp32"].plan > a.parameters * 3.9
    if half := forms.get("fp16"):
        assert half.onnx < 0.6 * forms["fp32"].onnx


@pytest.mark.parametrize("precision", ["fp16", "int8"])
def test_lower_precisions_were_tried_in_every_family(precision: str) -> None:
    found = plan_table.read()
    tried = {a.family for a in CATALOG if precision in found[a.name]}
    assert tried == {a.family for a in CATALOG}
