"""Right shapes, no arithmetic: measures the server itself and serves the tests.

The logit of class c is how often the pixel value c occurs, divided by the number of pixels: so
every answer can be told from its neighbour's. The maps are bright where the image is.
"""

import numpy as np
from numpy.typing import NDArray

from models.card import ModelCard
from service.engines import Outputs

SIDE = 7  # of the maps


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
        pixels = images.reshape(n, -1)
        logits = np.stack(
            [np.bincount(row % self.classes, minlength=self.classes) for row in pixels]
        ).astype(np.float32) / np.float32(pixels.shape[1])
        best = np.argsort(-logits, axis=1, kind="stable")[:, :k]
        classes = np.where(asked < 0, best, asked)
        powers = np.exp(logits - logits.max(1, keepdims=True))
        scores = np.take_along_axis(powers / powers.sum(1, keepdims=True), classes, 1)
        step = max(1, images.shape[1] // SIDE)
        grid = images[:, ::step, ::step, 0][:, :SIDE, :SIDE].astype(np.float32)
        return Outputs(logits, scores, classes, np.repeat(grid[:, None], k, axis=1))

    def close(self) -> None:
        """Holds nothing."""
