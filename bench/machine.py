"""Where and with what a benchmark ran, and whether the machine was quiet enough to believe it."""

import os
import platform
import subprocess
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from service.settings import cores

PACKAGES = ("onnxruntime", "numpy", "pillow", "fastapi", "uvicorn", "uvloop", "httptools")
QUIET = 0.3  # load average per core that is still called quiet


@dataclass(frozen=True, slots=True)
class Machine:
    cpu: str
    cores: int
    load: float | None  # 1-minute load average before the first measurement
    system: str
    python: str
    versions: dict[str, str]
    commit: str
    when: str


def machine() -> Machine:
    return Machine(
        cpu=cpu_model(),
        cores=cores(),
        load=os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
        system=f"{platform.system()} {platform.release()}",
        python=sys.version.split()[0],
        versions={name: found for name in PACKAGES if (found := installed(name))},
        commit=commit(),
        when=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def cpu_model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.machine())


def installed(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def commit() -> str:
    """The commit that was measured, with a plus if files differ from it."""
    try:
        done = subprocess.run(
            ["git", "describe", "--always", "--dirty=+", "--exclude=*"],  # noqa: S607
            cwd=Path(__file__).parent,
            capture_output=True,
            text=True,
            check=True,
            timeout=10,
        )
    except (OSError, subprocess.SubprocessError):
        return "unknown"
    return done.stdout.strip()
