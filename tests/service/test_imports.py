"""The serving process stays small: importing it loads no network library."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def test_importing_the_service_loads_no_torch() -> None:
    check = (
        "import sys, service.app, service.__main__;"
        "print([m for m in ('torch', 'onnxruntime', 'tensorrt') if m in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"


@pytest.mark.parametrize("name", ["models", "training", "service", "export", "bench"])
def test_our_packages_are_ours(name: str) -> None:
    """The top-level names are plain words: nothing installed may stand before them."""
    check = f"import {name}; print({name}.__file__)"
    out = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)
    assert Path(out.stdout.strip()).parent == ROOT / name
