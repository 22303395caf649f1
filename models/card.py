"""A model card says what was trained on what, exported how, and proven how well.

Standard library only, so that the serving process can read cards without torch. Two kinds of
file: a `Checkpoint` lies beside a weights file, a `ModelCard` beside the artifacts made from it.
"""

import dataclasses
import json
import types
import typing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal, Self

FORMAT: Final = 1
CARD = "card.json"
EXPLAINED = 5  # classes a run gives maps for, fewer if the network has fewer
INPUTS = ("images", "asked")  # of every exported graph
OUTPUTS = ("logits", "scores", "classes", "maps")

Interpolation = Literal["bilinear", "bicubic"]
Precision = Literal["fp32", "fp16", "int8"]


class CardError(ValueError):
    """A card that cannot be believed; the message says which file and why."""


@dataclass(frozen=True, slots=True)
class Preprocessing:
    """How an image becomes the network's input.

    The shorter side is resized to `resize` pixels, the centre `size` x `size` is cropped (the
    service does this); then (pixel / 255 - mean) / std (the exported graph does this).
    """

    channels: int
    size: int
    resize: int
    interpolation: Interpolation
    mean: tuple[float, ...]
    std: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Weights:
    """Where weights come from. `trained` is False for random ones, and everybody is told."""

    name: str
    source: str
    sha256: str
    trained: bool
    trained_on: str | None = None
    seed: int | None = None
    recipe: str | None = None
    epochs: int | None = None
    images: int | None = None  # training images seen, all epochs together
    seconds: float | None = None
    machine: str | None = None


@dataclass(frozen=True, slots=True)
class Parity:
    """The largest disagreement between an artifact and eager torch in float32.

    `logits` and `maps` are |difference| / max |reference|; `top1` is the share of images on which
    both name the same class; `batches` are the batch sizes tried. A TensorRT plan is compared with
    the ONNX file in float32, of which that was shown before.
    """

    batches: tuple[int, ...]
    logits: float
    maps: float
    top1: float


@dataclass(frozen=True, slots=True)
class Compared:
    """A lower precision beside float32: both serving engines, on the same held-out pictures.

    `top1` and `float32` are the shares that each has right, `agreement` the share on which both
    name the same class, `maps` the mean Pearson correlation of the maps of float32's top-1 class.
    """

    data: str
    images: int
    top1: float
    float32: float
    agreement: float
    maps: float


@dataclass(frozen=True, slots=True)
class Artifact:
    file: str
    sha256: str
    precision: Precision
    max_batch: int
    built_with: dict[str, str]
    parity: Parity
    compared: Compared | None = None


class _Json:
    """Reading and writing: unknown keys, missing keys and wrong types are refused by name."""

    __slots__ = ()

    @classmethod
    def read(cls, file: Path) -> Self:
        try:
            data = json.loads(file.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise CardError(f"{file} does not exist") from None
        except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
            raise CardError(f"{file} is no JSON that can be read: {error}") from error
        try:
            card = _parse(cls, data, "")
        except CardError as error:
            raise CardError(f"{file}: {error}") from None
        return typing.cast("Self", card)

    def write(self, file: Path) -> None:
        """Replaces `file` at once: a reader sees the old card or the new one, never half of one."""
        temporary = file.with_name(file.name + ".part")
        temporary.write_text(json.dumps(self.as_dict(), indent=1) + "\n", encoding="utf-8")
        temporary.replace(file)

    def as_dict(self) -> dict[str, Any]:
        return dataclasses.asdict(self)  # type: ignore[call-overload, no-any-return]


@dataclass(frozen=True, slots=True)
class Checkpoint(_Json):
    """A weights file and what is known of it. `metrics` are measured on held-out data, 0..1."""

    architecture: str
    preprocessing: Preprocessing
    labels: tuple[str, ...]
    weights: Weights
    metrics: dict[str, float] = field(default_factory=dict)
    format: Literal[1] = FORMAT


@dataclass(frozen=True, slots=True)
class ModelCard(_Json):
    """One published version of a model: `artifacts/<name>/<version>/card.json`.

    `artifacts` goes from the kind of file ("onnx", "onnx_fp16", "onnx_int8", "pytorch", or
    "tensorrt." and what that plan was built for) to the file. `layers` is the sha256 of the layer
    table, None in cards from before there was one.
    """

    name: str
    version: int
    architecture: str
    preprocessing: Preprocessing
    labels: tuple[str, ...]
    weights: Weights
    metrics: dict[str, float]
    artifacts: dict[str, Artifact]
    created: str
    commit: str | None
    layers: str | None = None
    format: Literal[1] = FORMAT

    @property
    def explained(self) -> int:
        return min(EXPLAINED, len(self.labels))

    @property
    def precisions(self) -> tuple[Precision, ...]:
        """Of the ONNX files."""
        return tuple(a.precision for kind, a in self.artifacts.items() if kind.startswith("onnx"))

    @property
    def plans(self) -> tuple[Artifact, ...]:
        """TensorRT's, each for one kind of GPU; `service.engines.plan` finds the one that runs."""
        return tuple(a for kind, a in self.artifacts.items() if kind.startswith("tensorrt."))

    def onnx(self, precision: Precision) -> Artifact | None:
        """The ONNX file in that precision, or in float32 if there is none; None without either."""
        return self.artifacts.get(f"onnx_{precision}") or self.artifacts.get("onnx")


def _parse(kind: Any, data: Any, at: str) -> Any:
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if dataclasses.is_dataclass(kind):
        return _parse_dataclass(kind, data, at)
    if origin is types.UnionType:
        inner = [a for a in arguments if a is not types.NoneType]
        return None if data is None else _parse(inner[0], data, at)
    if origin is Literal:
        if data not in arguments:
            raise CardError(f"{at} is {data!r}, must be one of {list(arguments)}")
        return data
    if origin is tuple and isinstance(data, list):
        return tuple(_parse(arguments[0], item, f"{at}[{i}]") for i, item in enumerate(data))
    if origin is dict and isinstance(data, dict):
        return {key: _parse(arguments[1], item, f"{at}.{key}") for key, item in data.items()}
    if kind is float and type(data) in (int, float):
        return float(data)
    if type(data) is kind:
        return data
    raise CardError(f"{at} is {data!r}, must be {kind}")


def _parse_dataclass(kind: Any, data: Any, at: str) -> Any:
    if not isinstance(data, dict):
        raise CardError(f"{at or 'the card'} must be an object")
    hints = typing.get_type_hints(kind)
    fields = {f.name: f for f in dataclasses.fields(kind)}
    if unknown := sorted(data.keys() - fields.keys()):
        raise CardError(f"unknown keys {unknown} in {at or 'the card'}; a newer Convoy wrote it?")
    missing = [
        name
        for name, f in fields.items()
        if name not in data
        and f.default is dataclasses.MISSING
        and f.default_factory is dataclasses.MISSING
    ]
    if missing:
        raise CardError(f"keys {missing} are missing in {at or 'the card'}")
    return kind(**{n: _parse(hints[n], item, f"{at}.{n}" if at else n) for n, item in data.items()})
