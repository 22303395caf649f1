"""What the machine can do without HTTP: decode, run, again. Nothing that serves can be faster.

One image after the other, each with all cores or with one; or as many threads as the engine has
lanes, each with one core and one or more images a run. Plain decoding is as the textbooks do it,
the whole image first: what other servers were measured against.
"""

import io
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from bench.samples import Sample, percentile
from models.card import CARD, ModelCard, Preprocessing
from service.engines import Engine, Kind, open_engine
from service.images import FILTERS, Pixels, decode

MAX_PIXELS = 50_000_000
SINGLE = "single image, all cores"

Decode = Callable[[], Pixels]


@dataclass(frozen=True, slots=True)
class Lane:
    """What one thread did: images, how long it took, and the seconds each image took."""

    count: int
    seconds: float
    each: list[float]


class Bare:
    """`threads` loops at once, each: decode `batch` images, run them."""

    def __init__(
        self,
        card: ModelCard,
        engine: Engine,
        decode: Decode,
        *,
        threads: int,
        batch: int,
        name: str,
    ) -> None:
        self.model, self.name = card.name, name
        self._engine, self._decode = engine, decode
        self._threads, self._batch = threads, batch
        self._alone = name == SINGLE
        self._asked = np.full((batch, card.explained), -1, np.int64)

    def measure(self, seconds: float) -> Sample:
        cpu = time.process_time()
        end = time.perf_counter() + seconds
        with ThreadPoolExecutor(self._threads) as pool:
            lanes = list(pool.map(self._loop, [end] * self._threads))
        cpu = time.process_time() - cpu
        count = sum(lane.count for lane in lanes)
        each = [seconds for lane in lanes for seconds in lane.each]
        rate = sum(lane.count / lane.seconds for lane in lanes)
        return Sample(rate, percentile(each, 0.5), percentile(each, 0.99), cpu / count, count)

    def _loop(self, end: float) -> Lane:
        each: list[float] = []
        begun = now = time.perf_counter()
        while not each or now < end:
            before = now
            images = np.stack([self._decode() for _ in range(self._batch)])
            self._engine.run(images, self._asked, alone=self._alone)
            now = time.perf_counter()
            each.append((now - before) / self._batch)
        return Lane(len(each) * self._batch, now - begun, each)


def forms(
    directory: Path, data: bytes, *, lanes: int, batches: list[int], kind: Kind = "ort"
) -> list[Bare]:
    """All forms of one exported model; its newest version."""
    card = ModelCard.read(directory / CARD)
    engine = open_engine(kind, card, directory, device="cpu", lanes=lanes)
    p = card.preprocessing

    def served() -> Pixels:
        return decode(data, p, MAX_PIXELS).pixels

    def plainly() -> Pixels:
        return plain(data, p)

    def form(decode: Decode, threads: int, batch: int, name: str) -> Bare:
        return Bare(card, engine, decode, threads=threads, batch=batch, name=name)

    return [
        form(served, 1, 1, SINGLE),
        form(served, 1, 1, "single image, one core"),
        *(form(served, lanes, n, f"{lanes} lanes, batch {n}") for n in batches),
        *(form(plainly, lanes, n, f"{lanes} lanes, batch {n}, plain decode") for n in batches),
    ]


def plain(data: bytes, p: Preprocessing) -> Pixels:
    """The geometry of torchvision's Resize and CenterCrop, taken literally: all, then a part."""
    with Image.open(io.BytesIO(data)) as image:
        whole = image.convert("L" if p.channels == 1 else "RGB")
    scale = p.resize / min(whole.size)
    wide, high = (p.resize if side == min(whole.size) else int(side * scale) for side in whole.size)
    left, top = round((wide - p.size) / 2), round((high - p.size) / 2)
    small = whole.resize((wide, high), FILTERS[p.interpolation])
    crop = small.crop((left, top, left + p.size, top + p.size))
    return np.asarray(crop).reshape(p.size, p.size, -1)


def newest(artifacts: Path, model: str) -> Path:
    """The directory of the newest version. Raises `FileNotFoundError` that says how to get it."""
    found = [d.parent for d in artifacts.glob(f"{model}/*/{CARD}") if d.parent.name.isdecimal()]
    if not found:
        raise FileNotFoundError(
            f"{artifacts} holds no {model}: run `python -m export {model} --weights random "
            f"--artifacts {artifacts}`"
        )
    return max(found, key=lambda d: int(d.name))
