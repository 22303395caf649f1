"""What to measure, and whether what lies on disk is part of it."""

import dataclasses
import os
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench.compare.results import FILE, Results
from bench.load import EXAMPLES, pictures
from bench.loadgen import Scenario, Spec
from bench.machine import installed, machine
from bench.server import Server

SHARES = (0.4, 0.7, 0.85, 1.0)  # of the offline rate; the last one shows where it breaks
PLACES = {"CONVOY_ARTIFACTS", "CONVOY_CACHE", "CONVOY_HOST", "CONVOY_PORT"}  # change no figure
SIZES = (1, 2, 4, 8, 16)  # images a run, of the engine alone


class Mismatch(Exception):
    """What is to be resumed was measured otherwise; says how."""


@dataclass(frozen=True, slots=True)
class Plan:
    """`bound_ms` None: 15 ms on a GPU, 10 times the single stream's p90 on a CPU."""

    models: list[str]
    out: Path
    seconds: float = 2.0
    rounds: int = 3
    artifacts: Path = Path("artifacts")
    images: Path = EXAMPLES
    bound_ms: float | None = None

    def settings(self) -> dict[str, Any]:
        """All that the figures depend on, as far as it can be set."""
        own = {"models": self.models, "seconds": self.seconds, "bound_ms": self.bound_ms}
        service = {k: v for k, v in os.environ.items() if k.startswith("CONVOY_")}
        return own | {
            "shares": list(SHARES),
            "sizes": list(SIZES),
            "service": {k: v for k, v in sorted(service.items()) if k not in PLACES},
        }

    def spec(self, server: Server, model: str, scenario: Scenario, **more: Any) -> Spec:
        images, path = pictures(self.images), f"/predict/{model}?top=5"
        return Spec(server.host, server.port, path, images, scenario, self.seconds, **more)

    def results(self) -> Results:
        """Those on disk, or empty ones. Raises `BadResults` or `Mismatch`."""
        return self._resumed() if (self.out / FILE).exists() else self._begun()

    def _begun(self) -> Results:
        here = dataclasses.asdict(machine())
        versions = here.pop("versions") | {"mlcommons-loadgen": installed("mlcommons-loadgen")}
        return Results(
            created=datetime.now(UTC).isoformat(timespec="seconds"),
            commit=here.pop("commit"),
            versions={name: version for name, version in versions.items() if version},
            machine=here,
            settings=self.settings() | {"rounds": self.rounds},
        )

    def _resumed(self) -> Results:
        found = Results.read(self.out)
        for name, value in self.settings().items():
            if found.settings[name] != value:
                was = found.settings[name]
                raise Mismatch(f"{self.out} was measured with {name} {was!r}, not {value!r}")
        found.settings["rounds"] = max(self.rounds, found.settings["rounds"])
        found.finished = False
        return found
