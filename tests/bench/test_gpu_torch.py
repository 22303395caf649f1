"""torch's part in the engine bench, run on the CPU: it answers as the service does."""

from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from bench.gpu.lanes import onnxruntime
from bench.gpu.loop import GpuPlan
from bench.gpu.pytorch import compiled, eager
from export.publish import Recipe, export
from models.card import ModelCard, Precision
from models.weights.random_weights import pictures
from service.engines import EngineUnavailable, open_engine

Exported = tuple[ModelCard, Path]


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Exported:
    artifacts = tmp_path_factory.mktemp("artifacts")
    recipe = Recipe("lenet5_plain", "random", max_batch=4, with_pytorch=True)
    return export(recipe, artifacts, Console(quiet=True)), artifacts / "lenet5_plain" / "1"


def plan(precision: Precision) -> GpuPlan:
    return GpuPlan(Path("artifacts"), ["lenet5_plain"], precision, 0.1, 1, [1, 4])


@pytest.mark.parametrize("backend", [None, "eager"])
@pytest.mark.parametrize(("precision", "error"), [("fp32", 1e-5), ("fp16", 2e-2)])
def test_torch_says_what_is_served(
    exported: Exported, backend: str | None, precision: Precision, error: float
) -> None:
    reference = open_engine("ort", *exported, device="cpu", lanes=1)
    torch = (
        compiled(*exported, plan(precision), device="cpu", backend=backend)
        if backend
        else eager(*exported, plan(precision), device="cpu")
    )
    for n in (4, 1, 3):
        images, asked = pictures(n, 32, 1, seed=n), np.full((n, 5), -1)
        logits = torch.run(images, asked)[0].float().numpy()
        expected = reference.run(images, asked).logits
        assert np.abs(logits - expected).max() < error * np.abs(expected).max()
        (step,) = torch.resident(images, asked)
        step()
    torch.close()


def test_who_has_not_that_precision_says_so(exported: Exported) -> None:
    with pytest.raises(EngineUnavailable, match="no int8"):
        eager(*exported, plan("int8"))
    with pytest.raises(EngineUnavailable, match=r"no fp16 ONNX file: run .*--precision fp16"):
        onnxruntime(*exported, plan("fp16"))
