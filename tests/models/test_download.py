"""A published file is fetched once, whole and proven, from a server of every temper."""

import hashlib
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import StringIO
from pathlib import Path

import httpx2
import pytest
from rich.console import Console

from models.published import IMAGENET, Published
from models.weights import download
from models.weights.download import DownloadError, cache_directory, fetch

CONTENT = bytes(range(256)) * 40  # 10,240 bytes
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@dataclass
class Server:
    """What the server shall do, and the `Range` headers of the requests it saw."""

    url: str = ""
    breaks_after: int | None = None  # bytes of the body, then the connection is closed
    stalls: bool = False  # ... or held open, silent
    knows_ranges: bool = True
    headers: dict[str, str] = field(default_factory=dict)
    redirect: dict[str, str] = field(default_factory=dict)  # headers of the way to /file.pth
    ranges: list[str | None] = field(default_factory=list)
    released: threading.Event = field(default_factory=threading.Event)


class Handler(BaseHTTPRequestHandler):
    told: Server

    def do_GET(self) -> None:
        wanted = self.headers["Range"]
        self.told.ranges.append(wanted)
        if self.path == "/moved.pth":
            self.answer(302, {"Location": "/file.pth"} | self.told.redirect)
        elif self.path != "/file.pth":
            self.answer(404, {"Content-Length": "0"})
        elif not wanted or not self.told.knows_ranges:
            self.answer(200, {"Content-Length": str(len(CONTENT))}, CONTENT)
        else:
            self.part(int(wanted.removeprefix("bytes=").removesuffix("-")))

    def part(self, start: int) -> None:
        if start >= len(CONTENT):
            self.answer(416, {"Content-Range": f"bytes */{len(CONTENT)}"})
            return
        span = f"bytes {start}-{len(CONTENT) - 1}/{len(CONTENT)}"
        length = {"Content-Length": str(len(CONTENT) - start)}
        self.answer(206, {"Content-Range": span} | length, CONTENT[start:])

    def answer(self, status: int, headers: dict[str, str], body: bytes = b"") -> None:
        self.send_response(status)
        for name, value in (headers | self.told.headers).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body[: self.told.breaks_after])
        if body and self.told.stalls:
            self.wfile.flush()
            self.told.released.wait(10)

    def log_message(self, *_: object) -> None:
        """Not into the test's output."""


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    told = Server()
    here = type("Here", (Handler,), {"told": told})
    with ThreadingHTTPServer(("127.0.0.1", 0), here) as listening:
        told.url = f"http://127.0.0.1:{listening.server_port}"
        thread = threading.Thread(target=listening.serve_forever, args=(0.01,))
        thread.start()
        yield told
        told.released.set()
        listening.shutdown()
        thread.join()


def row(server: Server, path: str = "/file.pth", sha256: str = SHA256[:8]) -> Published:
    return Published("tiny", server.url + path, sha256, IMAGENET, 50.0, 80.0, file="tiny.pth")


def quiet() -> Console:
    return Console(file=StringIO(), width=60)


def printed(console: Console) -> str:
    assert isinstance(console.file, StringIO)
    return console.file.getvalue()


def test_a_file_is_fetched_once_and_kept(server: Server, tmp_path: Path) -> None:
    cache = tmp_path / "made" / "here"

    assert fetch(row(server), cache, quiet()) == cache / "tiny.pth"
    assert fetch(row(server), cache, quiet()).read_bytes() == CONTENT
    assert server.ranges == [None]
    assert [f.name for f in cache.iterdir() if f.suffix != ".lock"] == ["tiny.pth"]


def test_two_that_want_it_at_once_fetch_it_once(server: Server, tmp_path: Path) -> None:
    with ThreadPoolExecutor(2) as pool:
        both = [pool.submit(fetch, row(server), tmp_path, quiet()) for _ in range(2)]
        assert [one.result(30).read_bytes() for one in both] == [CONTENT, CONTENT]
    assert server.ranges == [None]


def test_what_breaks_off_goes_on_where_it_was(server: Server, tmp_path: Path) -> None:
    server.breaks_after = 6000
    console = quiet()

    assert fetch(row(server), tmp_path, console).read_bytes() == CONTENT
    assert server.ranges == [None, "bytes=6000-"]
    assert "going on after 0.0 MB" in printed(console)


def test_the_next_command_goes_on_too(server: Server, tmp_path: Path) -> None:
    server.breaks_after = 1000
    with pytest.raises(DownloadError, match="could not be fetched"):
        fetch(row(server), tmp_path, quiet())
    assert (tmp_path / "tiny.pth.part").stat().st_size == download.ATTEMPTS * 1000
    assert not (tmp_path / "tiny.pth").exists()

    server.breaks_after = None
    fetch(row(server), tmp_path, quiet())

    assert server.ranges[-1] == "bytes=5000-"
    assert (tmp_path / "tiny.pth").read_bytes() == CONTENT


def test_a_server_that_gives_nothing_is_not_asked_again(server: Server, tmp_path: Path) -> None:
    server.breaks_after = 0
    with pytest.raises(DownloadError):
        fetch(row(server), tmp_path, quiet())

    assert server.ranges == [None]


