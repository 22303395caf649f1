"""Every published file, in its publisher's form but tiny, from a server that is not its own.

The tensors are as large as the real ones and repeat one number, which a `.pth` stores once: a file
of megabytes is one of kilobytes, and where a tensor ends up can be read from its number.
"""

import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import torch
from rich.console import Console
from safetensors.torch import save_file
from torch import Tensor, nn

from models.architecture import Network
from models.catalog import architecture
from models.labels import labels
from models.published import PUBLISHED, Published
from models.weights import sources
from models.weights.download import sha256
from models.weights.files import COUNTER, WeightsError
from models.weights.sources import obtain

every = pytest.mark.parametrize("row", PUBLISHED, ids=lambda row: row.architecture)
# plain, with renames, with a background class, as safetensors without a hash
SOME = [
    row
    for row in PUBLISHED
    if row.architecture in {"squeezenet1_1", "densenet121", "inception_v4", "mobilenet_v1"}
]
some = pytest.mark.parametrize("row", SOME, ids=lambda row: row.architecture)

# our keys as the publisher writes them, where that differs
THEIRS = {
    f"densenet{depth}": (r"(denselayer\d+\.(?:norm|conv))([12])\.", r"\1.\2.")
    for depth in (121, 161, 169, 201)
}
DROPPED = {"googlenet": ("aux1.conv.conv.weight", "aux1.fc2.bias", "aux2.conv.bn.running_mean")}

Serve = Callable[[Published, Path], Published]


@pytest.fixture
def served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Serve]:
    """Makes a row's file come from a server here, its hash being that file's."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("CONVOY_CACHE", str(tmp_path / "cache"))

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=tmp_path)) as server:

        def serve(row: Published, file: Path) -> Published:
            url = f"http://127.0.0.1:{server.server_port}/{file.name}"
            digits = sha256(file)[: len(row.sha256)]
            here = replace(row, url=url, sha256=digits, file=row.filename)
            monkeypatch.setattr(sources, "published", lambda _: here)
            return here

        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield serve
        server.shutdown()
        thread.join()


@pytest.fixture(autouse=True)
def uninitialised(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a file fills needs no first values, and they take longer than the file."""
    monkeypatch.setattr(nn.init, "kaiming_uniform_", lambda tensor, **_: tensor)
    monkeypatch.setattr(nn.init, "uniform_", lambda tensor, *_: tensor)


def numbered(row: Published) -> dict[str, Tensor]:
    """Our tensors, each filled with its own number; of the layer with a background, each row."""
    with torch.device("meta"):
        shapes = architecture(row.architecture).build(1000).state_dict()
    tensors = {}
    for number, (key, meta) in enumerate(shapes.items()):
        if key.endswith(COUNTER):
            continue
        value = torch.tensor(float(number))
        if row.background and key.startswith(f"{row.background}."):
            value = torch.arange(len(meta)).float().reshape(-1, *[1] * (meta.dim() - 1))
        tensors[key] = value.expand(meta.shape)
    return tensors


def written(row: Published, directory: Path) -> Path:
    """The file in the publisher's form."""
    tensors = numbered(row)
    if row.background:
        for key in (f"{row.background}.weight", f"{row.background}.bias"):
            background = torch.tensor(-1.0).expand(1, *tensors[key].shape[1:])
            tensors[key] = torch.cat([background, tensors[key]])
    if row.architecture in THEIRS:
        pattern, replacement = THEIRS[row.architecture]
        tensors = {re.sub(pattern, replacement, key): value for key, value in tensors.items()}
    tensors |= {key: torch.zeros(2) for key in DROPPED.get(row.architecture, ())}
    file = directory / row.filename
    if file.suffix == ".safetensors":
        save_file({key: value.contiguous() for key, value in tensors.items()}, file)
    else:
        torch.save(tensors, file)
    return file


def fetched(row: Published) -> Network:
    return obtain(architecture(row.architecture), "imagenet", Console(quiet=True))[0]


@every
def test_every_tensor_finds_its_place(row: Published, served: Serve, tmp_path: Path) -> None:
    here = served(row, written(row, tmp_path))
    network, checkpoint = obtain(architecture(row.architecture), "imagenet", Console(quiet=True))

    own = network.state_dict()
    for key, expected in numbered(row).items():
        assert torch.equal(own[key], expected), key
    assert checkpoint.preprocessing == row.preprocessing
    assert checkpoint.labels == labels("imagenet")
    assert checkpoint.metrics == {
        "published_top1": row.top1 / 100,
        "published_top5": row.top5 / 100,
    }
    assert checkpoint.weights.sha256.startswith(here.sha256)
    assert checkpoint.weights.trained


@every
def test_a_file_cut_short_is_refused(row: Published, served: Serve, tmp_path: Path) -> None:
    file = written(row, tmp_path)
    served(row, file)
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])

    with pytest.raises(WeightsError, match="arrived damaged" if row.sha256 else "no whole"):
        fetched(row)


@every
def test_another_file_is_refused_by_its_hash(
    row: Published, served: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = written(row, tmp_path)
    wrong = replace(served(row, file), sha256="0" * (len(row.sha256) or 8))
    monkeypatch.setattr(sources, "published", lambda _: wrong)

    with pytest.raises(WeightsError, match=r"arrived damaged.*must begin with 0{8}"):
        fetched(row)
    assert {f.suffix for f in (tmp_path / "cache").iterdir()} <= {".lock"}


@some
def test_the_weights_of_another_network_are_refused(
    row: Published, served: Serve, tmp_path: Path
) -> None:
    (other,) = (other for other in PUBLISHED if other.architecture == "resnet18")
    served(row, written(replace(other, file=f"other-{row.filename}"), tmp_path))

    with pytest.raises(WeightsError, match=r"does not fit.*likely the weights of another network"):
        fetched(row)


class RunsCode:
    """An object that makes a file when it is unpickled."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[Callable[[Path], None], tuple[Path]]:
        return Path.touch, (self.marker,)


@some
def test_code_in_the_file_does_not_run(row: Published, served: Serve, tmp_path: Path) -> None:
    file, marker = tmp_path / row.filename, tmp_path / "it_ran"
    torch.save(numbered(row) | {"evil": RunsCode(marker)}, file)
    served(row, file)

    with pytest.raises(WeightsError, match=r"nothing in it was run|no whole safetensors"):
        fetched(row)

    assert not marker.exists()
    torch.load(file.rename(tmp_path / "evil.pth"), weights_only=False)
    assert marker.exists(), "the file was harmless: this test proves nothing"
