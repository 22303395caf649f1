"""python -m export.networks: every network exported with random weights, measured and listed.

Writes docs/networks.md. What was measured lies beside it (docs/networks.json), so that the page can
be written without measuring again.
"""

import dataclasses
import importlib.metadata
import json
import platform
import tempfile
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer
from rich.console import Console
from torch import Tensor

from export.parity import proof_images
from export.publish import Recipe, export
from models.architecture import Architecture, Network
from models.catalog import CATALOG, architecture
from models.published import published
from models.weights import SHIPPED
from models.weights.sources import obtain
from service.engines import open_engine
from training.prepare import normalised

DOCS = Path(__file__).parent.parent / "docs"
PAGE, MEASURED = DOCS / "networks.md", DOCS / "networks.json"
BATCH = 4  # the largest that is proven here; `python -m export` proves 32
IMAGES = 2  # whose maps are compared with autograd's
QUIET = Console(quiet=True)

TEXT = """\
# The networks

Every row of the catalogue, written by `python -m export.networks`. *Multiply-adds* are those of
convolutions and linear layers, for one image. *Head* is what follows the last maps: nothing, one
linear layer, or several; [architecture.md](architecture.md) says what that means for the map.

The last three columns were measured on networks with random weights: the ONNX file's size, by how
much its logits differ from torch's (batches of 1, 3 and 4 by the same file), and its maps from
Grad-CAM as torch's autograd computes it, class by class. Both are relative to the largest value.

{table}

Measured on:
{machines}

"""

NOTES = """\
## Weights

*shipped* is trained for this project ([trained.md](trained.md)); the others are their publisher's,
for ImageNet, fetched by `--weights imagenet`. None of those files could be fetched where this was
written: addresses and hashes are as the publishers' code states them, and tests load a file in the
form of each. The AlexNet and GoogLeNet of the papers have weights for Caffe only, which are not
converted here; pytorchcv has some for ZFNet, but with its normalisation in another place.

## What is missing or second-hand

- **NASNet-B** is left out: no code of its cells was ever published; they are drawings in the
  paper's appendix.
- `fractalnet34`: its widths and its stem are second-hand. `fractalnet20_cifar10` is as in the
  authors' Caffe files, which have fewer parameters than the paper counts.
- `nin` is the first author's model for Caffe; the paper has none for ImageNet.
- `zfnet`, `zfnet_wide`: the paper gives no formula for its normalisation; here it is AlexNet's.
- `googlenet_2014`: normalisation and rounding of sizes as in Caffe. `googlenet_naive` is a figure
  of the paper, which never builds it.
- `lenet5`: the digits of the output's codes as others have read them off the paper's figure. Of its
  multiply-adds 840 are those of the output's distances, which other counts leave out.
- `nasnet_a_mobile`: pretrainedmodels pads and crops, and computes 0.8 % more for the same result.
- `nasnet_a_large`: average pools count the zeros around the map, as in timm, whose accuracy is
  quoted.
- `stochastic_depth_resnet50`: the paper's network for ImageNet is the one of 152 layers.
"""


@dataclass(frozen=True, slots=True)
class Measured:
    seconds: float
    bytes: int  #     of the ONNX file
    logits: float  #  |difference| / max |reference|, onnxruntime and torch
    maps: float  #    the same, onnxruntime's maps and autograd's Grad-CAM
    where: str


def measure(a: Architecture) -> Measured:
    """Exports, proves and removes; raises what `export` raises."""
    begun = time.perf_counter()
    with tempfile.TemporaryDirectory() as temporary:
        card = export(Recipe(a.name, "random", max_batch=BATCH), Path(temporary), QUIET)
        home = Path(temporary) / card.name / str(card.version)
        file = home / card.artifacts["onnx"].file
        size = file.stat().st_size
        engine = open_engine("ort", card, home, device="cpu", lanes=1)
        images = proof_images(card.preprocessing, IMAGES)
        found = engine.run(images, np.full((IMAGES, card.explained), -1))
        engine.close()
    network, checkpoint = obtain(a, "random", QUIET)  # the same weights: the seed is fixed
    x = normalised(images, checkpoint.preprocessing, torch.device("cpu"))
    expected = grad_cam(network, x.contiguous(), torch.from_numpy(found.classes))
    error = (torch.from_numpy(found.maps) - expected).abs().max() / expected.abs().max()
    return Measured(
        round(time.perf_counter() - begun, 1),
        size,
        card.artifacts["onnx"].parity.logits,
        float(error),
        _where(),
    )


