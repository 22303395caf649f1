"""How a network is made ready to learn."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from models.architecture import Network
from models.card import Preprocessing


def normalised(
    images: NDArray[np.uint8], preprocessing: Preprocessing, device: torch.device
) -> Tensor:
    """Pixels [n, h, w, c] of 0 to 255 as a network takes them: [n, c, h, w], on `device`."""
    mean, std = (
        torch.tensor(values, device=device).view(1, -1, 1, 1)
        for values in (preprocessing.mean, preprocessing.std)
    )
    pixels = torch.from_numpy(images).to(device).permute(0, 3, 1, 2).float() / 255
    return (pixels - mean) / std


class DepthwiseFloat32(nn.Conv2d):
    """The same convolution outside autocast: oneDNN's bfloat16 gradient of a depthwise one is slow.

    Measured on an AMD EPYC with AVX-512 BF16, MobileNet at 128 pixels, one thread, images/s:
    52 in float32, 58 in bfloat16, 83 this way.
    """

    def forward(self, x: Tensor) -> Tensor:
        with torch.autocast("cpu", enabled=False):
            return super().forward(x.float()).to(x.dtype)


class OpenReLU(nn.ReLU):
    """In training a tenth of what is negative passes; what is served is the plain ReLU.

    Behind frozen features a new layer of class maps is closed by its first steps and then learns
    nothing: SqueezeNet's head on 48 photographs stayed at chance, this way it reached 83 %.
    """

    def forward(self, x: Tensor) -> Tensor:
        if self.training:
            return functional.leaky_relu(x, 0.1, self.inplace)
        return super().forward(x)


def keep_open(network: Network) -> None:
    """Where the class maps end in a ReLU, lets gradient through it while it trains."""
    last = [m for m in network.modules() if isinstance(m, nn.ReLU)][-1:]
    if not network.head and last:
        last[0].__class__ = OpenReLU


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
