"""Recipes are data: what is shown, how large, how hard, and how the weights follow.

A schedule runs over the *share of the budget* that is spent, be the budget minutes or images, so
a run ends on time on any machine. `modern` is what one does today, `training/papers.py` has what
the papers did.
"""

import math
from dataclasses import dataclass, replace
from typing import Final, Literal

from training.scenes import FULL, Difficulty

Data = Literal["digits", "scenes"]
Schedule = Literal["cosine", "linear", "plateau", "steps", "staircase"]

STEPS: Final = (1 / 3, 2 / 3)  # shares of the budget; 30 and 60 of 90 epochs
DROP: Final = 0.1  # on a plateau and at a step
STAIR: Final = 0.96  # every `STAIR_EPOCHS` epochs
STAIR_EPOCHS: Final = 8


@dataclass(frozen=True, slots=True)
class Phase:
    """Lasts until the share `until` of the budget is spent; pictures are `side` pixels wide.

    `difficulty` is that of the scenes; other pictures have none.
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
    """An optimiser, how its rate falls, and what keeps it from learning by heart.

    `clip` bounds the gradient's norm, 0 leaves it alone; `bfloat16` names the kinds of device on
    which the network runs in mixed precision. SGD has momentum 0.9.
    """

    phases: tuple[Phase, ...]
    rate: float
    optimiser: Literal["adamw", "sgd"] = "adamw"
    schedule: Schedule = "cosine"
    nesterov: bool = False
    warmup: float = 0.02  # share of the budget
    decay: float = 0.02
    clip: float = 1.0
    smoothing: float = 0.05
    dropout: float = 0.0  # wherever the network has a dropout layer
    bfloat16: tuple[str, ...] = ("cpu", "cuda")
    source: str = ""  # of the figures

    def phase(self, spent: float) -> Phase:
        """The phase at that share of the budget."""
        return next((p for p in self.phases if spent < p.until), self.phases[-1])

    def rate_at(self, spent: float, epochs: int = 0, drops: int = 0) -> float:
        """The learning rate at that share of the budget, after so many epochs and plateaus."""
        if spent < self.warmup:
            return self.rate * max(spent / self.warmup, 0.01)
        spent = min(spent, 1.0)
        match self.schedule:
            case "cosine":
                return self.rate * (1 + math.cos(math.pi * spent)) / 2
            case "linear":
                return self.rate * (1 - spent)
            case "plateau":
                return self.rate * DROP**drops
            case "steps":
                return self.rate * DROP ** sum(spent >= step for step in STEPS)
            case "staircase":
                return self.rate * STAIR ** (epochs // STAIR_EPOCHS)

    def words(self) -> str:
        """The recipe in one sentence, for the card beside the weights."""
        optimiser = {"adamw": "AdamW", "sgd": "SGD, momentum 0.9"}[self.optimiser]
        said = [
            optimiser + (" (Nesterov)" if self.nesterov else ""),
            f"rate {self.rate:g}",
            f"{self.warmup:.0%} warm-up" if self.warmup else "",
            _FALLS[self.schedule],
            f"weight decay {self.decay:g}",
            f"gradient norm clipped at {self.clip:g}" if self.clip else "",
            f"label smoothing {self.smoothing:g}" if self.smoothing else "",
            f"dropout {self.dropout:g}" if self.dropout else "",
            f"bfloat16 autocast on {' and '.join(self.bfloat16)}" if self.bfloat16 else "float32",
            "He initialisation of what starts at random",
        ]
        phases = "; ".join(phase.words() for phase in self.phases)
        return "; ".join(filter(None, (", ".join(filter(None, said)), phases, self.source)))


_FALLS: Final[dict[Schedule, str]] = {
    "cosine": "cosine to zero",
    "linear": "linear to zero",
    "plateau": "a tenth at every plateau",
    "steps": "a tenth after a third and two thirds",
    "staircase": "4 % less every 8 epochs",
}

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
# With batch normalisation a network leaves chance at once: most is learned small, and cheaply.
_NORMALISED: Final = (
    Phase(until=0.15, side=64, batch=32, difficulty=PLAIN),
    Phase(until=0.45, side=64, batch=32, difficulty=NEAR),
    Phase(until=0.82, side=112, batch=32, difficulty=MIDDLE),
    Phase(until=1.00, side=224, batch=32, difficulty=TRAIN),
)
# Its layers after the pools fit 224 pixels only: what can begin easily is the scenes.
_ALEXNET: Final = (
    Phase(until=0.12, side=224, batch=64, difficulty=PLAIN),
    Phase(until=0.30, side=224, batch=64, difficulty=NEAR),
    Phase(until=0.50, side=224, batch=64, difficulty=MIDDLE),
    Phase(until=1.00, side=224, batch=64, difficulty=TRAIN),
)
_LENET: Final = Recipe(phases=(Phase(until=1.0, side=32, batch=64),), rate=2e-3, bfloat16=())

RECIPES: Final[dict[tuple[str, str], Recipe]] = {
    ("lenet5", "digits"): _LENET,
    ("lenet5_plain", "digits"): _LENET,
    ("squeezenet1_1", "scenes"): Recipe(phases=_SQUEEZENET, rate=1e-3, dropout=0.1),
    ("mobilenet_v1", "scenes"): Recipe(phases=_MOBILENET, rate=2e-3),
    ("resnet18", "scenes"): Recipe(phases=_NORMALISED, rate=2e-3),
    ("googlenet", "scenes"): Recipe(phases=_NORMALISED, rate=2e-3),
    ("densenet121", "scenes"): Recipe(phases=_NORMALISED, rate=2e-3),
    ("alexnet", "scenes"): Recipe(phases=_ALEXNET, rate=5e-4, dropout=0.2),
}


def recipe(network: str, data: str, side: int = 0) -> Recipe:
    """What is done today: the network's own recipe for that data, else one for pictures of `side`.

    The shipped weights were made by the own ones.
    """
    if (network, data) in RECIPES:
        return RECIPES[network, data]
    batch = 32 if data in {"digits", "scenes"} else 16  # a folder may hold few pictures
    return Recipe(
        phases=(Phase(until=1.0, side=side, batch=batch, difficulty=difficulty(data)),),
        rate=1e-3,
        dropout=0.1,
        bfloat16=("cuda",),  # few CPUs are quick at it
    )


def difficulty(data: str) -> Difficulty | None:
    """That of a generic recipe, which has one phase."""
    return TRAIN if data == "scenes" else None
