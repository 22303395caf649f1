"""Recipes are data: what is shown, how large, how hard, and how the weights follow.

A schedule runs over the *share of the budget* that is spent, be the budget minutes or images, so
a run ends on time on any machine, with its learning rate at zero.
"""

import math
from dataclasses import dataclass, replace
from typing import Final, Literal

from training.scenes import FULL, Difficulty

Data = Literal["digits", "scenes"]


@dataclass(frozen=True, slots=True)
class Phase:
    """Lasts until the share `until` of the budget is spent; pictures are `side` pixels wide.

    `difficulty` is that of the scenes; plain digits have none.
    """

    until: float
    side: int
    batch: int
    difficulty: Difficulty | None = None

    def words(self) -> str:
        words = f"to {self.until:.0%} at {self.side} px in batches of {self.batch}"
        if self.difficulty is None:
            return words
        least, most = self.difficulty.size
        return f"{words}, digits {least:g} to {most:g} of the side"


@dataclass(frozen=True, slots=True)
class Recipe:
    """AdamW under a warm-up and a cosine; `clip` bounds the gradient's norm."""

    phases: tuple[Phase, ...]
    rate: float
    warmup: float = 0.02  # share of the budget
    decay: float = 0.02
    clip: float = 1.0
    smoothing: float = 0.05
    dropout: float = 0.0  # wherever the network has a dropout layer
    bfloat16: bool = True

    def phase(self, spent: float) -> Phase:
        """The phase at that share of the budget."""
        return next((p for p in self.phases if spent < p.until), self.phases[-1])

    def rate_at(self, spent: float) -> float:
        """Rises linearly during the warm-up, then falls along a cosine to zero."""
        if spent < self.warmup:
            return self.rate * max(spent / self.warmup, 0.01)
        return self.rate * (1 + math.cos(math.pi * min(spent, 1.0))) / 2

    def words(self) -> str:
        """The recipe in one sentence, for the card beside the weights."""
        phases = "; ".join(phase.words() for phase in self.phases)
        return (
            f"AdamW, rate {self.rate:g}, {self.warmup:.0%} warm-up, cosine to zero, weight decay "
            f"{self.decay:g}, gradient norm clipped at {self.clip:g}, label smoothing "
            f"{self.smoothing:g}, {f'dropout {self.dropout:g}, ' if self.dropout else ''}"
            f"{'bfloat16 autocast' if self.bfloat16 else 'float32'}, He initialisation; {phases}"
        )


# The digit keeps about the pixels it will have at 224 (56 to 134) while the picture around it
# grows: what is learned early is learned at the scale at which it will be used.
PLAIN: Final = replace(FULL, size=(0.6, 0.95), photograph=(0.0, 0.3), pieces=0, recolour=True)
NEAR: Final = replace(FULL, size=(0.5, 0.95), photograph=(0.2, 0.9), pieces=1, recolour=True)
MIDDLE: Final = replace(FULL, size=(0.4, 0.9), pieces=3, recolour=True)
TRAIN: Final = replace(FULL, recolour=True)

_SQUEEZENET: Final = (
    Phase(until=0.10, side=64, batch=64, difficulty=PLAIN),
    Phase(until=0.25, side=64, batch=64, difficulty=NEAR),
    Phase(until=0.50, side=112, batch=64, difficulty=MIDDLE),
    Phase(until=1.00, side=224, batch=32, difficulty=TRAIN),
)
# Small batches: it leaves chance after about as many steps, not pictures, whatever their size.
_MOBILENET: Final = (
    Phase(until=0.10, side=64, batch=32, difficulty=PLAIN),
    Phase(until=0.30, side=64, batch=32, difficulty=NEAR),
    Phase(until=0.38, side=112, batch=32, difficulty=MIDDLE),
    Phase(until=1.00, side=224, batch=16, difficulty=TRAIN),
)

RECIPES: Final[dict[tuple[str, Data], Recipe]] = {
    ("lenet5_plain", "digits"): Recipe(
        phases=(Phase(until=1.0, side=32, batch=64),), rate=2e-3, bfloat16=False
    ),
    ("squeezenet1_1", "scenes"): Recipe(phases=_SQUEEZENET, rate=1e-3, dropout=0.1),
    ("mobilenet_v1", "scenes"): Recipe(phases=_MOBILENET, rate=2e-3),
}


def recipe(network: str, data: Data) -> Recipe:
    """The recipe for that network on that data; a `ValueError` names the ones there are."""
    try:
        return RECIPES[network, data]
    except KeyError:
        known = ", ".join(f"{name} on {what}" for name, what in RECIPES)
        raise ValueError(f"no recipe trains {network!r} on {data!r}: there are {known}") from None
