"""Every row of published weights against the catalogue and against what its file must hold."""

import hashlib
import re
from collections import Counter

import pytest
import torch

from models.catalog import architecture
from models.labels import labels
from models.published import PUBLISHED, Published, published

every = pytest.mark.parametrize("row", PUBLISHED, ids=lambda row: row.architecture)


# The names and shapes in each file (without the batch counters and what is dropped), one
# "name (shape)" a line, sorted; of these lines the first digits of the sha256. Computed from the
# networks of torchvision 0.28.0 and timm 1.0.31, not from ours.
KEYS = {
    "alexnet": "935c1ea7",
    "vgg11": "b11acd4f",
    "vgg11_bn": "eb52f2d8",
    "vgg13": "79ca8fd7",
    "vgg13_bn": "e71996a6",
    "vgg16": "ba63c255",
    "vgg16_bn": "d8308b80",
    "vgg19": "393fac8b",
    "vgg19_bn": "8f342fea",
    "googlenet": "b2fadd85",
    "resnet18": "2bb53b15",
    "resnet34": "b945021f",
    "resnet50": "cf11dad9",
    "resnet101": "d916ed20",
    "resnet152": "2fe19579",
    "wide_resnet50_2": "5b22ca8f",
    "wide_resnet101_2": "c1f0689a",
    "resnext50_32x4d": "f6c1ee50",
    "resnext101_32x8d": "682c26d7",
    "densenet121": "222a58d1",
    "densenet161": "9d03c4eb",
    "densenet169": "a9eb5c1c",
    "densenet201": "aaf6c59d",
    "squeezenet1_0": "142983e4",
    "squeezenet1_1": "3fbd2a74",
    "mobilenet_v1": "04cf1764",
}


@every
def test_keys_and_shapes_are_those_of_the_published_file(row: Published) -> None:
    with torch.device("meta"):
        tensors = architecture(row.architecture).build(1000).state_dict()
    lines = sorted(
        f"{key} {tuple(tensor.shape)}"
        for key, tensor in tensors.items()
        if not key.endswith("num_batches_tracked")
    )

    assert hashlib.sha256("\n".join(lines).encode()).hexdigest()[:8] == KEYS[row.architecture]


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
