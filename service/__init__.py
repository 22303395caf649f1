"""How the networks answer: decode, batch, run, rank, explain, time."""

from pathlib import Path

PAGE = Path(__file__).parent / "page"  # what is served at /
