"""Random weights under which a network still behaves: its signal neither dies nor explodes.

He initialisation (He et al. 2015, equation 10), batch statistics measured on random images, and a
last layer scaled to logits of standard deviation 3. Normalised values are moved up by half their
deviation, so that most of them pass the ReLU: where half of them do not, a deep network is chaos,
and float32 tells another story than float64. Latency and parity of such a network are as real as
those of a trained one; its predictions mean nothing.
"""

import numpy as np
import torch
from torch import Tensor, nn

from models.architecture import Network

IMAGES = 4
SPREAD = 3.0  # standard deviation of the logits


def pictures(count: int, size: int, channels: int, seed: int) -> np.ndarray:
    """Random uint8 images [count, size, size, channels] with structure at every scale."""
    rng = np.random.default_rng(seed)
    image = np.zeros((count, size, size, channels))
    for cells in (2, 4, 8, 16, size):
        coarse = rng.normal(size=(count, cells, cells, channels))
        near = np.arange(size) * cells // size
        image += coarse[:, near][:, :, near]
    image = image * 40 + 128
    return image.clip(0, 255).astype(np.uint8)


@torch.no_grad()
def randomise(network: Network, channels: int, size: int, seed: int) -> None:
    """Draws every weight anew; the same seed gives the same weights."""
    generator = torch.Generator().manual_seed(seed)
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu", generator=generator)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
        elif isinstance(layer, nn.BatchNorm2d):
            nn.init.uniform_(layer.weight, 0.5, 1.0, generator)
            nn.init.normal_(layer.bias, 0.5, 0.1, generator)
    x = torch.from_numpy(pictures(IMAGES, size, channels, seed)).float().permute(0, 3, 1, 2)
    x = ((x - x.mean()) / x.std()).contiguous()
    _measure_batch_statistics(network, x)
    _scale_last_layer(network.eval(), x)


def _measure_batch_statistics(network: Network, x: Tensor) -> None:
    norms = [m for m in network.modules() if isinstance(m, nn.BatchNorm2d)]
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # the plain mean over all batches, here of one
        norm.train()
    network.maps(x)  # the norms alone are in training mode, so nothing is dropped
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum


def _scale_last_layer(network: Network, x: Tensor) -> None:
    layers = [m for m in network.modules() if isinstance(m, nn.Conv2d | nn.Linear)]
    layers[-1].weight.mul_(SPREAD / network(x).std())
