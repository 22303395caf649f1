"""The little of HTTP/1.1 that a load generator needs: a request's bytes, an answer's status."""

from collections.abc import Iterator


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
    digits = rest.partition(b"\r\n")[0].strip()
    if not digits.isdigit():
        raise BadAnswer(f"Content-Length is {digits!r}")
    return int(digits)


def _status(head: bytes) -> int:
    parts = head.split(maxsplit=2)
    if not parts[0].startswith(b"http/1.") or len(parts) < 2 or not parts[1].isdigit():
        raise BadAnswer(f"not HTTP: {head[:40]!r}")
    return int(parts[1])
