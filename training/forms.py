"""What some networks are only while they train; it is gone when they are served.

A row a family, as its paper trains it. GoogLeNet's auxiliary classifiers are a matter of its
paper's recipe (`training/papers.py`), since with batch normalisation it learns without them.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from torch import Tensor

from models.architecture import Architecture, Network
from models.stochastic_depth import fold
from training.drop_path import drop_paths
from training.stochastic_depth import drop_blocks


def load(trained: Mapping[str, Tensor], network: Network) -> None:
    """The weights as they are."""
    network.load_state_dict(trained)


@dataclass(frozen=True, slots=True)
class Form:
    """`begin` changes a network in place, `end` gives what it learned to a plain one."""

    words: str
    begin: Callable[[Any], None]
    end: Callable[[Mapping[str, Tensor], Any], None] = load


FORMS: Final = {
    "FractalNet": Form("drop-path (Larsson et al. 2016, section 3)", drop_paths),
    "Stochastic depth": Form("stochastic depth (Huang et al. 2016)", drop_blocks, fold),
}


def begin(architecture: Architecture, network: Network) -> str:
    """Gives `network` the form in which its family trains, and says so in words."""
    form = FORMS.get(architecture.family)
    if form is None:
        return ""
    form.begin(network)
    return form.words


def end(architecture: Architecture, trained: Mapping[str, Tensor], classes: int) -> Network:
    """The network that is served, in eval mode, from the weights of one that trained."""
    network = architecture.build(classes)
    form = FORMS.get(architecture.family)
    (form.end if form else load)(trained, network)
    return network.eval()
