"""A small network, exported once for all tests."""

from pathlib import Path

import pytest
from rich.console import Console

from export.publish import Recipe, export


@pytest.fixture(scope="session")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of `lenet5_plain/1`; a test that changes it copies it first."""
    artifacts = tmp_path_factory.mktemp("artifacts")
    export(Recipe("lenet5_plain", max_batch=4), artifacts, Console(quiet=True))
    return artifacts / "lenet5_plain" / "1"
