"""Counts multiply-adds: those of convolutions and linear layers, nothing else, for one image."""

from typing import Any

import torch
from torch import Tensor, nn

from models.architecture import Network


def multiply_adds(network: Network, channels: int, size: int) -> int:
    """Runs one image of zeros of that size through `network`; costs nothing on the meta device."""
    total = 0

    def count(module: nn.Module, _inputs: Any, output: Tensor) -> None:
        nonlocal total
        filters: Tensor = module.weight  # type: ignore[assignment]
        total += output[0].numel() * filters[0].numel()  # every output is one filter's sum

    layers = [m for m in network.modules() if isinstance(m, nn.Conv2d | nn.Linear)]
    hooks = [layer.register_forward_hook(count) for layer in layers]
    try:
        with torch.no_grad():
            network(torch.zeros(1, channels, size, size, device=next(network.parameters()).device))
    finally:
        for hook in hooks:
            hook.remove()
    return total
