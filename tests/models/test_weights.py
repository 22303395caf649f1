"""Weights fit exactly or are refused; a file that would run code is refused and does not run it."""

import os
import pickle
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from models.architecture import Network
from models.weights.files import WeightsError, load, read


class Tiny(Network):
    def __init__(self, classes: int = 3) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 2, 3)
        self.bn = nn.BatchNorm2d(2)
        self.fc = nn.Linear(2, classes)

    def maps(self, x: Tensor) -> Tensor:
        y: Tensor = self.bn(self.conv(x))
        return y

    @property
    def head(self) -> tuple[nn.Module, ...]:
        return (self.fc,)


class RunsCode:
    """What a malicious checkpoint holds: an object that runs a command when it is unpickled."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[Callable[[str], int], tuple[str]]:
        return os.system, (f"touch {self.marker}",)


def weights(classes: int = 3) -> dict[str, Tensor]:
    return {key: value.clone() for key, value in Tiny(classes).state_dict().items()}


def saved(file: Path, content: object, *, legacy: bool = False) -> Path:
    torch.save(content, file, _use_new_zipfile_serialization=not legacy)
    return file


def equal(network: Network, tensors: dict[str, Tensor]) -> bool:
    return all(torch.equal(value, tensors[key]) for key, value in network.state_dict().items())


@pytest.mark.parametrize("legacy", [False, True])
def test_a_state_dict_of_torch_is_loaded(tmp_path: Path, *, legacy: bool) -> None:
    tensors, network = weights(), Tiny()

    load(network, saved(tmp_path / "tiny.pth", tensors, legacy=legacy))

    assert equal(network, tensors)


def test_half_precision_is_loaded_into_the_networks_own(tmp_path: Path) -> None:
    tensors, network = weights(), Tiny()
    save_file({k: v.half() for k, v in tensors.items()}, tmp_path / "tiny.safetensors")

    load(network, tmp_path / "tiny.safetensors")

    assert network.fc.weight.dtype == torch.float32
    assert torch.equal(network.fc.weight, tensors["fc.weight"].half().float())


def test_only_the_batch_counters_may_be_missing_or_left_over(tmp_path: Path) -> None:
    tensors, network = weights(), Tiny()
    tensors["old.num_batches_tracked"] = tensors.pop("bn.num_batches_tracked")

    load(network, saved(tmp_path / "tiny.pth", tensors))

    assert torch.equal(network.conv.weight, tensors["conv.weight"])


def test_keys_are_dropped_and_renamed(tmp_path: Path) -> None:
    tensors, network = weights(), Tiny()
    old = {key.replace("bn.", "norm."): value for key, value in tensors.items()}
    file = saved(tmp_path / "tiny.pth", old | {"aux1.fc.weight": torch.zeros(1)})

    load(network, file, renames=((r"^norm\.", "bn."),), dropped=(r"^aux\d\.",))

    assert equal(network, tensors)


@pytest.mark.parametrize("rows", [3, 4])
def test_a_background_class_is_left_out_where_there_is_one(tmp_path: Path, rows: int) -> None:
    tensors, network = weights(rows), Tiny()

    load(network, saved(tmp_path / "tiny.pth", tensors), background="fc")

    assert torch.equal(network.fc.weight, tensors["fc.weight"][-3:])
    assert torch.equal(network.fc.bias, tensors["fc.bias"][-3:])


@pytest.mark.parametrize("rows", [2, 5])
def test_another_number_of_classes_is_no_background(tmp_path: Path, rows: int) -> None:
    with pytest.raises(WeightsError, match=f"fc.bias is {rows}, must be 3"):
        load(Tiny(), saved(tmp_path / "tiny.pth", weights(rows)), background="fc")


def test_a_wrong_network_is_refused_and_nothing_is_changed(tmp_path: Path) -> None:
    network = Tiny()
    before = {key: value.clone() for key, value in network.state_dict().items()}
    tensors = weights() | {"head.weight": torch.zeros(1)}
    del tensors["fc.weight"], tensors["fc.bias"]

    with pytest.raises(WeightsError) as refused:
        load(network, saved(tmp_path / "other.pth", tensors))

    assert "other.pth does not fit Tiny: 2 missing: fc.bias, fc.weight; " in str(refused.value)
    assert "1 left over: head.weight. They are likely the weights of another" in str(refused.value)
    assert equal(network, before)


def test_another_number_of_classes_is_guessed(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"2 of another shape: fc.bias is 7, must be 3.*classes"):
        load(Tiny(), saved(tmp_path / "seven.pth", weights(classes=7)))


@pytest.mark.parametrize("form", ["zip", "legacy", "pickle"])
def test_pickled_code_is_refused_and_not_run(tmp_path: Path, form: str) -> None:
    file, marker = tmp_path / "evil.pth", tmp_path / "it_ran"
    content = weights() | {"evil": RunsCode(marker)}
    if form == "pickle":
        file.write_bytes(pickle.dumps(content))
    else:
        saved(file, content, legacy=form == "legacy")

    with pytest.raises(WeightsError, match=r"is refused, nothing in it was run"):
        load(Tiny(), file)

    assert not marker.exists()
    torch.load(file, weights_only=False) if form != "pickle" else pickle.loads(file.read_bytes())
    assert marker.exists(), "the file was harmless: this test proves nothing"


def test_a_pickled_module_is_refused_with_what_to_save_instead(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"more than tensors \(.*Linear\).*state dict alone"):
        read(saved(tmp_path / "module.pth", nn.Linear(2, 2)))


def test_a_training_checkpoint_is_refused_with_what_to_save_instead(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"holds dict, not one table of tensors: save the"):
        read(saved(tmp_path / "checkpoint.pth", {"state_dict": weights(), "epoch": 3}))


@pytest.mark.parametrize("legacy", [False, True])
def test_a_file_broken_off_is_refused(tmp_path: Path, *, legacy: bool) -> None:
    file = saved(tmp_path / "half.pth", {"a": torch.ones(5000)}, legacy=legacy)
    file.write_bytes(file.read_bytes()[:3000])

    with pytest.raises(WeightsError, match=r"half.pth is broken off, or was not saved by torch"):
        read(file)


@pytest.mark.parametrize("content", [b"", b"hello world", b"<html>404</html>"])
@pytest.mark.parametrize("name", ["page.pth", "page.safetensors"])
def test_what_is_no_weights_file_is_refused(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)

    with pytest.raises(WeightsError, match=name):
        read(tmp_path / name)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"there is no file .*none.pth"):
        read(tmp_path / "none.pth")
