"""Every knob, its unit, its default and the reason for it. Read once, in `__main__`."""

import os
from pathlib import Path
from typing import Literal

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from models.card import Precision
from service.engines import Kind
from service.engines.choice import WantedDevice


def cores() -> int:
    """The cores this process may use, not those of the machine."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class Settings(BaseSettings):
    """Environment variables are these names in capitals after `CONVOY_`."""

    model_config = SettingsConfigDict(env_prefix="CONVOY_", extra="forbid", frozen=True)

    host: str = Field("127.0.0.1", description="Address to listen on; 0.0.0.0 opens it to others.")
    port: int = Field(8000, ge=0, le=65535, description="Port to listen on; 0 takes a free one.")
    artifacts: Path = Field(Path("artifacts"), description="Directory that `make export` fills.")
    models: str = Field(
        "all", description="Models to serve, by name, with commas or spaces between, or `all`."
    )
    memory_gib: float = Field(
        0.0,
        ge=0,
        description="Memory that loaded models may take, GiB; whoever was not used for the longest "
        "time is unloaded for others. 0: three quarters of what the machine, the container or the "
        "GPU has, whichever has least.",
    )
    preload_gib: float = Field(
        1.0,
        ge=0,
        description="With `all`, small models are loaded at the start until they take this much, "
        "GiB, and the others on first use. Models that are named are always loaded at the start.",
    )
    versions: int = Field(1, ge=1, description="Newest versions of each model to serve.")
    engine: Kind = Field(
        "ort",
        description="ort (ONNX Runtime), trt (TensorRT, else ort), pytorch (reference) or null.",
    )
    engine_strict: bool = Field(
        default=False,
        description="Refuse a model rather than serve it with another engine or on another device "
        "than asked for; answers say which it is.",
    )
    precision: Precision = Field(
        "fp32",
        description="fp32, fp16 or int8, of the ONNX files; a model without it is served in fp32.",
    )
    device: WantedDevice = Field(
        "auto", description="auto takes CUDA where it works, else the CPU, and says so."
    )
    lanes: int = Field(
        default_factory=cores,
        ge=1,
        description="Batches that run at once: one a core, since convolutions gain nothing from "
        "batches on a CPU.",
    )
    streams: int = Field(
        2,
        ge=1,
        description="Batches that are on a GPU at once: while one runs, the next is copied there.",
    )
    max_batch: int = Field(
        32,
        ge=1,
        le=1024,
        description="Images in one run. On a CPU more gain little and wait longer; a GPU can take "
        "as many as the model was exported for.",
    )
    max_wait_ms: float = Field(
        0.0,
        ge=0,
        description="Patience for a fuller batch, milliseconds. 0: an idle lane never waits.",
    )
    max_queue: int = Field(
        256, ge=1, description="Images waiting for one model; more are answered 429."
    )
    timeout_ms: float = Field(
        30_000.0, gt=0, description="A request's deadline unless it brings its own, milliseconds."
    )
    max_body: int = Field(
        16 * 2**20, ge=1, description="Bytes of a request's body; a photograph has 2 to 8 MiB."
    )
    max_images: int = Field(64, ge=1, description="Images in one multipart request.")
    max_pixels: int = Field(
        50_000_000, ge=1, description="Pixels of an image; a small file can unpack to gigabytes."
    )
    decoders: int = Field(
        0,
        ge=0,
        description="Threads that only decode. 0: the lanes' own threads do, since a CPU loses by "
        "switching between more threads than it has cores; a GPU's lanes have others.",
    )
    jpeg: Literal["cpu", "gpu"] = Field(
        "cpu",
        description="What decodes JPEGs in colour. gpu needs the extra `jpeg`; where that or a GPU "
        "is missing, the CPU does.",
    )
    canary_s: float = Field(
        30.0, gt=0, description="An idle model answers a test image this often, seconds."
    )
    stall_s: float = Field(
        60.0, gt=0, description="A run longer than this fails liveness, seconds."
    )
    log_json: bool = Field(default=False, description="One JSON object a line, for log collectors.")
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="debug logs every request."
    )

    def wanted(self) -> frozenset[str] | None:
        """The names in `models`, or None for all."""
        names = frozenset(self.models.replace(",", " ").split())
        return None if names <= {"all"} else names
