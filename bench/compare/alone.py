"""The engine alone in a process of its own, so that its memory is what the process grew by.

`python -m bench.compare.alone DIRECTORY PRECISION SECONDS SIZES` prints an `Alone` as JSON.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import cast

import numpy as np

from bench.bare import MAX_PIXELS, Bare
from bench.compare.results import BatchRate, Strict
from bench.loadgen import NotMeasured
from bench.photograph import photograph
from models.card import CARD, ModelCard, Precision
from service.engines import open_engine
from service.images import decode
from service.settings import cores

STATM = Path("/proc/self/statm")


class Alone(Strict):
    """`memory_bytes`: what the process grew by until the first answer; None where not known."""

    memory_bytes: int | None
    batch_rates: list[BatchRate]


def alone(directory: Path, precision: str, seconds: float, sizes: list[int]) -> Alone:
    """Runs it; `seconds` for each size. Raises `NotMeasured` with its last words."""
    arguments = [str(directory), precision, str(seconds), ",".join(map(str, sizes))]
    done = subprocess.run(  # noqa: S603 - our own interpreter, our own module
        [sys.executable, "-m", "bench.compare.alone", *arguments],
        capture_output=True,
        text=True,
        check=False,
        process_group=0,  # a Ctrl-C is for us
    )
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["it died"])[-1]
        raise NotMeasured(f"the engine alone, {directory}: {last}")
    return Alone.model_validate_json(done.stdout)


def measure(directory: Path, precision: Precision, seconds: float, sizes: list[int]) -> Alone:
    """Every core runs batches of its own, of one decoded photograph."""
    card = ModelCard.read(directory / CARD)
    pixels = decode(photograph(), card.preprocessing, MAX_PIXELS).pixels
    before = resident()
    engine = open_engine("ort", card, directory, device="cpu", lanes=cores(), precision=precision)
    engine.run(np.stack([pixels]), np.full((1, card.explained), -1, np.int64), alone=False)
    after = resident()
    rates = []
    for size in sizes:
        loops = Bare(card, engine, lambda: pixels, threads=cores(), batch=size, name="alone")
        rates.append(BatchRate(size=size, rate=loops.measure(seconds).rate))
    return Alone(memory_bytes=after - before if after and before else None, batch_rates=rates)


def resident() -> int | None:
    """Bytes of this process in memory."""
    try:
        return int(STATM.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return None


def main() -> None:
    directory, precision, seconds, sizes = sys.argv[1:]
    found = measure(
        Path(directory), cast("Precision", precision), float(seconds), json.loads(f"[{sizes}]")
    )
    sys.stdout.write(found.model_dump_json())


if __name__ == "__main__":
    main()
