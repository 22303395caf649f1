"""Eager torch: the reference the other engines are proven against."""

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file

from models.card import ModelCard
from models.catalog import architecture
from models.served import Served
from service.engines import EngineUnavailable, Outputs, noticing_memory


class PytorchEngine:
    name = "pytorch"
    precision = "fp32"
    device = "CPU"

    def __init__(self, card: ModelCard, directory: Path, *, lanes: int = 1) -> None:
        artifact = card.artifacts.get("pytorch")
        if artifact is None:
            raise EngineUnavailable(
                f"{card.name}/{card.version} was exported without its torch weights: run "
                f"`python -m export {card.name} --with-pytorch`"
            )
        classes = len(card.labels)
        network = architecture(card.architecture).build(classes)
        network.load_state_dict(load_file(directory / artifact.file))
        self.served = Served(network, card.preprocessing, classes).eval()
        self.lanes = lanes
        self.max_batch = artifact.max_batch

    def run(
        self, images: NDArray[np.uint8], asked: NDArray[np.int64], *, alone: bool = False
    ) -> Outputs:
        del alone  # torch has one thread pool for all callers
        with torch.inference_mode(), noticing_memory():
            outputs = self.served(torch.from_numpy(images), torch.from_numpy(asked))
        return Outputs(*(tensor.numpy() for tensor in outputs))

    def close(self) -> None:
        del self.served
