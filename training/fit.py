"""Trains a network on a stream of pictures until its budget is spent.

With a budget of images, the same seed gives the same weights; with a budget of minutes, the same
pictures in the same order, as many as the machine manages.

glibc gives the memory of large tensors back to the system after every layer and fetches it again;
with `MALLOC_MMAP_THRESHOLD_=4000000000 MALLOC_TRIM_THRESHOLD_=8000000000` in the environment
MobileNet at 224 pixels takes 1.0 to 0.6 times the CPU time (measured on a busy machine).
"""

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from models.architecture import Network
from models.card import Preprocessing
from training.feed import Feed
from training.recipe import Recipe


@dataclass(frozen=True, slots=True)
class Budget:
    """Minutes or images, whichever is spent first."""

    minutes: float = float("inf")
    images: float = float("inf")

    @property
    def endless(self) -> bool:
        return self.minutes == self.images == float("inf")

    def spent(self, seconds: float, images: int) -> float:
        return max(seconds / 60 / self.minutes, images / self.images)


@dataclass(slots=True)
class Report:
    """How far a run is; `loss` and `top1` are averages over the last hundred or so batches."""

    images: int = 0
    seconds: float = 0.0
    spent: float = 0.0
    side: int = 0
    loss: float = 0.0
    top1: float = 0.0

    def words(self) -> str:
        return (
            f"{self.spent:.1%}, {self.seconds:.0f} s, {self.images} images, now at {self.side} px, "
            f"loss {self.loss:.3f}, training top-1 {self.top1:.1%}"
        )


class DepthwiseFloat32(nn.Conv2d):
    """The same convolution outside autocast: oneDNN's bfloat16 gradient of a depthwise one is slow.

    Measured on an AMD EPYC with AVX-512 BF16, MobileNet at 128 pixels, one thread, images/s:
    52 in float32, 58 in bfloat16, 83 this way.
    """

    def forward(self, x: Tensor) -> Tensor:
        with torch.autocast("cpu", enabled=False):
            return super().forward(x.float()).to(x.dtype)


def initialise(network: Network, seed: int) -> None:
    """He's initialisation, so that signals neither fade nor grow through layers without norms.

    PyTorch's default has a sixth of that variance: behind SqueezeNet's 18 convolutions nothing is
    left of the picture. The layer that makes the logits starts small.
    """
    torch.manual_seed(seed)
    layers = [m for m in network.modules() if isinstance(m, nn.Conv2d | nn.Linear)]
    for layer in layers:
        nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
        if layer.bias is not None:
            nn.init.zeros_(layer.bias)
    nn.init.normal_(layers[-1].weight, std=0.01)
    if not network.head and layers[-1].bias is not None:
        # the ReLU over class maps passes no gradient where it is zero: start it open
        nn.init.constant_(layers[-1].bias, 0.5)


class Run:
    """One training run: `step` until `report.spent` reaches 1; `save` and `load` in between."""

    def __init__(
        self, network: Network, recipe: Recipe, preprocessing: Preprocessing, seed: int, feed: Feed
    ) -> None:
        self.seed = seed
        self.network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.recipe = recipe
        self.feed = feed
        self.report = Report()
        self._mean = torch.tensor(preprocessing.mean).view(1, -1, 1, 1)
        self._std = torch.tensor(preprocessing.std).view(1, -1, 1, 1)
        self._optimiser = torch.optim.AdamW(_groups(network, recipe.decay), lr=recipe.rate)
        for layer in network.modules():
            if isinstance(layer, nn.Dropout):
                layer.p = recipe.dropout
            if recipe.bfloat16 and isinstance(layer, nn.Conv2d) and layer.groups > 1:
                layer.__class__ = DepthwiseFloat32

    def step(self, budget: Budget) -> None:
        """Shows one batch and follows its gradient."""
        start = time.monotonic()
        phase = self.recipe.phase(self.report.spent)
        images, labels = self.feed(self.report.images, phase)
        pixels = torch.from_numpy(images).permute(0, 3, 1, 2).float() / 255
        target = torch.from_numpy(labels)
        self.network.train()
        with torch.autocast("cpu", torch.bfloat16, enabled=self.recipe.bfloat16):
            logits = self.network((pixels - self._mean) / self._std).float()
        loss = functional.cross_entropy(logits, target, label_smoothing=self.recipe.smoothing)
        for group in self._optimiser.param_groups:
            group["lr"] = self.recipe.rate_at(self.report.spent)
        self._optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.network.parameters(), self.recipe.clip)
        self._optimiser.step()
        self._note(budget, phase.side, float(loss.detach()), logits.argmax(1).eq(target), start)

    def _note(self, budget: Budget, side: int, loss: float, right: Tensor, start: float) -> None:
        report, share = self.report, 0.02
        first = report.images == 0
        report.loss += (loss - report.loss) * (1 if first else share)
        report.top1 += (float(right.float().mean()) - report.top1) * (1 if first else share)
        report.images += len(right)
        report.side = side
        report.seconds += time.monotonic() - start
        report.spent = budget.spent(report.seconds, report.images)

    def save(self, file: Path) -> None:
        """Replaces `file` at once by all that is needed to go on."""
        state = {
            "seed": self.seed,
            "network": self.network.state_dict(),
            "optimiser": self._optimiser.state_dict(),
            "random": torch.get_rng_state(),
            "report": {name: getattr(self.report, name) for name in Report.__slots__},
        }
        temporary = file.with_name(file.name + ".part")
        torch.save(state, temporary)
        temporary.replace(file)

    def load(self, file: Path) -> None:
        """Goes on where `save` was called."""
        state: dict[str, Any] = torch.load(file, weights_only=True)
        self.network.load_state_dict(state["network"])
        self._optimiser.load_state_dict(state["optimiser"])
        torch.set_rng_state(state["random"])
        self.report = Report(**state["report"])


def fit(
    run: Run, budget: Budget, file: Path, tell: Callable[[Report], None], every: float = 15
) -> Report:
    """Trains until the budget is spent or Ctrl-C; `file` always holds the latest checkpoint."""
    run.report.spent = budget.spent(run.report.seconds, run.report.images)
    told = time.monotonic()
    with suppress(KeyboardInterrupt):
        while run.report.spent < 1:
            run.step(budget)
            if time.monotonic() - told >= every:
                run.save(file)
                tell(run.report)
                told = time.monotonic()
    run.save(file)
    tell(run.report)
    return run.report


def _groups(network: Network, decay: float) -> list[dict[str, Any]]:
    """Weights decay; biases and normalisation scales do not."""
    parameters = list(network.parameters())
    return [
        {"params": [p for p in parameters if p.ndim > 1], "weight_decay": decay},
        {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0},
    ]
