"""The rules of the house that a test can hold."""

import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_the_import_line_is_kept() -> None:
    """Models <- service <- training <- export <- bench; contracts in pyproject.toml."""
    script = Path(sys.executable).with_name("lint-imports")
    out = subprocess.run([script], cwd=ROOT, capture_output=True, text=True, check=False)
    assert out.returncode == 0, out.stdout


def test_every_dependency_is_locked() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    rows = (ROOT / "requirements.lock").read_text().splitlines()
    locked = {row.split("==")[0].lower().replace("_", "-") for row in rows}
    wanted = [*project["dependencies"]]
    for extra in ("cpu", "export", "training", "bench", "dev"):
        wanted += project["optional-dependencies"][extra]
    names = {w.split(";")[0].split("==")[0].split("[")[0].strip() for w in wanted}
    assert names <= locked


def test_files_stay_small() -> None:
    folders = ("models", "training", "service", "export", "bench")
    long = {
        str(file.relative_to(ROOT)): lines
        for folder in folders
        for file in (ROOT / folder).rglob("*.py")
        if (lines := len(file.read_text().splitlines())) > 250
    }
    assert long == {}
