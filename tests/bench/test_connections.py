"""The connections stay open, lose nobody, and know their own delay from the server's."""

import threading
from typing import Any

from bench.connections import Connections
from bench.http import request

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}"
BUSY = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n"


def ask(address: Any, tickets: list[int], count: int = 1) -> tuple[Connections, list[int]]:
    done: list[int] = []
    connections = Connections(address, [request("here", "/", b"x" * 100_000)], done.append, count)
    for ticket in tickets:
        connections.send(ticket, 0)
    connections.close()
    return connections, done


def test_every_ticket_comes_back_once(script: Any) -> None:
    with script(lambda _: OK) as server:
        connections, done = ask(server.server_address, list(range(50)), count=7)
        assert len(server.requests) == 50
    assert sorted(done) == list(range(50))
    assert connections.failures == []
    assert len(connections.lags) == 50
    assert min(connections.lags) >= 0


def test_one_request_after_the_other_uses_one_connection(script: Any) -> None:
    """The scripted server counts the requests of each connection."""
    numbers: list[int] = []

    def answer(number: int) -> bytes:
        numbers.append(number)
        return OK

    with script(answer) as server:
        ask(server.server_address, list(range(5)))
    assert numbers == [0, 1, 2, 3, 4]


def test_a_refusal_is_a_failure_and_the_ticket_comes_back(script: Any) -> None:
    with script(lambda number: BUSY if number == 1 else OK) as server:
        connections, done = ask(server.server_address, [10, 11, 12])
    assert done == [10, 11, 12]
    assert connections.failures == ["answered 503"]


def test_a_server_that_hangs_up_is_a_failure_and_the_next_connects_anew(script: Any) -> None:
    with script(lambda number: b"" if number == 1 else OK) as server:
        connections, done = ask(server.server_address, [10, 11, 12])
    assert done == [10, 11, 12]
    assert connections.failures == ["the server hung up before it answered"]


def test_an_idle_connection_that_was_closed_is_replaced_without_a_failure(script: Any) -> None:
    """The close is seen before the next request: the server ends with its first answer."""
    answered = threading.Event()
    done: list[int] = []

    def note(ticket: int) -> None:
        done.append(ticket)
        answered.set()

    with script(lambda _: OK) as first:
        host, port = first.server_address
        connections = Connections((host, port), [request("here", "/", b"x")], note, 1)
        connections.send(1, 0)
        assert answered.wait(10)
    connections._idle[0].shutdown(2)  # as if the server had closed it: there is an end to read
    with script(lambda _: OK) as second:
        connections._address = second.server_address
        connections.send(2, 0)
        connections.close()
    assert done == [1, 2]
    assert connections.failures == []


def test_waiting_for_a_busy_server_is_not_the_generators_delay(script: Any) -> None:
    """One connection: the second request waits until the first is answered, and no more."""
    held = threading.Event()
    done: list[int] = []
    with script(lambda number: OK if number or held.wait(10) else b"") as server:
        address = server.server_address
        connections = Connections(address, [request("here", "/", b"x")], done.append, 1)
        connections.send(1, 0)
        connections.send(2, 0)
        threading.Timer(0.3, held.set).start()
        connections.close()
    assert done == [1, 2]
    assert connections.lags[1] < 0.3


def test_nobody_there_fails_every_request() -> None:
    from bench.server import free_port

    connections, done = ask(("127.0.0.1", free_port()), [1, 2])
    assert done == [1, 2]
    assert len(connections.failures) == 2
