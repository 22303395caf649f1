"""One ONNX file from one served network: weights inside, batch size free."""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

from models.card import INPUTS, OUTPUTS
from models.served import Served


def onnx_from_torch(served: Served, file: Path, *, channels: int, size: int) -> None:
    """Writes `file`, float32; every dimension but the batch is fixed."""
    images = torch.zeros((2, size, size, channels), dtype=torch.uint8)
    asked = torch.full((2, served.top), -1)
    batch = {0: torch.export.Dim("n")}
    with _quiet():
        program = torch.onnx.export(
            served,
            (images, asked),
            input_names=list(INPUTS),
            output_names=list(OUTPUTS),
            dynamo=True,
            dynamic_shapes=(batch, batch),
            external_data=False,
            verbose=False,
        )
        if program is None:  # only the old exporter returns nothing
            raise RuntimeError
        program.save(file)


@contextmanager
def _quiet() -> Iterator[None]:
    """Silences the exporter's notes: of torchvision, of deprecated helpers, of axis names."""
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(logging.NOTSET)
