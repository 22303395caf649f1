"""A published file is fetched once, whole and proven; what broke off is continued next time.

Bytes go to `<file>.part`, which becomes `<file>` only when its hash is right.
"""

import hashlib
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
from filelock import FileLock
from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

from models.published import Published
from models.weights.files import WeightsError

CACHE = "CONVOY_CACHE"  # environment variable: the directory where fetched files are kept
TIMEOUT = httpx2.Timeout(30.0, connect=10.0)  # seconds without a byte, not for the whole file
ATTEMPTS = 5  # each goes on where the one before broke off


class DownloadError(WeightsError):
    """The file could not be fetched; the message says how to bring it by hand."""


def cache_directory() -> Path:
    return Path(os.environ.get(CACHE) or Path.home() / ".cache" / "convoy")


def fetch(row: Published, cache: Path, console: Console) -> Path:
    """The file of that row in `cache`, downloaded unless it is there; raises `DownloadError`."""
    file = cache / row.filename
    try:
        cache.mkdir(parents=True, exist_ok=True)
        with FileLock(file.with_name(file.name + ".lock")):  # of two that want it one fetches it
            return _fetch(row, file, console)
    except (httpx2.HTTPError, OSError) as error:
        raise DownloadError(
            f"{row.filename} could not be fetched from {row.url}: {_first_line(error)}. "
            f"Without a network, bring that file here yourself: {file} ({CACHE} names another "
            "directory); or give a file of your own with --weights FILE"
        ) from error


def _fetch(row: Published, file: Path, console: Console) -> Path:
    if file.exists():
        if sha256(file).startswith(row.sha256):
            return file
        file.unlink()
        _say(console, f"{file} was damaged (its hash is wrong): deleted, fetching it again")
    part = file.with_name(file.name + ".part")
    stated = _download(row.url, part, console)
    _prove(row, part, row.sha256 or stated, console)
    return part.replace(file)


def sha256(file: Path) -> str:
    with file.open("rb") as data:
        return hashlib.file_digest(data, "sha256").hexdigest()


def _prove(row: Published, part: Path, expected: str, console: Console) -> None:
    found = sha256(part)
    if not found.startswith(expected):
        part.unlink()
        raise DownloadError(
            f"{row.filename} arrived damaged and was deleted: its sha256 is {found} and must begin "
            f"with {expected}. Try again; if that does not help, the file at {row.url} has changed"
        )
    if not expected:
        _say(console, f"{row.filename}: nobody states a hash to check it by; its sha256 is {found}")


def _download(url: str, part: Path, console: Console) -> str:
    """Brings `part` to its full length; the sha256 that the server states, or nothing."""
    for _ in range(ATTEMPTS - 1):
        before = _size(part)
        try:
            return _attempt(url, part, console)
        except httpx2.TransportError as error:
            if _size(part) <= before:
                raise
            _say(console, f"broke off ({_first_line(error)}): going on after {_mb(_size(part))}")
    return _attempt(url, part, console)


def _attempt(url: str, part: Path, console: Console) -> str:
    done = _size(part)
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={done}-"} if done else {})
    with httpx2.stream(
        "GET", url, headers=headers, timeout=TIMEOUT, follow_redirects=True
    ) as response:
        if done and response.status_code == httpx2.codes.RANGE_NOT_SATISFIABLE:
            if response.headers.get("content-range") == f"bytes */{done}":
                return _stated_hash(response)  # it was whole already
            part.unlink()
            return _attempt(url, part, console)
        response.raise_for_status()
        if response.status_code != httpx2.codes.PARTIAL_CONTENT:
            done = 0  # this server sends everything again
        length = response.headers.get("content-length")
        total = done + int(length) if length else None
        with (
            part.open("ab" if done else "wb") as out,
            _shown(console, part.stem, done, total) as advance,
        ):
            for chunk in response.iter_raw():
                out.write(chunk)
                advance(len(chunk))
        return _stated_hash(response)


def _stated_hash(response: httpx2.Response) -> str:
    """The sha256 among the headers, also of the answers that led here by redirection."""
    for header in ("x-linked-etag", "etag"):
        for answer in (*response.history, response):
            if found := re.fullmatch(r'"?([0-9a-f]{64})"?', answer.headers.get(header, "")):
                return found[1]
    return ""


@contextmanager
def _shown(
    console: Console, name: str, done: int, total: int | None
) -> Iterator[Callable[[int], None]]:
    """Shows a bar on a terminal, elsewhere a line every tenth of the file."""
    if console.is_terminal:
        columns = (BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
        with Progress(TextColumn(name), *columns, console=console) as bar:
            task = bar.add_task(name, completed=done, total=total)
            yield lambda n: bar.advance(task, n)
        return

    def advance(n: int) -> None:
        nonlocal done
        tenths = 10 * done // total if total else 0
        done += n
        if total and 10 * done // total > tenths:
            _say(console, f"{name}: {100 * done // total} %")

    _say(console, f"fetching {name}, {_mb(total) if total else 'of unknown size'}")
    yield advance


def _say(console: Console, line: str) -> None:
    console.print(line, markup=False, highlight=False, soft_wrap=True)


def _size(file: Path) -> int:
    return file.stat().st_size if file.exists() else 0


def _mb(size: int) -> str:
    return f"{size / 1e6:.1f} MB"


def _first_line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), "") or type(error).__name__
