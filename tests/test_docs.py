"""The documents say what the code does."""

import re
from pathlib import Path

import pytest
from prometheus_client import REGISTRY
from pydantic_core import PydanticUndefined

import service.metrics  # noqa: F401 - it registers what the test below goes through
from service.settings import Settings

ROOT = Path(__file__).parents[1]
OPERATIONS = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")


def setting_rows() -> list[str]:
    rows = []
    for name, field in Settings.model_fields.items():
        computed = field.default is PydanticUndefined
        default = "number of cores" if computed else f"`{field.default}`"
        rows.append(f"| `CONVOY_{name.upper()}` | {default} | {field.description} |")
    return rows


def test_every_setting_is_documented() -> None:
    """When it fails, replace the table by these rows."""
    table = OPERATIONS.split("## Settings")[1].split("\n## ")[0]
    found = re.findall(r"^\| `CONVOY_.*$", table, re.MULTILINE)
    assert found == setting_rows(), "\n" + "\n".join(setting_rows())


def test_every_metric_is_documented() -> None:
    ours = [family.name for family in REGISTRY.collect() if family.name.startswith("convoy_")]
    assert "convoy_phase_seconds" in ours
    for name in ours:
        assert f"`{name}" in OPERATIONS


@pytest.mark.parametrize("page", ["README.md", *(str(p) for p in (ROOT / "docs").rglob("*.md"))])
def test_links_lead_somewhere(page: str) -> None:
    file = ROOT / page
    for link in re.findall(r"\]\((?!http)([^)#]+)", file.read_text(encoding="utf-8")):
        assert (file.parent / link).exists(), f"{page} links to {link}"
