"""The second client: arrivals are random at the rate that was asked for, and nobody waits."""

import asyncio
import random
import threading
from typing import Any

import pytest

from bench.http import request
from bench.openloop import OpenLoop

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}"
BUSY = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n"


def client(server: Any, seed: int = 1) -> OpenLoop:
    host, port = server.server_address
    return OpenLoop(host, port, [request("here", "/", b"photo")], seed)


def arrivals(rate: float, seconds: float, seed: int) -> int:
    """How many exponential gaps fit, counted here."""
    numbers, due, count = random.Random(seed), 0.0, 0
    while (due := due + numbers.expovariate(rate)) < seconds:
        count += 1
    return count


def test_as_many_requests_as_the_poisson_process_has_arrivals(script: Any) -> None:
    with script(lambda _: OK) as server:
        loop = client(server, seed=7)
        took = asyncio.run(loop.run(200.0, 0.5))
        assert len(server.requests) == len(took)
    assert loop.failures == 0
    assert len(took) == arrivals(200.0, 0.5, 7)
    assert 60 < len(took) < 140  # 100 on average; 4 standard deviations
    assert min(took) > 0


def test_a_server_that_holds_one_request_gets_the_next_ones(script: Any) -> None:
    """Open loop: the first answer comes only after three more requests have come."""
    waiting: list[int] = []
    enough = threading.Event()

    def answer(_number: int) -> bytes:
        waiting.append(1)
        if len(waiting) == 4:
            enough.set()
        return OK if enough.wait(10) else BUSY

    with script(answer) as server:
        took = asyncio.run(client(server).run(100.0, 0.2))
    assert len(took) == len(waiting) >= 4


@pytest.mark.parametrize("broken", [BUSY, b"", b"HTTP/1.1 200 OK\r\n\r\n"])
def test_what_is_no_200_is_a_failure_and_has_no_latency(broken: bytes, script: Any) -> None:
    with script(lambda _: broken) as server:
        loop = client(server)
        took = asyncio.run(loop.run(50.0, 0.2))
    assert took == []
    assert loop.failures > 0


def test_without_a_server_every_request_fails() -> None:
    from bench.server import free_port

    loop = OpenLoop("127.0.0.1", free_port(), [b"GET / HTTP/1.1\r\n\r\n"])
    assert asyncio.run(loop.run(50.0, 0.2)) == []
    assert loop.failures > 0
