"""The answers as JSON. Field names are the contract's."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from service.model import Ranked, WeightsInfo


class Schema(BaseModel):
    model_config = ConfigDict(frozen=True)


class ClassMap(Schema):
    """`map` is shape[0] rows of shape[1] values 0..1; or `image` is a PNG as a data URL."""

    index: int
    label: str
    shape: tuple[int, int]
    map: list[list[float]] | None
    image: str | None


class PredictionInfo(Schema):
    """`box`: left, top, right, bottom of what the network saw, as shares of the upright image."""

    top1: Ranked
    top5: list[Ranked]
    cams: list[ClassMap]
    box: tuple[float, float, float, float]


class Phases(Schema):
    read: float
    decode: float
    queue: float
    infer: float
    post: float
    total: float


class BatchInfo(Schema):
    size: int
    released: Literal["full", "idle", "waited"]


class Predicted(Schema):
    model: str
    version: int
    engine: str
    precision: str
    device: str
    weights: WeightsInfo
    predictions: list[PredictionInfo]
    latency_ms: Phases
    load_ms: float = Field(description="What this request waited for the model to be loaded.")
    batch: BatchInfo
    request_id: str


class ComparedPhases(Schema):
    """Reading and decoding are shared by all, and told once."""

    queue: float
    infer: float
    post: float
    total: float


class ComparedModel(Schema):
    """What one network says; or `problem`, with nothing but the name beside it."""

    model: str
    problem: str | None = None
    version: int | None = None
    engine: str | None = None
    precision: str | None = None
    device: str | None = None
    weights: WeightsInfo | None = None
    prediction: PredictionInfo | None = None
    latency_ms: ComparedPhases | None = None
    load_ms: float | None = None


class Compared(Schema):
    results: list[ComparedModel]
    read_ms: float
    decode_ms: float
    request_id: str


class InputInfo(Schema):
    channels: int
    height: int
    width: int


class ModelInfo(Schema):
    """Engine, precision and device are known while the model is loaded."""

    name: str
    version: int
    ready: bool = Field(description="It answers, or will once it is loaded.")
    loaded: bool = Field(description="If not, the next request loads it.")
    engine: str | None
    precision: str | None
    precisions: list[str] = Field(description="Of its ONNX files; CONVOY_PRECISION chooses.")
    device: str | None
    architecture: str
    input: InputInfo
    classes: int
    weights: WeightsInfo
    metrics: dict[str, float]


class ModelList(Schema):
    models: list[ModelInfo]
    refused: dict[str, str]


class ModelDetail(ModelInfo):
    versions: list[int]
    card: dict[str, Any]


class PhaseSummary(Schema):
    """Milliseconds, but for `count`."""

    count: int
    mean: float
    p50: float
    p95: float
    p99: float
    max: float


class LatencyInfo(Schema):
    model: str
    version: int
    engine: str | None
    device: str | None
    trained: bool
    phases_ms: dict[str, PhaseSummary]
    batch_sizes: dict[str, int]


class LatencyList(Schema):
    models: list[LatencyInfo]


class Health(Schema):
    status: Literal["ok", "unavailable"]
    reason: str | None
    models: dict[str, bool]
    fallbacks: dict[str, str] = Field(
        description="What runs with another engine or on another device than asked for, and why."
    )
    refused: dict[str, str]


class Problem(Schema):
    """RFC 9457, as application/problem+json."""

    type: str
    title: str
    status: int
    detail: str
    request_id: str
