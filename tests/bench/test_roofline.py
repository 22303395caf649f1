"""Bounds against those worked out by hand for ResNet-50, and by the definition for a small one."""

from dataclasses import replace

import pytest

from bench.roofline import GPUS, Bound, Work, bound
from models.card import ModelCard, Precision, Preprocessing, Weights

H200 = GPUS["NVIDIA H200"]
ENOUGH = 1e30  # of what is not to be the limit


def card(name: str, channels: int, size: int, classes: int) -> ModelCard:
    return ModelCard(
        name=name,
        version=1,
        architecture=name,
        preprocessing=Preprocessing(channels, size, size, "bilinear", (0.5,), (0.25,)),
        labels=tuple(map(str, range(classes))),
        weights=Weights("random", "seed 1", "0" * 64, trained=False, seed=1),
        metrics={},
        artifacts={},
        created="2026-11-21T00:00:00+00:00",
        commit=None,
    )


@pytest.fixture(scope="module")
def resnet50() -> Work:
    return Work.of(card("resnet50", 3, 224, 1000))


@pytest.mark.parametrize(("precision", "rate"), [("fp16", 121e3), ("int8", 242e3)])
def test_the_arithmetic_of_resnet50_on_an_h200(
    resnet50: Work, precision: Precision, rate: float
) -> None:
    found = bound(resnet50, replace(H200, memory=ENOUGH), precision, 256, upload=False)
    assert found.by == "arithmetic"
    assert found.rate == pytest.approx(rate, rel=0.005)


@pytest.mark.parametrize(("precision", "rate"), [("fp16", 84e3), ("int8", 169e3)])
def test_the_memory_that_resnet50_moves_on_an_h200(
    resnet50: Work, precision: Precision, rate: float
) -> None:
    """The limit of both: a network of many small layers reads and writes more than it computes."""
    found = bound(resnet50, H200, precision, 256, upload=True)
    assert found.by == "memory"
    assert found.rate == pytest.approx(rate, rel=0.01)


def test_pixels_come_by_pcie(resnet50: Work) -> None:
    far = replace(H200, memory=ENOUGH, arithmetic={"fp16": ENOUGH})
    found = bound(resnet50, far, "fp16", 256, upload=True)
    assert found == Bound(64e9 / (224 * 224 * 3), "PCIe")
    assert found.rate == pytest.approx(425e3, rel=0.005)
    assert bound(resnet50, far, "fp16", 256, upload=False).rate > 1e20


def test_one_image_a_run_pays_for_all_weights(resnet50: Work) -> None:
    alone = bound(resnet50, H200, "fp16", 1, upload=False)
    assert alone.rate == pytest.approx(44.5e3, rel=0.01)
    assert bound(resnet50, H200, "fp32", 1, upload=False).rate == pytest.approx(alone.rate / 2)


def test_every_layer_reads_its_input_and_writes_its_output() -> None:
    """LeNet-5 of today: conv, pool, conv, pool, three linear; its figures by hand."""
    conv1, conv2 = 1024 + 28 * 28 * 6, 14 * 14 * 6 + 10 * 10 * 16
    pool1, pool2 = 28 * 28 * 6 + 14 * 14 * 6, 10 * 10 * 16 + 400
    linear = 400 + 120 + 120 + 84 + 84 + 10
    assert Work.of(card("lenet5_plain", 1, 32, 10)) == Work(
        macs=416_520,
        values=conv1 + pool1 + conv2 + pool2 + linear,
        weights=61_706,
        pixels=1024,
    )


def test_a_sum_reads_the_shortcut_too(resnet50: Work) -> None:
    """16 blocks of four widths: 3 of 56 x 56 x 256, 4 of 28 x 28 x 512, 6 and 3."""
    sums = 3 * 56 * 56 * 256 + 4 * 28 * 28 * 512 + 6 * 14 * 14 * 1024 + 3 * 7 * 7 * 2048
    assert resnet50.values == 22_885_352 + sums


def test_figures_are_dense_and_in_order() -> None:
    for name, peak in GPUS.items():
        one, two, four = (peak.arithmetic[p] for p in ("int8", "fp16", "fp32"))
        assert one == pytest.approx(2 * two, rel=1e-3), name
        assert two == pytest.approx(2 * four, rel=1e-3), name
        assert peak.source
