"""Whether the kernel slowed something down, for heat or for a container's share of the CPU."""

from pathlib import Path

CGROUP = Path("/sys/fs/cgroup/cpu.stat")
CPUS = Path("/sys/devices/system/cpu")


def counters(cgroup: Path = CGROUP, cpus: Path = CPUS) -> dict[str, int]:
    """How often so far, by reason, as Linux counts; 0 where it does not."""
    heat = cpus.glob("cpu*/thermal_throttle/core_throttle_count")
    return {
        "CPU quota of the container": _quota(cgroup),
        "heat": sum(int(file.read_text()) for file in heat),
    }


def _quota(cgroup: Path) -> int:
    try:
        rows = dict(line.split() for line in cgroup.read_text().splitlines())
    except OSError:
        return 0
    return int(rows.get("nr_throttled", 0))
