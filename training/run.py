"""One training run: a network, what it is shown, how its weights follow, and how far it is.

With a budget of images, the same seed gives the same weights, bit by bit, killed and resumed in
between or not: a picture follows from its place in the stream, everything random is drawn from
generators that a checkpoint keeps, a step is never left half done, and the clock decides nothing
but when to save. (On the same machine, torch and number of threads: sums in another order differ.)
With a budget of minutes the schedule follows the clock, and no two runs are alike.
"""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import torch
from torch import Tensor, nn
from torch.nn import functional

from models.architecture import Network
from models.card import Preprocessing
from training.auxiliary import WEIGHT, Auxiliaries
from training.feed import Feed
from training.prepare import DepthwiseFloat32, normalised
from training.progress import Budget, Report, Watch
from training.recipe import Recipe
from training.validate import validate

SHARE: Final = 0.02  # of the newest batch in the averages that are shown
PLATEAU: Final = 5  # epochs without a better loss on the validation pictures
DROPS: Final = 3  # of the rate, in Krizhevsky's run and in VGG's


class Run:
    """One training run: `step` until it is `finished`; `save` and `load` in between.

    It runs where the network lies. What does not require a gradient is frozen: it is never
    updated, and its normalisation keeps its statistics. `share` says which part of the rate a
    parameter follows, by its name. `settings` and `words`, which say how it was asked for and how
    it trains, travel with the checkpoint.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - what two runs may differ in
        self,
        network: Network,
        recipe: Recipe,
        preprocessing: Preprocessing,
        seed: int,
        feed: Feed,
        auxiliaries: Auxiliaries | None = None,
        share: Callable[[str], float] = lambda _: 1.0,
    ) -> None:
        self.seed = seed
        self.network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.recipe = recipe
        self.preprocessing = preprocessing
        self.feed = feed
        self.report = Report()
        self.watch: Watch | None = None
        self.best: dict[str, Tensor] = {}  # the weights with the least loss, kept for early stop
        self.settings: dict[str, Any] = {}
        self.words = ""
        self.auxiliaries = auxiliaries
        self.device = next(network.parameters()).device
        self._bfloat16 = self.device.type in recipe.bfloat16
        self._optimiser = _optimiser(self._learning(), recipe, share)
        self._shares = [group["share"] for group in self._optimiser.param_groups]
        self._frozen = [m for m in network.modules() if _is_frozen(m)]
        for layer in network.modules():
            if isinstance(layer, nn.Dropout):
                layer.p = recipe.dropout
            depthwise = isinstance(layer, nn.Conv2d) and layer.groups > 1
            if depthwise and self._bfloat16 and self.device.type == "cpu":
                layer.__class__ = DepthwiseFloat32
        torch.manual_seed(seed)  # of dropout, whatever was drawn before

    def step(self, budget: Budget) -> None:
        """Shows one batch and follows its gradient; at the end of an epoch, validates."""
        start = time.monotonic()
        phase = self.recipe.phase(self.report.spent)
        images, labels = self.feed(self.report.images, phase)
        pixels = normalised(images, self.preprocessing, self.device)
        target = torch.from_numpy(labels).to(self.device)
        self.network.train()
        for module in self._frozen:
            module.eval()
        logits, loss = self._forward(pixels, target)
        for group, part in zip(self._optimiser.param_groups, self._shares, strict=True):
            group["lr"] = self.rate * part
        self._optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        if self.recipe.clip:
            nn.utils.clip_grad_norm_([p for _, p in self._learning()], self.recipe.clip)
        self._optimiser.step()
        top1 = float(logits.argmax(1).eq(target).float().mean())
        self._note(budget, phase.side, float(loss.detach()), top1, start)

    def _forward(self, x: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        """The logits, and the loss: that of auxiliary classifiers too, where there are some."""
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self._bfloat16):
            logits, *others = (
                self.auxiliaries(self.network, x) if self.auxiliaries else (self.network(x),)
            )
        weighed = ((logits, 1.0), *((other, WEIGHT) for other in others))
        losses = [
            weight
            * functional.cross_entropy(y.float(), target, label_smoothing=self.recipe.smoothing)
            for y, weight in weighed
        ]
        return logits.float(), torch.stack(losses).sum()

    def _learning(self) -> list[tuple[str, nn.Parameter]]:
        """All parameters that may change, and their names."""
        modules = (self.network, self.auxiliaries) if self.auxiliaries else (self.network,)
        named = (pair for module in modules for pair in module.named_parameters())
        return [(name, p) for name, p in named if p.requires_grad]

    @property
    def rate(self) -> float:
        report = self.report
        return self.recipe.rate_at(report.spent, self._epoch(report.images), report.drops)

    @property
    def finished(self) -> bool:
        """Whether the budget is spent or patience has run out."""
        return self.report.spent >= 1 or self.stopped

    @property
    def stopped(self) -> bool:
        """Whether patience has run out."""
        return bool(self.watch and self.watch.patience and self.report.stale >= self.watch.patience)

    def _epoch(self, images: int) -> int:
        return images // self.watch.epoch if self.watch else 0

    def _note(self, budget: Budget, side: int, loss: float, top1: float, start: float) -> None:
        report = self.report
        before, batch = report.images, self.recipe.phase(report.spent).batch
        share = max(SHARE, batch / (before + batch))  # a plain mean at first
        report.loss += (loss - report.loss) * share
        report.top1 += (top1 - report.top1) * share
        report.images += batch
        report.side = side
        if self._epoch(report.images) > self._epoch(before):
            self._validate()
        took = max(time.monotonic() - start, 1e-9)
        report.pace += (batch / took - report.pace) * share
        report.seconds += took
        report.spent = budget.spent(report.seconds, report.images)

    def _validate(self) -> None:
        """Measures on pictures that are never learned from; what stops or slows a run."""
        if self.watch is None or not self.watch.validation:
            return
        report = self.report
        figures = validate(self.network, self.preprocessing, self.watch.validation)
        report.validation_loss, report.validation_top1 = figures["loss"], figures["top1"]
        if report.validation_loss < report.best:
            report.best, report.stale = report.validation_loss, 0
            if self.watch.patience:
                state = self.network.state_dict()
                self.best = {key: value.detach().cpu().clone() for key, value in state.items()}
        else:
            report.stale += 1
            slower = report.stale % PLATEAU == 0
            report.drops = min(report.drops + slower, DROPS)
        if self.watch.log:
            self.watch.log.write(report, self.rate)

    def save(self, file: Path) -> None:
        """Replaces `file` at once by all that is needed to go on."""
        cuda = self.device.type == "cuda"
        state = {
            "seed": self.seed,
            "network": self.network.state_dict(),
            "best": self.best,
            "optimiser": self._optimiser.state_dict(),
            "random": torch.get_rng_state(),
            "random_cuda": torch.cuda.get_rng_state(self.device) if cuda else None,
            "report": {name: getattr(self.report, name) for name in Report.__slots__},
            "settings": self.settings,
            "words": self.words,
            "auxiliaries": self.auxiliaries.state_dict() if self.auxiliaries else None,
        }
        temporary = file.with_name(file.name + ".part")
        torch.save(state, temporary)
        temporary.replace(file)

    def load(self, file: Path) -> None:
        """Goes on where `save` was called."""
        state: dict[str, Any] = torch.load(file, map_location="cpu", weights_only=True)
        self.network.load_state_dict(state["network"])
        if self.auxiliaries:
            self.auxiliaries.load_state_dict(state["auxiliaries"])
        self._optimiser.load_state_dict(state["optimiser"])
        self.best = state["best"]
        torch.set_rng_state(state["random"])
        if state["random_cuda"] is not None and self.device.type == "cuda":
            torch.cuda.set_rng_state(state["random_cuda"], self.device)
        self.report = Report(**state["report"])


def _is_frozen(module: nn.Module) -> bool:
    parameters = list(module.parameters())
    return bool(parameters) and not any(p.requires_grad for p in parameters)


def _optimiser(
    named: list[tuple[str, nn.Parameter]], recipe: Recipe, share: Callable[[str], float]
) -> torch.optim.Optimizer:
    """Weights decay; biases and normalisation scales do not."""
    found: dict[tuple[float, bool], list[nn.Parameter]] = {}
    for name, p in named:
        found.setdefault((share(name), p.ndim > 1), []).append(p)
    groups: list[dict[str, Any]] = [
        {"params": parameters, "share": part, "weight_decay": recipe.decay if decays else 0.0}
        for (part, decays), parameters in found.items()
    ]
    if recipe.optimiser == "sgd":
        return torch.optim.SGD(groups, lr=recipe.rate, momentum=0.9, nesterov=recipe.nesterov)
    return torch.optim.AdamW(groups, lr=recipe.rate)
