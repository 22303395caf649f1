"""A load generator that costs next to nothing: it shares the cores with what it measures.

Keep-alive clients in a closed loop: each sends the same bytes again as soon as its answer is
complete. One thread, one selector, no parsing beyond the status line and Content-Length.
"""

import selectors
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from bench.samples import Sample, percentile

READ = 1 << 16
CYCLES = 10  # answers that each client must have had, however slow the model is
STALLED = 60.0  # seconds without any answer after which a client gives up


def no_cpu() -> None:
    """Where the server's CPU time cannot be known."""


def per_answer(before: float | None, after: float | None, answers: int) -> float | None:
    return None if before is None or after is None or not answers else (after - before) / answers


class BadAnswer(Exception):
    """Bytes that are no HTTP/1.1 answer with a Content-Length."""


def request(host: str, path: str, body: bytes, kind: str = "image/jpeg") -> bytes:
    """A POST, ready to be sent any number of times."""
    lines = (
        f"POST {path} HTTP/1.1",
        f"Host: {host}",
        f"Content-Type: {kind}",
        f"Content-Length: {len(body)}",
    )
    return "\r\n".join((*lines, "", "")).encode() + body


class Answers:
    """Cuts a stream of bytes into answers and yields their statuses."""

    def __init__(self) -> None:
        self._bytes = bytearray()

    def feed(self, data: bytes) -> Iterator[int]:
        self._bytes += data
        while (end := self._bytes.find(b"\r\n\r\n")) >= 0:
            head = bytes(self._bytes[:end]).lower()
            length = end + 4 + _content_length(head)
            if len(self._bytes) < length:
                return
            del self._bytes[:length]
            yield _status(head)


def _content_length(head: bytes) -> int:
    _, found, rest = head.partition(b"\r\ncontent-length:")
    if not found:
        raise BadAnswer("an answer without Content-Length")
    return int(rest.partition(b"\r\n")[0])


def _status(head: bytes) -> int:
    parts = head.split(maxsplit=2)
    if not parts[0].startswith(b"http/1.") or len(parts) < 2 or not parts[1].isdigit():
        raise BadAnswer(f"not HTTP: {head[:40]!r}")
    return int(parts[1])


class Client:
    """One connection: what it still has to send, and when its answers came."""

    def __init__(self, address: tuple[str, int], payload: bytes) -> None:
        self._payload = payload
        self._unsent = memoryview(b"")
        self._answers = Answers()
        self.socket = socket.create_connection(address, timeout=10)
        self.socket.setblocking(False)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.waiting = False  # for an answer
        self.sent = self.first = self.last = 0.0  # perf_counter seconds
        self.latencies: list[float] = []
        self.answers = self.errors = 0

    def send(self) -> int:
        """Begins a request; the events to wait for."""
        self._unsent = memoryview(self._payload)
        self.waiting = True
        self.sent = time.perf_counter()
        return self.go_on()

    def go_on(self) -> int:
        """Sends what the kernel takes now; the events to wait for."""
        with suppress(BlockingIOError):
            self._unsent = self._unsent[self.socket.send(self._unsent) :]
        return selectors.EVENT_READ | (selectors.EVENT_WRITE if self._unsent else 0)

    def receive(self) -> bool:
        """True once the answer is complete. Raises `OSError` or `BadAnswer` on a broken one."""
        data = self.socket.recv(READ)
        if not data:
            raise ConnectionResetError
        for status in self._answers.feed(data):
            now = time.perf_counter()
            self.waiting = False
            self.answers += 1
            if status != 200:
                self.errors += 1
            elif not self.first:  # warming up: the clock of this client starts here
                self.first = now
            else:
                self.latencies.append(now - self.sent)
                self.last = now
        return not self.waiting

    def rate(self) -> float:
        return len(self.latencies) / (self.last - self.first) if self.latencies else 0.0


class Load:
    """`clients` connections that keep `payload` going for a while."""

    def __init__(self, address: tuple[str, int], payload: bytes, clients: int) -> None:
        self._address, self._payload, self._count = address, payload, clients
        self._broken = 0

    def run(self, seconds: float, server_cpu: Callable[[], float | None] = no_cpu) -> Sample:
        """Runs for `seconds`, longer for a slow server until each client had `CYCLES` answers.

        The first answer of each client is not counted; the rate is the sum of the clients' own,
        each over whole cycles, so answers that come in clumps do not matter. What is still on its
        way at the end is waited for: the next measurement finds an idle server, and CPU time
        belongs to requests that are complete.
        """
        self._broken = 0
        with selectors.DefaultSelector() as selector, self._connected(selector) as clients:
            own, theirs = time.process_time(), server_cpu()
            begun = time.perf_counter()
            self._until(selector, clients, begun + seconds)
            rate = sum(c.rate() for c in clients)
            latencies = [latency for c in clients for latency in c.latencies]
            self._drain(selector, clients)
            wall, own = time.perf_counter() - begun, time.process_time() - own
            spent = server_cpu()
        answered = sum(c.answers for c in clients)
        return Sample(
            rate=rate,
            p50=percentile(latencies, 0.5),
            p99=percentile(latencies, 0.99),
            cpu=per_answer(theirs, spent, answered),
            count=len(latencies),
            errors=self._broken + sum(c.errors for c in clients),
            client_cpu=per_answer(0.0, own, answered),
            client_share=own / wall,
        )

    @contextmanager
    def _connected(self, selector: selectors.BaseSelector) -> Iterator[list[Client]]:
        clients: list[Client] = []
        try:
            for _ in range(self._count):
                clients.append(Client(self._address, self._payload))
                selector.register(clients[-1].socket, clients[-1].send(), clients[-1])
            yield clients
        finally:
            for client in clients:
                client.socket.close()

    def _until(self, selector: selectors.BaseSelector, clients: list[Client], end: float) -> None:
        answered = time.perf_counter()
        while (now := time.perf_counter()) < end or self._unfinished(clients):
            if not any(c.waiting for c in clients) or now > answered + STALLED:
                return
            for client in self._complete(selector, 0.5):
                answered = now
                selector.modify(client.socket, client.send(), client)

    def _unfinished(self, clients: list[Client]) -> bool:
        return any(c.waiting and len(c.latencies) + c.errors < CYCLES for c in clients)

    def _drain(self, selector: selectors.BaseSelector, clients: list[Client]) -> None:
        end = time.perf_counter() + STALLED
        while any(c.waiting for c in clients) and time.perf_counter() < end:
            self._complete(selector, 0.5)

    def _complete(self, selector: selectors.BaseSelector, seconds: float) -> list[Client]:
        """Moves bytes for at most so long; the clients whose answer is complete."""
        complete = []
        for key, events in selector.select(seconds):
            client: Client = key.data
            try:
                if events & selectors.EVENT_WRITE:
                    selector.modify(client.socket, client.go_on(), client)
                if events & selectors.EVENT_READ and client.receive():
                    complete.append(client)
            except (OSError, BadAnswer, ValueError):
                self._broken += 1
                client.waiting = False
                selector.unregister(client.socket)
        return complete
