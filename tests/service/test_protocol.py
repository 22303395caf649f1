"""Head and body of an answer leave together, and nothing waits longer than the loop's turn."""

import asyncio
import json
from typing import Any, cast

import pytest

from service.__main__ import Server
from service.app import create_app
from service.protocol import Pairing
from service.settings import Settings


class Recorder(asyncio.Transport):
    def __init__(self) -> None:
        super().__init__(extra={"peername": ("127.0.0.1", 5)})
        self.log: list[Any] = []

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.log.append(bytes(data))

    def close(self) -> None:
        self.log.append("closed")

    def is_closing(self) -> bool:
        return "closed" in self.log


def log_of(*steps: str | bytes | None) -> list[Any]:
    """What reaches the transport: bytes are written, None ends the loop's turn."""

    async def play() -> list[Any]:
        inner = Recorder()
        pairing = Pairing(inner)
        for step in steps:
            if step is None:
                await asyncio.sleep(0)
            elif isinstance(step, str):
                getattr(pairing, step)()
            else:
                pairing.write(step)
        return inner.log

    return asyncio.run(play())


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ((b"head", b"body"), [b"headbody"]),
        ((b"head", b"body", None), [b"headbody"]),
        ((b"head", None), [b"head"]),
        ((b"head", None, b"body", None), [b"head", b"body"]),
        ((b"head", b"one", b"two", b"three"), [b"headone", b"twothree"]),
        ((b"head", b"one", b"two", None), [b"headone", b"two"]),
        ((b"head", b"body", b"head", b"body"), [b"headbody", b"headbody"]),
        ((b"head", "close"), [b"head", "closed"]),
        ((b"head", b"body", "close", None), [b"headbody", "closed"]),
        ((b"head", b""), [b"head"]),
        ((b"", b"body", None), [b"body"]),
    ],
)
def test_writes_leave_in_pairs_and_in_order(
    steps: tuple[str | bytes | None, ...], expected: list[Any]
) -> None:
    assert log_of(*steps) == expected


def test_an_answer_of_the_service_is_one_packet(settings: Settings) -> None:
    async def ask() -> list[Any]:
        server, inner = Server(create_app(settings), settings), Recorder()
        server.config.load()
        kind: Any = server.config.http_protocol_class
        protocol = kind(config=server.config, server_state=server.server_state, app_state={})
        protocol.connection_made(inner)
        protocol.data_received(b"GET /nothing HTTP/1.0\r\nHost: x\r\n\r\n")
        await asyncio.wait_for(asyncio.gather(*server.server_state.tasks), 20)
        return inner.log

    answer, *rest = asyncio.run(ask())
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 404 ")
    assert json.loads(body)["status"] == 404
    assert set(rest) == {"closed"}


def test_all_else_is_the_transports() -> None:
    async def ask() -> None:
        inner = Recorder()
        pairing = cast("asyncio.Transport", Pairing(inner))
        assert pairing.get_extra_info("peername") == ("127.0.0.1", 5)
        assert not pairing.is_closing()
        pairing.close()
        assert pairing.is_closing()

    asyncio.run(ask())
