"""The recipes that the papers state, a row a family; the lectures quote them.

Rates are for the batch beside them and for ImageNet. A figure that a paper leaves out is taken
from the row's second source. Momentum is 0.9 in all of them; unlike in the papers, biases and the
scales of normalisation do not decay. Families whose paper trains in another way have no row:
LeNet-5 (one picture at a time, rates from a diagonal Hessian), Inception-v4 and NASNet (RMSProp),
MobileNet (RMSProp, its rate unstated), FractalNet (a tenth whenever the epochs that are left have
halved), stochastic depth (a tenth after a half and three quarters, on CIFAR).
"""

from typing import Final

from models.architecture import Architecture
from training.recipe import Phase, Recipe, Schedule, difficulty

_KRIZHEVSKY: Final = "Krizhevsky et al. 2012, section 5"
_HE: Final = "He et al. 2015, section 3.4"

# batch, rate, weight decay, dropout, how the rate falls, source
Row = tuple[int, float, float, float, Schedule, str]
FAMILIES: Final[dict[str, Row]] = {
    "AlexNet": (128, 0.01, 5e-4, 0.5, "plateau", _KRIZHEVSKY),
    "ZFNet": (
        *(128, 0.01, 5e-4, 0.5, "plateau"),
        f"Zeiler & Fergus 2013, section 3.1; weight decay: {_KRIZHEVSKY}",
    ),
    "NIN": (
        *(128, 0.01, 5e-4, 0.5, "plateau"),
        "Lin et al. 2013, section 4.1; rate, weight decay: the first author's solver for ImageNet",
    ),
    "VGG": (256, 0.01, 5e-4, 0.5, "plateau", "Simonyan & Zisserman 2014, section 3.1"),
    "GoogLeNet": (
        *(32, 0.01, 2e-4, 0.4, "staircase"),
        "Szegedy et al. 2014, sections 5, 6; batch, rate, weight decay: Caffe's bvlc_googlenet",
    ),
    "ResNet": (256, 0.1, 1e-4, 0.0, "plateau", _HE),
    "DenseNet": (256, 0.1, 1e-4, 0.0, "steps", "Huang et al. 2016, section 4.2"),
    "SqueezeNet": (
        *(512, 0.04, 2e-4, 0.5, "linear"),
        "Iandola et al. 2016, section 3.3; batch, weight decay: the authors' solver for v1.1",
    ),
}
NESTEROV: Final = {"DenseNet"}
AUXILIARIES: Final = {"googlenet_2014", "googlenet"}  # Szegedy et al. 2014, section 5


def paper_recipe(architecture: Architecture, data: str, side: int) -> Recipe:
    """The recipe of the network's paper; a `ValueError` names the families that have one here."""
    if architecture.family not in FAMILIES:
        known = ", ".join(FAMILIES)
        raise ValueError(
            f"no paper's recipe is known for {architecture.name}: use --recipe modern; "
            f"there are some for {known}"
        )
    batch, rate, decay, dropout, schedule, source = FAMILIES[architecture.family]
    return Recipe(
        phases=(Phase(until=1.0, side=side, batch=batch, difficulty=difficulty(data)),),
        rate=rate,
        optimiser="sgd",
        schedule=schedule,
        nesterov=architecture.family in NESTEROV,
        warmup=0.0,
        decay=decay,
        clip=0.0,
        smoothing=0.0,
        dropout=dropout,
        bfloat16=(),
        source=source,
    )
