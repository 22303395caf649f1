"""Right shapes, no arithmetic: measures the server itself and serves the tests.

The logit of class c is the share of sampled values that are c, modulo the number of classes: so
every answer can be told from its neighbour's. The map of class c is the image itself, coarse and
rolled up by c rows.
"""

import numpy as np
from numpy.typing import NDArray

from models.card import ModelCard
from service.engines import Outputs

SIDE = 7  # of the maps
SAMPLES = 48  # values of an image that are looked at


class NullEngine:
    name = "null"
    precision = "none"
    device = "none"

    def __init__(self, card: ModelCard, *, lanes: int = 1, max_batch: int = 32) -> None:
        self.classes, self.explained = len(card.labels), card.explained
        self.lanes = lanes
        self.max_batch = max_batch

    def run(
        self, images: NDArray[np.uint8], asked: NDArray[np.int64], *, alone: bool = False
    ) -> Outputs:
        del alone  # there is nothing to spread out
        n, k = len(images), self.explained
        flat = images.reshape(n, -1)
        values = flat[:, :: max(1, flat.shape[1] // SAMPLES)].astype(np.int64) % self.classes
        counts = np.stack([np.bincount(row, minlength=self.classes) for row in values])
        logits = (counts / values.shape[1]).astype(np.float32)
        best = np.argsort(-logits, axis=1, kind="stable")[:, :k]
        classes = np.where(asked < 0, best, asked)
        powers = np.exp(logits - logits.max(1, keepdims=True))
        scores = np.take_along_axis(powers / powers.sum(1, keepdims=True), classes, 1)
        step = max(1, images.shape[1] // SIDE)
        grid = images[:, ::step, ::step, 0][:, :SIDE, :SIDE].astype(np.float32)
        rows = (np.arange(grid.shape[1]) + classes[:, :, None]) % grid.shape[1]
        maps = grid[np.arange(n)[:, None, None], rows]
        return Outputs(logits, scores, classes, maps)

    def close(self) -> None:
        """Holds nothing."""
