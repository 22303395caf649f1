"""A version as the bench needs it: in its precision, and for its sizes of batch.

What a service runs was proven first, in a low precision on pictures, which random weights have
not. How fast a network is can be measured without that, so what is made here is never published.
"""

import os
import shutil
from dataclasses import replace
from pathlib import Path

from bench.gpu.loop import GpuPlan
from bench.terminal import told
from export.half import halve
from export.plan import key_here
from export.plan_from_onnx import Build, BuildFailed, plan_from_onnx
from export.publish import UNPROVEN
from models.card import Artifact, ModelCard
from models.weights.download import sha256
from service.engines import EngineUnavailable


def prepared(card: ModelCard, directory: Path, plan: GpuPlan, work: Path) -> tuple[ModelCard, Path]:
    """The version once more, in `work`: links to its files, and a network in half precision.

    A graph takes any batch; those of the card are what was proven. A TensorRT plan does not.
    """
    place = work / card.name
    shutil.copytree(directory.resolve(), place, copy_function=os.symlink)
    most = max(plan.batches)
    artifacts = {
        kind: artifact if artifact in card.plans else replace(artifact, max_batch=most)
        for kind, artifact in card.artifacts.items()
    }
    float32 = artifacts.get("onnx")
    if float32 and plan.precision == "fp16" and "onnx_fp16" not in artifacts:
        half = place / "model.fp16.onnx"
        halve(place / float32.file, half)
        artifacts["onnx_fp16"] = Artifact(half.name, sha256(half), "fp16", most, {}, UNPROVEN)
    return replace(card, artifacts=artifacts), place


def with_plan(card: ModelCard, place: Path, plan: GpuPlan) -> ModelCard:
    """With a TensorRT plan for this GPU: the published one, or one that is built for this.

    That one is tuned for the largest batch. Int8 is made from pictures, so only what is published
    can be measured. Raises `EngineUnavailable`.
    """
    key, most = key_here(plan.precision), max(plan.batches)
    there, graph = card.artifacts.get(key.kind), card.onnx(plan.precision)
    if (there and there.max_batch >= most) or plan.precision == "int8" or graph is None:
        return card
    # names of their own, since what is published is linked here
    build = Build(
        onnx=place / graph.file,
        plan=place / "bench.plan",
        timing_cache=place / "bench.cache",
        log=place / "bench.log",
        max_batch=most,
        opt_batch=most,
    )
    told.print(f"building a TensorRT plan of {card.name} in {plan.precision}", highlight=False)
    try:
        library = plan_from_onnx(build, told).library
    except BuildFailed as error:
        log = build.log.read_text(errors="replace").splitlines()
        raise EngineUnavailable(": ".join((error.reason, *log[-1:]))) from error
    built = key.built_with() | {"library": library}
    artifact = Artifact(build.plan.name, sha256(build.plan), plan.precision, most, built, UNPROVEN)
    return replace(card, artifacts=card.artifacts | {key.kind: artifact})
