"""Every row of published weights against the catalogue and against what its file must hold."""

import hashlib
import math
import re
from collections import Counter

import pytest
import torch

from models.catalog import architecture
from models.labels import labels
from models.published import PUBLISHED, Published, published

every = pytest.mark.parametrize("row", PUBLISHED, ids=lambda row: row.architecture)


def found(name: str) -> Published:
    row = published(name)
    assert row is not None
    return row


# The names and shapes in each file (without the batch counters and what is dropped), one
# "name (shape)" a line, sorted; of these lines the first digits of the sha256. Computed from the
# networks of torchvision 0.28.0, timm 1.0.31 and pretrainedmodels 0.7.4, not from ours.
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
    "se_resnet50": "051c18a5",
    "senet154": "26f99500",
    "dpn68": "d8bb5c6c",
    "dpn68b": "effd3df1",
    "dpn92": "0996160e",
    "dpn98": "480cd673",
    "dpn131": "0d5e41b9",
    "inception_v4": "0a05fc3a",
    "inception_resnet_v2": "a27c53ab",
    "nasnet_a_large": "731d9d23",
    "nasnet_a_mobile": "76f62628",
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
    assert re.fullmatch(r"[0-9a-f]{8,64}|", row.sha256)
    assert row.sha256 in row.filename
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


def test_the_background_is_a_row_of_the_last_layer() -> None:
    rows = [row for row in PUBLISHED if row.background]

    assert [row.architecture for row in rows] == [
        "inception_v4",
        "inception_resnet_v2",
        "nasnet_a_large",
    ]
    for row in rows:
        with torch.device("meta"):
            network = architecture(row.architecture).build(1000)
        assert network.get_submodule(row.background) is network.head[-1]


# crop and resize as timm's configurations state them: floor(size / crop_pct)
@pytest.mark.parametrize(
    ("name", "crop"),
    [("inception_v4", 0.875), ("inception_resnet_v2", 0.8975), ("nasnet_a_large", 0.911)],
)
def test_the_resize_is_timms(name: str, crop: float) -> None:
    preprocessing = found(name).preprocessing

    assert preprocessing.resize == math.floor(preprocessing.size / crop)
    assert preprocessing.interpolation == "bicubic"


def test_the_dpns_are_fed_what_mxnet_fed_them() -> None:
    """There x = (pixel - mean) 0.0167, of pixels up to 255 and the means 124, 117, 104."""
    preprocessing = found("dpn92").preprocessing
    for theirs, mean, std in zip(
        (124, 117, 104), preprocessing.mean, preprocessing.std, strict=True
    ):
        for pixel in (0, 100, 255):
            assert (pixel / 255 - mean) / std == pytest.approx((pixel - theirs) * 0.0167)


def test_the_old_densenet_keys_become_ours() -> None:
    ((pattern, replacement),) = found("densenet121").renames
    old = "features.denseblock1.denselayer16.norm.2.running_mean"

    assert re.sub(pattern, replacement, old) == (
        "features.denseblock1.denselayer16.norm2.running_mean"
    )


def test_googlenet_is_fed_what_torchvision_makes_inside_it() -> None:
    """There x is normalised as for all networks, then converted: x std/.5 + (mean - .5)/.5."""
    usual, ours = found("resnet50").preprocessing, found("googlenet").preprocessing
    for pixel in (0.0, 0.3, 1.0):
        for mean, std, our_mean, our_std in zip(
            usual.mean, usual.std, ours.mean, ours.std, strict=True
        ):
            inside = (pixel - mean) / std * (std / 0.5) + (mean - 0.5) / 0.5

            assert inside == pytest.approx((pixel - our_mean) / our_std)


def test_a_network_nobody_published() -> None:
    assert published("lenet5_plain") is None
