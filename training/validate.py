"""How good a network is where it trains, in torch; `training/evaluate.py` asks what serves."""

from collections.abc import Iterable

import torch
from torch.nn import functional

from models.architecture import Network
from models.card import Preprocessing
from training.feed import Batch


def validate(
    network: Network, preprocessing: Preprocessing, batches: Iterable[Batch]
) -> dict[str, float]:
    """The mean cross entropy `loss`, `top1` and `top5` as shares of 1, and how many `images`.

    In eval mode and float32; the network is left in eval mode.
    """
    device = next(network.parameters()).device
    mean = torch.tensor(preprocessing.mean, device=device).view(1, -1, 1, 1)
    std = torch.tensor(preprocessing.std, device=device).view(1, -1, 1, 1)
    network.eval()
    loss, top1, top5, count = 0.0, 0, 0, 0
    for images, labels in batches:
        target = torch.from_numpy(labels).to(device)
        pixels = torch.from_numpy(images).to(device).permute(0, 3, 1, 2).float() / 255
        with torch.inference_mode():
            logits = network((pixels - mean) / std)
        loss += float(functional.cross_entropy(logits, target, reduction="sum"))
        # as good is better: who gives all classes the same knows nothing
        better = (logits >= logits.gather(1, target[:, None])).sum(1) - 1
        top1 += int((better < 1).sum())
        top5 += int((better < 5).sum())
        count += len(labels)
    return {"loss": loss / count, "top1": top1 / count, "top5": top5 / count, "images": count}
