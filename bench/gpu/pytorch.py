"""torch on a GPU, for the bench: the graph that is served, eager and compiled."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from bench.gpu.loop import GpuPlan, Step
from models.architecture import Network
from models.card import ModelCard, Precision
from models.served import Served
from service.engines import EngineUnavailable
from service.engines.pytorch import PytorchEngine

SIZES = 64  # of batches, each compiled for itself
Forward = Callable[[Tensor, Tensor], tuple[Tensor, ...]]


class Half(Network):
    """A network in half precision and with channels last, which is what tensor cores take."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network: Network = network.half()
        nn.utils.convert_conv2d_weight_memory_format(self.network, torch.channels_last)

    def maps(self, x: Tensor) -> Tensor:
        return self.network.maps(x.half().contiguous(memory_format=torch.channels_last))

    def pool(self, maps: Tensor) -> Tensor:
        return self.network.pool(maps)

    @property
    def head(self) -> tuple[nn.Module, ...]:
        return self.network.head


class Torch:
    """One lane, since torch's graphs belong to one thread. Pixels go by page-locked memory."""

    lanes = 1

    def __init__(
        self, served: Served, forward: Forward, precision: Precision, most: int, device: str
    ) -> None:
        self.served = served
        self._forward = forward
        self.precision, self.max_batch = precision, most
        self._device = torch.device(device)
        self._host: Tensor | None = None

    def run(self, images: NDArray[np.uint8], asked: NDArray[np.int64]) -> list[Tensor]:
        with torch.inference_mode():
            out = self._forward(self._upload(images), torch.from_numpy(asked).to(self._device))
            return [answer.cpu() for answer in out]

    def resident(self, images: NDArray[np.uint8], asked: NDArray[np.int64]) -> list[Step]:
        pixels = torch.from_numpy(images).to(self._device)
        classes = torch.from_numpy(asked).to(self._device)

        def step() -> None:
            with torch.inference_mode():
                self._forward(pixels, classes)
            if self._device.type == "cuda":
                torch.cuda.synchronize()

        return [step]

    def close(self) -> None:
        del self.served, self._forward
        torch.compiler.reset()
        torch.cuda.empty_cache()  # the next network's engines do not ask torch for memory

    def _upload(self, images: NDArray[np.uint8]) -> Tensor:
        if self._host is None:
            shape = (self.max_batch, *images.shape[1:])
            locked = self._device.type == "cuda"
            self._host = torch.empty(shape, dtype=torch.uint8, pin_memory=locked)
        rows = self._host[: len(images)]
        rows.copy_(torch.from_numpy(images))
        return rows.to(self._device, non_blocking=True)


def eager(card: ModelCard, directory: Path, plan: GpuPlan, device: str = "cuda") -> Torch:
    """The network as it was exported, with its torch weights. Raises `EngineUnavailable`."""
    if plan.precision == "int8":
        raise EngineUnavailable("torch has no int8 form of these networks here")
    engine = PytorchEngine(card, directory)
    if plan.precision == "fp16":
        engine.served.network = Half(engine.served.network)
    served = engine.served.to(device)
    return Torch(served, served, plan.precision, engine.max_batch, device)


def compiled(
    card: ModelCard,
    directory: Path,
    plan: GpuPlan,
    device: str = "cuda",
    backend: str = "inductor",
) -> Torch:
    """Compiled for each size of batch, and recorded as CUDA graphs; never eager without a word."""
    found = eager(card, directory, plan, device)
    mode = "reduce-overhead" if backend == "inductor" else None
    whole = partial(torch.compile, fullgraph=True, dynamic=False, recompile_limit=SIZES)
    forward = whole(found.served, backend=backend, mode=mode, isolate_recompiles=True)
    return Torch(found.served, forward, plan.precision, found.max_batch, device)
