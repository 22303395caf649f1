"""A second opinion on the server scenario, which shares no code with it.

Requests arrive at random (exponential gaps) whether or not earlier ones are answered, and latency
counts from the moment each was due: Schroeder, Wierman and Harchol-Balter, "Open versus closed: a
cautionary tale", NSDI 2006.
"""

import asyncio
import itertools
import random
from collections.abc import Sequence

Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class OpenLoop:
    """Clients of one address that come at random; each answer must be a 200."""

    def __init__(self, host: str, port: int, payloads: Sequence[bytes], seed: int = 1) -> None:
        self.failures = 0
        self._host, self._port, self._payloads = host, port, itertools.cycle(payloads)
        self._random = random.Random(seed)
        self._idle: list[Connection] = []

    async def run(self, rate: float, seconds: float) -> list[float]:
        """Latencies in seconds of those that succeeded; `rate` requests a second on average."""
        clock = asyncio.get_running_loop().time
        begun = due = clock()
        requests: list[asyncio.Task[float | None]] = []
        while (due := due + self._random.expovariate(rate)) < begun + seconds:
            await asyncio.sleep(max(0.0, due - clock()))
            requests.append(asyncio.create_task(self._request(due)))
        found = await asyncio.gather(*requests)
        for _, writer in self._idle:
            writer.close()
        self._idle.clear()
        return [latency for latency in found if latency is not None]

    async def _request(self, due: float) -> float | None:
        try:
            await self._exchange()
        except (OSError, ValueError, asyncio.IncompleteReadError):
            self.failures += 1
            return None
        return asyncio.get_running_loop().time() - due

    async def _exchange(self) -> None:
        reader, writer = await self._connection()
        try:
            writer.write(next(self._payloads))
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            length = head.partition(b"\r\ncontent-length:")[2].partition(b"\r\n")[0]
            await reader.readexactly(int(length))
        except BaseException:
            writer.close()
            raise
        self._idle.append((reader, writer))
        if not head.startswith(b"http/1.1 200"):
            raise ValueError("no 200")

    async def _connection(self) -> Connection:
        while self._idle:
            reader, writer = self._idle.pop()
            if not reader.at_eof():
                return reader, writer
            writer.close()
        return await asyncio.open_connection(self._host, self._port)