def test_a_silent_server_is_given_up(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(download, "TIMEOUT", httpx2.Timeout(0.2))
    server.breaks_after, server.stalls = 0, True

    with pytest.raises(DownloadError, match="timed out"):
        fetch(row(server), tmp_path, quiet())


def test_a_server_without_ranges_sends_all_again(server: Server, tmp_path: Path) -> None:
    server.knows_ranges = False
    (tmp_path / "tiny.pth.part").write_bytes(CONTENT[:77])

    assert fetch(row(server), tmp_path, quiet()).read_bytes() == CONTENT
    assert server.ranges == ["bytes=77-"]


def test_a_part_that_was_whole_is_only_checked(server: Server, tmp_path: Path) -> None:
    (tmp_path / "tiny.pth.part").write_bytes(CONTENT)

    assert fetch(row(server), tmp_path, quiet()).read_bytes() == CONTENT
    assert server.ranges == [f"bytes={len(CONTENT)}-"]


def test_a_part_longer_than_the_file_is_thrown_away(server: Server, tmp_path: Path) -> None:
    (tmp_path / "tiny.pth.part").write_bytes(CONTENT + b"?")

    assert fetch(row(server), tmp_path, quiet()).read_bytes() == CONTENT
    assert server.ranges == [f"bytes={len(CONTENT) + 1}-", None]


def test_a_wrong_hash_leaves_nothing_behind(server: Server, tmp_path: Path) -> None:
    with pytest.raises(DownloadError, match=rf"deleted: its sha256 is {SHA256} and must begin .*0"):
        fetch(row(server, sha256="00000000"), tmp_path, quiet())

    assert [f for f in tmp_path.iterdir() if f.suffix != ".lock"] == []


def test_a_damaged_file_in_the_cache_is_replaced_and_said(server: Server, tmp_path: Path) -> None:
    (tmp_path / "tiny.pth").write_bytes(CONTENT[:-1] + b"?")
    console = quiet()

    assert fetch(row(server), tmp_path, console).read_bytes() == CONTENT
    assert f"{tmp_path / 'tiny.pth'} was damaged (its hash is wrong): deleted" in printed(console)


def test_without_a_published_hash_the_servers_is_used(server: Server, tmp_path: Path) -> None:
    server.redirect = {"X-Linked-ETag": f'"{SHA256}"'}
    console = quiet()
    fetch(row(server, "/moved.pth", sha256=""), tmp_path / "right", console)
    assert "nobody states a hash" not in printed(console)

    server.redirect = {"X-Linked-ETag": f'"{"0" * 64}"'}
    with pytest.raises(DownloadError, match="arrived damaged"):
        fetch(row(server, "/moved.pth", sha256=""), tmp_path / "wrong", console)


def test_without_any_hash_it_says_so(server: Server, tmp_path: Path) -> None:
    server.headers = {"ETag": '"5d41402abc4b2a76b9719d911017c592"'}  # an MD5 sum proves nothing
    console = quiet()
    fetch(row(server, sha256=""), tmp_path, console)

    assert f"nobody states a hash to check it by; its sha256 is {SHA256}" in printed(console)


def test_a_file_that_is_not_there(server: Server, tmp_path: Path) -> None:
    with pytest.raises(DownloadError, match=r"'404 Not Found'.*--weights FILE$"):
        fetch(row(server, "/gone.pth"), tmp_path, quiet())


def test_offline_one_plain_sentence_says_which_file_to_put_where(tmp_path: Path) -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as closed:
        nobody = Server(url=f"http://127.0.0.1:{closed.server_port}")

    with pytest.raises(DownloadError) as error:
        fetch(row(nobody), tmp_path, quiet())

    what, how = str(error.value).split(". Without a network, ")
    assert what.startswith(f"tiny.pth could not be fetched from {nobody.url}/file.pth: [Errno ")
    assert how == (
        f"bring that file here yourself: {tmp_path / 'tiny.pth'} (CONVOY_CACHE names another "
        "directory); or give a file of your own with --weights FILE"
    )


def test_a_cache_that_cannot_be_written_is_the_same_plain_error(
    server: Server, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(DownloadError, match="CONVOY_CACHE"):
        fetch(row(server), tmp_path / "file", quiet())


def test_plain_lines_where_there_is_no_terminal(server: Server, tmp_path: Path) -> None:
    console = quiet()
    fetch(row(server), tmp_path, console)

    lines = printed(console).splitlines()
    assert lines[0] == "fetching tiny.pth, 0.0 MB"
    assert lines[-1] == "tiny.pth: 100 %"
    assert len(lines) <= 11


def test_a_bar_on_a_terminal(server: Server, tmp_path: Path) -> None:
    console = Console(file=StringIO(), force_terminal=True, width=100)
    fetch(row(server), tmp_path, console)

    assert "━" in printed(console)
    assert "10.2/10.2 kB" in printed(console)


def test_the_cache_is_where_the_variable_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CONVOY_CACHE", raising=False)
    monkeypatch.setenv("HOME", "/home/anna")
    assert cache_directory() == Path("/home/anna/.cache/convoy")

    monkeypatch.setenv("CONVOY_CACHE", "/data/weights")
    assert cache_directory() == Path("/data/weights")
