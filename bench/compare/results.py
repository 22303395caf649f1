"""What `python -m bench compare` measured, as it lies in `results.json`.

Times are in seconds unless the name ends in `_ms`; rates are images a second. Unknown keys are
refused, so that an older Convoy does not misread a newer file.
"""

from pathlib import Path
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

FILE = "results.json"


class BadResults(Exception):
    """A file that is no result of a comparison; says which and why."""


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", populate_by_name=True)


class Test(Strict):
    """One LoadGen test. `latencies_ms` are sorted: all, or 1000 evenly by rank."""

    count: int
    failures: int = 0
    p50: float
    p90: float
    p99: float
    latencies_ms: list[float] = []
    doubts: dict[str, str] = {}  # name of a warning -> why


class Stream(Test):
    """Requests one after the other (single), or all at once (offline)."""

    rate: float


class Point(Test):
    """Requests at random at `target` a second. `batches`: runs with up to so many images."""

    target: float
    achieved: float
    phases_ms: dict[str, float] = {}  # means
    batches: dict[str, int] = {}


class BatchRate(Strict):
    """The engine alone, without HTTP or decoding: `size` images a run on every core."""

    size: int
    rate: float


class Round(Strict):
    """One turn of one network. `phases_ms` are means of `single`, `batches` those of `offline`."""

    single: Stream
    offline: Stream
    curve: list[Point] = []
    phases_ms: dict[str, float] = {}
    batches: dict[str, int] = {}
    batch_rates: list[BatchRate] = []


class Network(Strict):
    """One network: what is known of it, and its rounds. None is what could not be known."""

    name: str
    year: int | None = None
    input: str = ""
    parameters: int | None = None
    macs: int | None = None
    published_top1: float | None = None  # percent, on ImageNet, of the published weights
    metrics: dict[str, float] = {}  # of the weights that were served; shares of 1
    trained: bool = False
    weights: str = ""
    trained_on: str | None = None
    engine: str = ""
    precision: str = ""
    device: str = ""
    load_ms: float | None = None
    memory_bytes: int | None = None
    batch_rates: list[BatchRate] = []  # medians over the rounds
    targets: list[float] = []  # of the curve, the same in every round
    rounds: list[Round] = []
    bound_ms: float | None = None  # for the p99
    rate_at_bound: float | None = None  # median over the rounds


class Warned(Strict):
    name: str
    model: str = ""
    detail: str


class Results(Strict):
    """One comparison, finished or not."""

    schema_: Literal[1] = Field(1, alias="schema")
    kind: Literal["compare"] = "compare"
    created: str
    finished: bool = False
    machine: dict[str, Any] = {}
    versions: dict[str, str] = {}
    commit: str = ""
    settings: dict[str, Any] = {}
    null_rate: float | None = None  # with an engine that does nothing: what the generator can do
    throttled: dict[str, int] = {}
    networks: list[Network] = []
    warnings: list[Warned] = []

    @classmethod
    def read(cls, place: Path) -> Self:
        """From a report's folder, or the file in it. Raises `BadResults`."""
        file = place / FILE if place.is_dir() else place
        try:
            return cls.model_validate_json(file.read_bytes())
        except FileNotFoundError:
            raise BadResults(f"{file} does not exist: give the folder of a comparison") from None
        except OSError as error:
            raise BadResults(f"{file} cannot be read: {error}") from None
        except ValidationError as error:
            first = error.errors()[0]
            told = f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
            raise BadResults(f"{file} is no comparison of this version: {told}") from None

    def write(self, directory: Path) -> None:
        write(directory / FILE, self.model_dump_json(by_alias=True, indent=1) + "\n")

    def measured(self) -> list[Network]:
        """Those with at least one whole round."""
        return [network for network in self.networks if network.rounds]


def write(file: Path, content: str | bytes) -> None:
    """Beside it, then renamed: whoever reads gets the old file or the new one, whole."""
    file.parent.mkdir(parents=True, exist_ok=True)
    partial = file.with_name(f".{file.name}.partial")
    partial.write_bytes(content.encode() if isinstance(content, str) else content)
    partial.replace(file)
