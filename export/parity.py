"""The proof that an artifact says what torch says, run through the engine that will serve it."""

from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.card import Parity, Preprocessing
from models.weights.random_weights import pictures
from service import PAGE
from service.engines import Engine, Outputs
from service.images import decode

SEED = 20
EXAMPLES = PAGE / "examples"
MAX_PIXELS = 10_000_000
CHUNK = 8  # images that torch runs at once: a large network needs gigabytes for 32

# of the largest reference value; float32 alone costs up to 3e-5 in the deepest networks
LOGITS_TOLERANCE = 1e-4
MAPS_TOLERANCE = 1e-3


class Reference(Protocol):
    """What is right: `Served` in torch, or what was proven to say the same."""

    top: int

    def __call__(self, images: Tensor, asked: Tensor) -> tuple[Tensor, ...]: ...


class ParityError(Exception):
    """The artifact disagrees with torch; says by how much. It must not be published."""


def proof_images(preprocessing: Preprocessing, count: int) -> NDArray[np.uint8]:
    """Photographs and digit scenes, prepared as the service does, then random pictures.

    Random pictures alone prove too little: a trained network may find nothing in any of them.
    """
    files = sorted((*EXAMPLES.glob("*.jpg"), *EXAMPLES.glob("*.png")), reverse=True)[:count]
    real = [decode(file.read_bytes(), preprocessing, MAX_PIXELS).pixels for file in files]
    size, channels = preprocessing.size, preprocessing.channels
    return np.concatenate([real, pictures(count, size, channels, SEED)])[:count]


def prove(engine: Engine, served: Reference, preprocessing: Preprocessing) -> Parity:
    """The engine's disagreement with torch; raises `ParityError` if it is more than rounding."""
    parity = compare(engine, served, preprocessing)
    if not _agrees(parity):
        raise ParityError(
            f"{engine.name} disagrees with torch: logits by {parity.logits:.1e} (at most "
            f"{LOGITS_TOLERANCE:.0e}), maps by {parity.maps:.1e} (at most {MAPS_TOLERANCE:.0e}), "
            f"top-1 agrees on {parity.top1:.1%} (must be all). Nothing was published"
        )
    return parity


def compare(engine: Engine, served: Reference, preprocessing: Preprocessing) -> Parity:
    """Compares logits, top-1 and maps at batch 1, an odd one and the largest.

    The largest batch explains the engine's own choice, the small ones ask for those classes.
    Raises `ParityError` if the network answers nothing that could be compared.
    """
    images = proof_images(preprocessing, engine.max_batch)
    own_choice = np.full((len(images), served.top), -1)
    found = engine.run(images, own_choice)
    reference = _torch(served, images, found.classes)
    if _ignores_input(reference[0]):
        raise ParityError(
            "the network gives every image the same answer, so nothing can be proven about it: "
            "its weights are broken. Nothing was published"
        )
    batches = sorted({1, min(3, len(images)), len(images)})
    parts = [engine.run(images[:n], found.classes[:n]) for n in batches[:-1]]
    errors = np.array([_errors(part, reference) for part in (*parts, found)])
    logits, maps, wrong = errors.max(0).tolist()  # a NaN stays one
    return Parity(tuple(batches), logits, maps, top1=1 - wrong)


def _torch(
    served: Reference, images: NDArray[np.uint8], asked: NDArray[np.int64]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    logits, maps = [], []
    with torch.inference_mode():
        for i in range(0, len(images), CHUNK):
            part = slice(i, i + CHUNK)
            out = served(torch.from_numpy(images[part]), torch.from_numpy(asked[part]))
            logits.append(out[0].numpy())
            maps.append(out[3].numpy())
    return np.concatenate(logits), np.concatenate(maps)


def _errors(
    found: Outputs, reference: tuple[NDArray[np.float32], NDArray[np.float32]]
) -> tuple[float, float, float]:
    """Of the first images: logits and maps relative to the largest of all, share of wrong top-1."""
    n, (logits, maps) = len(found.logits), reference
    chosen = np.take_along_axis(logits[:n], found.logits.argmax(1)[:, None], 1)[:, 0]
    # two classes whose logits are equal but for rounding may change places
    wrong = chosen < logits[:n].max(1) - LOGITS_TOLERANCE * np.abs(logits).max()
    return (
        float(np.abs(found.logits - logits[:n]).max() / np.abs(logits).max()),
        float(np.abs(found.maps - maps[:n]).max() / np.abs(maps).max()),
        float(wrong.mean()),
    )


def _agrees(parity: Parity) -> bool:
    # written so that a NaN fails
    return parity.logits <= LOGITS_TOLERANCE and parity.maps <= MAPS_TOLERANCE and parity.top1 == 1


def _ignores_input(logits: NDArray[np.float32]) -> bool:
    """A network that gives every image the same answer proves nothing."""
    return len(logits) > 1 and bool(np.ptp(logits, axis=0).max() <= 1e-3 * np.abs(logits).max())
