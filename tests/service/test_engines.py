"""One contract for every engine."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from export.plan import key_here
from export.plan_publish import Options, add
from export.publish import Recipe, export
from models.card import CARD, ModelCard
from models.weights.random_weights import pictures
from service.engines import Engine, EngineUnavailable, Kind, Outputs, open_engine, ort
from service.engines.device import no_driver
from service.settings import Settings
from service.version import open_version, read


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> tuple[ModelCard, Path]:
    artifacts = tmp_path_factory.mktemp("artifacts")
    recipe = Recipe("lenet5_plain", "random", max_batch=16, with_pytorch=True)
    return export(recipe, artifacts, Console(quiet=True)), artifacts / "lenet5_plain" / "1"


@pytest.fixture(
    params=[
        ("ort", "cpu"),
        ("pytorch", "cpu"),
        ("null", "cpu"),
        pytest.param(("ort", "cuda"), marks=pytest.mark.gpu),
        pytest.param(("trt", "cuda"), marks=[pytest.mark.gpu, pytest.mark.tensorrt]),
    ],
    ids="-".join,
)
def engine(request: pytest.FixtureRequest, exported: tuple[ModelCard, Path]) -> Iterator[Engine]:
    (kind, device), (card, directory) = request.param, exported
    if kind == "trt":
        pytest.importorskip("tensorrt")
        add(directory, key_here("fp32"), Options(max_batch=16), Console(quiet=True))
        card = ModelCard.read(directory / CARD)
    engine = open_engine(kind, card, directory, device=device, lanes=2)
    yield engine
    engine.close()


def same(one: Outputs, other: Outputs) -> bool:
    pairs = ((one.logits, other.logits), (one.scores, other.scores), (one.maps, other.maps))
    return np.array_equal(one.classes, other.classes) and all(
        np.allclose(a, b, atol=1e-4 * max(1, np.abs(b).max())) for a, b in pairs
    )


def rows(outputs: Outputs, part: slice) -> Outputs:
    return Outputs(
        outputs.logits[part], outputs.scores[part], outputs.classes[part], outputs.maps[part]
    )


def test_shapes_and_types(engine: Engine) -> None:
    out = engine.run(pictures(3, 32, 1, seed=1), np.full((3, 5), -1))
    assert out.logits.shape == (3, 10)
    assert out.classes.shape == out.scores.shape == (3, 5)
    assert out.maps.shape[:2] == (3, 5)
    assert out.maps.ndim == 4
    assert out.logits.dtype == np.float32
    assert out.classes.dtype == np.int64
    assert engine.max_batch >= 1
    assert engine.lanes == 2
    assert all((engine.name, engine.precision, engine.device))


def test_scores_are_the_softmax_of_the_best_logits(engine: Engine) -> None:
    out = engine.run(pictures(4, 32, 1, seed=2), np.full((4, 5), -1))
    softmax = np.exp(out.logits) / np.exp(out.logits).sum(1, keepdims=True)
    assert np.allclose(out.scores, -np.sort(-softmax, axis=1)[:, :5], atol=1e-6)
    assert np.allclose(np.take_along_axis(softmax, out.classes, 1), out.scores, atol=1e-6)


def test_an_answer_does_not_depend_on_its_neighbours(engine: Engine) -> None:
    images, asked = pictures(7, 32, 1, seed=3), np.full((7, 5), -1)
    together = engine.run(images, asked)
    for i in range(7):
        one = slice(i, i + 1)
        assert same(engine.run(images[one], asked[one]), rows(together, one))
        assert same(engine.run(images[one], asked[one], alone=True), rows(together, one))


def test_classes_asked_for_are_explained(engine: Engine) -> None:
    images = pictures(2, 32, 1, seed=4)
    asked = np.array([[9, -1, 0, -1, 3], [-1, -1, -1, -1, -1]])
    out = engine.run(images, asked)
    own = engine.run(images, np.full((2, 5), -1))
    assert out.classes[0].tolist() == np.where(asked[0] < 0, own.classes[0], asked[0]).tolist()
    assert out.classes[1].tolist() == own.classes[1].tolist()
    swapped = engine.run(images[:1], own.classes[:1, ::-1].copy())
    assert np.allclose(swapped.maps[0, ::-1], own.maps[0], atol=1e-4 * np.abs(own.maps).max())


@pytest.mark.parametrize(
    ("single", "batch", "sizes"),
    [
        (0.008, 0.009, [1] * 11),
        (0.008, 0.007, [8, 3]),
        (0.08, 0.09, [8, 3]),
        (0.0001, 0.0002, [11]),
    ],
    ids=["slower in batches", "quicker in batches", "too slow to try", "mostly overhead"],
)
def test_a_batch_runs_in_pieces_that_suit_the_network(
    exported: tuple[ModelCard, Path],
    monkeypatch: pytest.MonkeyPatch,
    single: float,
    batch: float,
    sizes: list[int],
) -> None:
    def measured(_session: object, _card: ModelCard, images: int) -> float:
        return single if images == 1 else batch * images

    monkeypatch.setattr(ort, "_seconds", measured)
    engine = ort.OrtEngine(*exported, lanes=2)
    images, asked = pictures(11, 32, 1, seed=5), np.full((11, 5), -1)
    expected = engine.run(images, asked)
    ran: list[int] = []

    class Counting:
        def run(self, names: list[str], feed: dict[str, np.ndarray]) -> list[np.ndarray]:
            ran.append(len(feed["images"]))
            return session.run(names, feed)  # type: ignore[no-any-return]

    session, engine._narrow = engine._narrow, Counting()
    assert same(engine.run(images, asked), expected)
    assert ran == sizes


@pytest.mark.parametrize("kind", ["ort", "pytorch"])
def test_an_artifact_that_is_not_there_is_said(
    kind: Kind, exported: tuple[ModelCard, Path]
) -> None:
    card, directory = exported
    bare = ModelCard(**{**{f: getattr(card, f) for f in card.__slots__}, "artifacts": {}})
    with pytest.raises(EngineUnavailable, match="export"):
        open_engine(kind, bare, directory, device="cpu", lanes=1)


def test_a_precision_that_is_not_there_becomes_float32_and_is_said(
    exported: tuple[ModelCard, Path], caplog: pytest.LogCaptureFixture
) -> None:
    card, directory = exported
    assert card.precisions == ("fp32",)
    settings = Settings(artifacts=directory.parents[1], device="cpu", lanes=1, precision="int8")
    engine = open_version(read(directory), settings)
    assert engine.precision == "fp32"
    (said,) = [r.getMessage() for r in caplog.records if r.name == "service.version"]
    assert "lenet5_plain/1 is served in fp32, for it has no int8" in said
    assert "python -m export lenet5_plain --precision int8" in said


@pytest.mark.skipif(not no_driver(), reason="a CUDA device is present, so it would be used")
def test_a_gpu_that_is_not_there_is_said_and_not_replaced_in_silence(
    exported: tuple[ModelCard, Path],
) -> None:
    with pytest.raises(EngineUnavailable, match="CUDA"):
        open_engine("ort", *exported, device="cuda", lanes=1)
