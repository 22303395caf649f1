"""Every row of published weights against the catalogue and against what its file must hold."""

import re
from collections import Counter

import pytest
import torch

from models.catalog import architecture
from models.labels import labels
from models.published import PUBLISHED, Published, published

every = pytest.mark.parametrize("row", PUBLISHED, ids=lambda row: row.architecture)


@every
def test_row_fits_its_architecture(row: Published) -> None:
    network = architecture(row.architecture)

    assert row.preprocessing.channels == network.channels
    assert row.preprocessing.size == network.size
    assert len(row.preprocessing.mean) == len(row.preprocessing.std) == network.channels
    assert len(labels(row.labels)) == network.classes
    assert 50 < row.top1 < row.top5 < 100


@every
def test_hash_is_hexadecimal_and_in_the_name(row: Published) -> None:
    assert re.fullmatch(r"[0-9a-f]{8}|[0-9a-f]{64}|", row.sha256)
    assert row.sha256[:8] in row.filename
    assert row.url.startswith("https://")
    assert row.filename.endswith((".pth", ".safetensors"))


@every
def test_renames_leave_our_own_keys_alone(row: Published) -> None:
    with torch.device("meta"):
        keys = architecture(row.architecture).build(1000).state_dict()

    for key in keys:
        assert not any(re.search(pattern, key) for pattern in row.dropped)
        for pattern, replacement in row.renames:
            assert re.sub(pattern, replacement, key) == key


@pytest.mark.parametrize("field", ["architecture", "filename", "url"])
def test_rows_are_told_apart(field: str) -> None:
    counts = Counter(getattr(row, field) for row in PUBLISHED)

    assert [value for value, n in counts.items() if n > 1] == []


def test_the_old_densenet_keys_become_ours() -> None:
    ((pattern, replacement),) = published("densenet121").renames
    old = "features.denseblock1.denselayer16.norm.2.running_mean"

    assert re.sub(pattern, replacement, old) == (
        "features.denseblock1.denselayer16.norm2.running_mean"
    )


def test_googlenet_is_fed_what_torchvision_makes_inside_it() -> None:
    """There x is normalised as for all networks, then converted: x std/.5 + (mean - .5)/.5."""
    usual, ours = published("resnet50").preprocessing, published("googlenet").preprocessing
    for pixel in (0.0, 0.3, 1.0):
        for mean, std, our_mean, our_std in zip(
            usual.mean, usual.std, ours.mean, ours.std, strict=True
        ):
            inside = (pixel - mean) / std * (std / 0.5) + (mean - 0.5) / 0.5

            assert inside == pytest.approx((pixel - our_mean) / our_std)


def test_a_network_nobody_published_says_what_else_to_do() -> None:
    with pytest.raises(ValueError, match=r"known for lenet5_plain: give --weights random"):
        published("lenet5_plain")