def grad_cam(network: Network, x: Tensor, classes: Tensor) -> Tensor:
    """Selvaraju et al. 2017, equations 1 and 2 before the ReLU, times the number of positions.

    By autograd, one class after the other: [n, k, h', w'].
    """
    with torch.no_grad():
        maps = network.maps(x)
    maps.requires_grad_()
    logits = network.pool(maps)
    for layer in network.head:
        logits = layer(logits)
    rows = []
    for rank in range(classes.shape[1]):
        picked = logits.gather(1, classes[:, rank : rank + 1]).sum()
        (gradient,) = torch.autograd.grad(picked, maps, retain_graph=True)
        rows.append((gradient.sum((2, 3), keepdim=True) * maps).sum(1).detach())
    return torch.stack(rows, 1)


def _where() -> str:
    versions = (f"{n} {importlib.metadata.version(n)}" for n in ("torch", "onnx", "onnxruntime"))
    return f"{datetime.now(UTC):%Y-%m-%d}, {_processor()}, {', '.join(versions)}"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        return next(line.split(": ")[1] for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):  # not on Linux
        return platform.processor() or platform.machine()


def read() -> dict[str, Measured]:
    """What was measured, by the network's name."""
    rows = json.loads(MEASURED.read_text(encoding="utf-8")) if MEASURED.exists() else {}
    return {name: Measured(**row) for name, row in rows.items()}


def write(measured: dict[str, Measured]) -> None:
    """One line a network, in the catalogue's order; those that are gone from it are dropped."""
    lines = [
        f"{json.dumps(a.name)}: {json.dumps(dataclasses.asdict(measured[a.name]))}"
        for a in CATALOG
        if a.name in measured
    ]
    MEASURED.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")


COLUMNS = (
    *("network", "year", "parameters", "multiply-adds", "input", "head", "weights"),
    *("ONNX", "logits", "maps"),
)


def page(measured: dict[str, Measured]) -> str:
    rows = [COLUMNS, ["---"] * len(COLUMNS), *(_cells(a, measured.get(a.name)) for a in CATALOG)]
    table = "\n".join(f"| {' | '.join(row)} |" for row in rows)
    machines = "\n".join(f"- {where}" for where in sorted({m.where for m in measured.values()}))
    return TEXT.format(table=table, machines=machines) + NOTES


def _cells(a: Architecture, m: Measured | None) -> list[str]:
    return [
        f"`{a.name}`",
        str(a.year),
        f"{a.parameters:,}",
        f"{a.macs:,}",
        f"{a.size}x{a.size}x{a.channels}",
        a.head,
        _weights(a),
        *((f"{m.bytes / 1e6:.1f} MB", f"{m.logits:.0e}", f"{m.maps:.0e}") if m else ("no",) * 3),
    ]


def _weights(a: Architecture) -> str:
    kinds = sorted(file.name.split(".")[1] for file in SHIPPED.glob(f"{a.name}.*.safetensors"))
    known = [f"shipped ({kind})" for kind in kinds]
    if row := published(a.name):
        known.append(row.publisher)
    return ", ".join(known) or "none"


def main(
    networks: Annotated[list[str] | None, typer.Argument(help="To measure, or `all`.")] = None,
) -> None:
    """Measures those networks and writes docs/networks.md; without a name, only writes it."""
    measured, failed = read(), []
    for name in [a.name for a in CATALOG] if networks == ["all"] else networks or []:
        try:
            measured[name] = m = measure(architecture(name))
        except Exception as error:  # noqa: BLE001 - a run of an hour does not end at one fault
            typer.echo(f"{name} failed: {error!r}")
            measured.pop(name, None)
            failed.append(name)
        else:
            size = f"{m.bytes / 1e6:.1f} MB"
            typer.echo(f"{name}: {m.seconds} s, {size}, logits {m.logits:.0e}, maps {m.maps:.0e}")
        write(measured)
    PAGE.write_text(page(measured), encoding="utf-8")
    raise typer.Exit(1 if failed else 0)


if __name__ == "__main__":
    typer.run(main)
