"""A load generator that costs next to nothing: it shares the cores with what it measures.

Keep-alive clients in a closed loop: each sends the same bytes again as soon as its answer is
complete. One thread, one selector, no parsing beyond the status line and Content-Length.
"""

import selectors
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from bench.http import Answers, BadAnswer
from bench.samples import Sample, percentile

READ = 1 << 16
CYCLES = 10  # answers that each client must have had, however slow the model is
STALLED = 60.0  # seconds without any answer after which a client gives up


def no_cpu() -> None:
    """Where the server's CPU time cannot be known."""


def per_answer(before: float | None, after: float | None, answers: int) -> float | None:
    return None if before is None or after is None or not answers else (after - before) / answers


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
            if self._turn(selector, again=True):
                answered = now

    def _unfinished(self, clients: list[Client]) -> bool:
        return any(c.waiting and len(c.latencies) + c.errors < CYCLES for c in clients)

    def _drain(self, selector: selectors.BaseSelector, clients: list[Client]) -> None:
        end = time.perf_counter() + STALLED
        while any(c.waiting for c in clients) and time.perf_counter() < end:
            self._turn(selector, again=False)

    def _turn(self, selector: selectors.BaseSelector, *, again: bool) -> int:
        """Moves what bytes can be moved; how many answers are complete."""
        complete = 0
        for key, events in selector.select(0.5):
            client: Client = key.data
            try:
                if events & selectors.EVENT_WRITE:
                    selector.modify(client.socket, client.go_on(), client)
                if events & selectors.EVENT_READ and client.receive():
                    complete += 1
                    if again:
                        selector.modify(client.socket, client.send(), client)
            except (OSError, BadAnswer):
                self._broken += 1
                client.waiting = False
                selector.unregister(client.socket)
        return complete
