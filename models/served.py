"""The network as it is served: uint8 pixels in; logits, scores, classes and their maps out.

Grad-CAM weighs the maps A by the spatial mean of dy/dA (Selvaraju et al. 2017, equation 1). Max
pooling and unpadded average pooling pass the gradient on with its sum over space unchanged, so the
sum of dy/dA before the pool equals the sum of dy/dP after it, and dy/dP needs only a reverse pass
through the head. That pass is written here with forward operators, so it exports like any layer.
For one Linear after global average pooling it is a row of the weight: the class activation map of
Zhou et al. 2016, equation 2. For an empty head the maps are the classes themselves.
"""

import torch
from torch import Tensor, nn

from models.architecture import Network
from models.card import EXPLAINED, Preprocessing
from models.lenet import RBF, Squash


class Served(nn.Module):
    """`forward(images uint8 [n, h, w, c], asked int64 [n, k])` gives the card's `OUTPUTS`.

    logits float32 [n, classes]; scores (softmax) and classes [n, k]: the class that was asked for,
    or, where `asked` is -1, the network's own choice of that rank; maps float32 [n, k, h', w']:
    sum over channels of (sum over space of dy/dA) A, that is h' w' times Grad-CAM before its ReLU.
    """

    def __init__(self, network: Network, preprocessing: Preprocessing, classes: int) -> None:
        super().__init__()
        self.network = network
        self.top = min(EXPLAINED, classes)
        mean, std = torch.tensor(preprocessing.mean), torch.tensor(preprocessing.std)
        self.scale = nn.Buffer((1 / (255 * std)).reshape(1, -1, 1, 1))
        self.shift = nn.Buffer((-mean / std).reshape(1, -1, 1, 1))

    def forward(self, images: Tensor, asked: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        # the cast comes first: TensorRT transposes no uint8
        x = images.float().permute(0, 3, 1, 2).contiguous()
        maps = self.network.maps(x * self.scale + self.shift)
        logits, masks = self._head(self.network.pool(maps))
        probabilities = logits.softmax(1)
        best = probabilities.topk(self.top, dim=1).indices
        classes = torch.where(asked < 0, best, asked)
        return (
            logits,
            probabilities.gather(1, classes),
            classes,
            self._explain(maps, classes, masks),
        )

    def _head(self, y: Tensor) -> tuple[Tensor, list[Tensor]]:
        """The logits, and the derivative of each activation function, at its output."""
        masks = []
        for layer in self.network.head:
            y = layer(y)
            if isinstance(layer, nn.ReLU):
                masks.append((y > 0).to(y.dtype))
            elif isinstance(layer, nn.Tanh):
                masks.append(1 - y * y)
            elif isinstance(layer, Squash):
                masks.append(layer.slope(y))
        return y, masks

    def _explain(self, maps: Tensor, classes: Tensor, masks: list[Tensor]) -> Tensor:
        n, channels, height, width = maps.shape
        flat = maps.flatten(2)  #                                          [n, channels, h' w']
        if not self.network.head:
            picked = flat.gather(1, classes[:, :, None].expand(-1, -1, height * width))
        else:
            picked = self._channel_weights(channels, classes, masks) @ flat
        return picked.reshape(n, self.top, height, width)

    def _channel_weights(self, channels: int, classes: Tensor, masks: list[Tensor]) -> Tensor:
        """The gradient of each class by each map, summed over space: [n, k, channels]."""
        head = self.network.head
        first, *rest = [layer.weight for layer in head if isinstance(layer, nn.Linear | RBF)]
        positions = first.shape[1] // channels  # of the pooled map
        # the map's positions share one sum, so the widest matrix shrinks by their number
        matrices = [first.reshape(-1, channels, positions).sum(2), *rest]  #   [out, in] each
        gradient: Tensor = matrices.pop()[classes]  #                              [n, k, in]
        for matrix, mask in zip(reversed(matrices), reversed(masks), strict=True):
            gradient = (gradient * mask[:, None, :]) @ matrix
        return gradient
