"""A network with random weights behaves like one, on images it was not measured with as well."""

import pytest
import torch

from models.catalog import architecture
from models.weights.random_weights import SPREAD, pictures, randomise


# of each kind of normalisation, and the deepest, where values would grow with depth
@pytest.mark.parametrize("name", ["lenet5", "squeezenet1_1", "alexnet", "se_resnet50", "resnet152"])
def test_the_signal_neither_dies_nor_explodes(name: str) -> None:
    a = architecture(name)
    network = a.build(a.classes)
    randomise(network, a.channels, a.size, seed=1)
    x = torch.from_numpy(pictures(2, a.size, a.channels, seed=2)).permute(0, 3, 1, 2)
    x = (x / 255 - 0.5) / 0.25
    with torch.no_grad():
        maps, logits = network.maps(x), network(x)
        exact = network.double()(x.double())

    assert SPREAD / 2 < float(logits.std()) < SPREAD * 2
    assert float((logits[0] - logits[1]).std()) > SPREAD / 20, "both images look the same to it"
    assert float(maps.count_nonzero() / maps.numel()) > 0.2
    assert float((logits - exact).abs().max() / exact.abs().max()) < 2e-6, "rounding was amplified"
