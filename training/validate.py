"""How good a network is where it trains, in torch; `training/evaluate.py` asks what serves."""

from collections.abc import Iterable

import torch
from torch.nn import functional

from models.architecture import Network
from models.card import Preprocessing
from training.feed import Batch
from training.prepare import normalised


def validate(
    network: Network, preprocessing: Preprocessing, batches: Iterable[Batch]
) -> dict[str, float]:
    """The mean cross entropy `loss`, `top1` and `top5` as shares of 1, and how many `images`.

    In eval mode and float32; the network is left in eval mode.
    """
    device = next(network.parameters()).device
    network.eval()
    loss, top1, top5, count = 0.0, 0, 0, 0
    for images, labels in batches:
        target = torch.from_numpy(labels).to(device)
        with torch.inference_mode():
            logits = network(normalised(images, preprocessing, device))
        loss += float(functional.cross_entropy(logits, target, reduction="sum"))
        # as good is better: who gives all classes the same knows nothing
        better = (logits >= logits.gather(1, target[:, None])).sum(1) - 1
        top1 += int((better < 1).sum())
        top5 += int((better < 5).sum())
        count += len(labels)
    return {"loss": loss / count, "top1": top1 / count, "top5": top5 / count, "images": count}
