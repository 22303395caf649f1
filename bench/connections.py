"""Connections of a generator that does not wait: each request goes out when it is due.

As many threads as connections, so that any number of requests up to that is under way at once. A
connection stays open, and the one used last is used next: a server closes those that stay idle.
"""

import queue
import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bench.http import Answers, BadAnswer

CONNECTIONS = 128  # half of what the service lets wait: the generator never causes a 429
READ = 1 << 16
TIMEOUT_S = 60.0


@dataclass(frozen=True, slots=True)
class Job:
    number: int
    ticket: int  # what `done` wants to hear
    payload: bytes
    issued: float  # perf_counter seconds


class Connections:
    """Sends `payloads`, told by their index, and calls `done` with the ticket after each answer.

    `lags`: for each request in the order of `send`, the seconds from `send` until its bytes began
    to go out, without the time for which all connections were busy: what the generator itself is to
    blame for. `failures`: why requests failed; `done` is called for those too.
    """

    def __init__(
        self,
        address: tuple[str, int],
        payloads: Sequence[bytes],
        done: Callable[[int], None],
        count: int = CONNECTIONS,
    ) -> None:
        self.lags: list[float] = []
        self.failures: list[str] = []
        self._address, self._payloads, self._done = address, payloads, done
        self._jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._idle: deque[socket.socket] = deque()
        self._threads = [threading.Thread(target=self._work, daemon=True) for _ in range(count)]
        for thread in self._threads:
            thread.start()

    def send(self, ticket: int, index: int) -> None:
        """Returns at once. To be called by one thread."""
        number = len(self.lags)
        self.lags.append(0.0)
        self._jobs.put(Job(number, ticket, self._payloads[index], time.perf_counter()))

    def close(self) -> None:
        """Returns when all that was sent is answered."""
        for _ in self._threads:
            self._jobs.put(None)
        for thread in self._threads:
            thread.join()
        while self._idle:
            self._idle.pop().close()

    def _work(self) -> None:
        free = time.perf_counter()
        while (job := self._jobs.get()) is not None:
            self.lags[job.number] = time.perf_counter() - max(job.issued, free)
            try:
                self._ask(job.payload)
            except (OSError, BadAnswer) as error:
                self.failures.append(str(error) or type(error).__name__)
            self._done(job.ticket)
            free = time.perf_counter()

    def _ask(self, payload: bytes) -> None:
        """One request. Raises `OSError` or `BadAnswer`; then the connection is not used again."""
        connection = self._connection()
        try:
            connection.sendall(payload)
            status = _status(connection)
        except (OSError, BadAnswer):
            connection.close()
            raise
        self._idle.append(connection)
        if status != 200:
            raise BadAnswer(f"answered {status}")

    def _connection(self) -> socket.socket:
        while self._idle:
            try:
                connection = self._idle.pop()
            except IndexError:  # another thread was quicker
                break
            if not _closed(connection):
                return connection
            connection.close()
        connection = socket.create_connection(self._address, TIMEOUT_S)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection


def _closed(connection: socket.socket) -> bool:
    """Whether the server hung up: then there is an end of file to read, and otherwise nothing."""
    connection.setblocking(False)
    try:
        connection.recv(1, socket.MSG_PEEK)
    except BlockingIOError:
        return False
    except OSError:
        return True
    else:
        return True
    finally:
        connection.settimeout(TIMEOUT_S)


def _status(connection: socket.socket) -> int:
    answers = Answers()
    while data := connection.recv(READ):
        for status in answers.feed(data):
            return status
    raise ConnectionResetError("the server hung up before it answered")
