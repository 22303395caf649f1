"""HTTP as uvicorn speaks it, but head and body of an answer leave in one packet.

Two calls of the system less for each answer (one here, one at the client), and the client wakes
once.
"""

import asyncio
from typing import Any, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol


class Pairing:
    """A transport whose writes leave in pairs; one without a second leaves with this turn's end."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._loop = asyncio.get_running_loop()
        self._first = b""

    def write(self, data: bytes) -> None:
        if self._first:
            self._transport.write(self._first + data)
            self._first = b""
        else:
            self._first = data
            self._loop.call_soon(self._flush)

    def _flush(self) -> None:
        if self._first:
            self._transport.write(self._first)
            self._first = b""

    def close(self) -> None:
        self._flush()
        self._transport.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)


class Protocol(HttpToolsProtocol):
    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(cast("asyncio.Transport", Pairing(transport)))
