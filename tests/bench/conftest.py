"""A model without arithmetic, and a server that answers as a test tells it."""

import socketserver
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from models.card import CARD, ModelCard, Preprocessing, Weights

Address = tuple[str, int]
OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}"
BUSY = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n"


@pytest.fixture
def artifacts(tmp_path: Path) -> Path:
    """A directory with `toy/1` and `toy/2`, enough for the null engine."""
    for version in (1, 2):
        directory = tmp_path / "toy" / str(version)
        directory.mkdir(parents=True)
        card(version).write(directory / CARD)
    return tmp_path


def card(version: int) -> ModelCard:
    return ModelCard(
        name="toy",
        version=version,
        architecture="lenet5_plain",
        preprocessing=Preprocessing(3, 32, 36, "bilinear", (0.5,) * 3, (0.25,) * 3),
        labels=tuple("0123456789"),
        weights=Weights("random", "seed 1", "0" * 64, trained=False, seed=1),
        metrics={},
        artifacts={},
        created="2026-11-21T00:00:00+00:00",
        commit=None,
    )


class Scripted(socketserver.ThreadingTCPServer):
    """Reads whole requests and answers the n-th of a connection with `answer(n)`; b"" hangs up."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, answer: Callable[[int], bytes]) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.answer = answer
        self.requests: list[bytes] = []


class Handler(socketserver.StreamRequestHandler):
    server: Scripted

    def handle(self) -> None:
        number = 0
        while head := self._head():
            length = int(head.lower().partition(b"content-length:")[2].split()[0])
            self.server.requests.append(head + self.rfile.read(length))
            if not (answer := self.server.answer(number)):
                return
            self.wfile.write(answer)
            number += 1

    def _head(self) -> bytes:
        lines = []
        while (line := self.rfile.readline()).strip():
            lines.append(line)
        return b"".join(lines)


@contextmanager
def scripted(answer: Callable[[int], bytes]) -> Iterator[Scripted]:
    with Scripted(answer) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def script() -> Callable[[Callable[[int], bytes]], object]:
    return scripted
