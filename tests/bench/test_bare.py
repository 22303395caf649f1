"""The bare loops do the work that the service does, and the plain decoder is torchvision's."""

from pathlib import Path

import numpy as np
import pytest

from bench.bare import MAX_PIXELS, SINGLE, forms, newest, plain
from bench.photograph import SIZE, photograph
from models.card import ModelCard, Preprocessing
from service.images import decode

COLOUR = Preprocessing(3, 224, 256, "bilinear", (0.5,) * 3, (0.25,) * 3)
GREY = Preprocessing(1, 32, 32, "bilinear", (0.5,), (0.25,))


def test_the_photograph_is_a_usual_one() -> None:
    data = photograph()
    assert data[:2] == b"\xff\xd8"
    assert 40_000 < len(data) < 50_000
    assert decode(data, COLOUR, SIZE[0] * SIZE[1]).pixels.std() > 40  # not a plain surface


@pytest.mark.parametrize("preprocessing", [COLOUR, GREY], ids=["colour", "grey"])
def test_both_decoders_see_the_same(preprocessing: Preprocessing) -> None:
    data = photograph()
    ours, theirs = decode(data, preprocessing, MAX_PIXELS).pixels, plain(data, preprocessing)
    assert ours.shape == theirs.shape
    assert np.abs(ours.astype(int) - theirs.astype(int)).mean() < 3


def test_all_forms_run_and_count_whole_images(artifacts: Path) -> None:
    found = forms(artifacts / "toy" / "1", photograph(), lanes=2, batches=[1, 3], kind="null")
    assert [form.name for form in found] == [
        SINGLE,
        "single image, one core",
        "2 lanes, batch 1",
        "2 lanes, batch 3",
        "2 lanes, batch 1, plain decode",
        "2 lanes, batch 3, plain decode",
    ]
    for form, size in zip(found, [1, 1, 1, 3, 1, 3], strict=True):
        sample = form.measure(0.01)
        assert sample.rate > 0
        assert sample.count
        assert sample.count % size == 0
        assert 0 < sample.p50 <= sample.p99
        assert sample.cpu


def test_the_newest_version_is_measured(artifacts: Path) -> None:
    assert ModelCard.read(newest(artifacts, "toy") / "card.json").version == 2


def test_a_model_that_is_not_exported_says_what_to_do(artifacts: Path) -> None:
    with pytest.raises(FileNotFoundError, match="python -m export vgg16"):
        newest(artifacts, "vgg16")
