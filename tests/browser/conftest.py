"""The real service as a process and one real browser, in which every page is watched."""

import hashlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import urlsplit

import httpx2
import pytest
from playwright.sync_api import Browser, Page, Request, sync_playwright

from models.card import ModelCard, Preprocessing, Weights
from models.catalog import architecture
from models.layers import describe
from models.table import LAYERS

ROOT = Path(__file__).parents[2]
CAT = ROOT / "service" / "page" / "examples" / "cat.jpg"
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
GREY = Preprocessing(1, 32, 32, "bilinear", (0.5,), (0.25,))
COLOUR = Preprocessing(3, 224, 224, "bilinear", (0.5,) * 3, (0.25,) * 3)
DIGITS = tuple("0123456789")
THINGS = tuple(f"thing {i}" for i in range(20))

Serving = Callable[..., AbstractContextManager[str]]


def card(name: str, seen: Preprocessing, labels: tuple[str, ...], data: str | None) -> ModelCard:
    """A network that the null engine can play; trained if it has `data`."""
    weights = Weights("v1", "shipped", "ab" * 32, trained=data is not None, trained_on=data)
    metrics = {"top1": 0.953} if data else {}
    return ModelCard(
        name, 1, name, seen, labels, weights, metrics, {}, "2026-11-21T00:00:00+00:00", None
    )


def table_of(made: ModelCard) -> bytes:
    size = made.preprocessing.size
    table = describe(architecture(made.architecture), len(made.labels), size)
    return table.as_json().encode()


@pytest.fixture(scope="package")
def serving(tmp_path_factory: pytest.TempPathFactory) -> Serving:
    """`serving(port=0, **environment)`: the service, in a block.

    Two trained networks with their layer tables, and one untrained without.
    """
    artifacts = tmp_path_factory.mktemp("artifacts")
    for made in (
        card("lenet5_plain", GREY, DIGITS, "handwritten digits"),
        card(
            "squeezenet1_1",
            COLOUR,
            DIGITS,
            "1438 digits in new scenes every epoch, slanted, over photographs",
        ),
        card("resnet50", COLOUR, THINGS, None),
    ):
        directory = artifacts / made.name / "1"
        directory.mkdir(parents=True)
        if made.weights.trained:
            table = table_of(made)
            (directory / LAYERS).write_bytes(table)
            made = replace(made, layers=hashlib.sha256(table).hexdigest())  # noqa: PLW2901
        made.write(directory / "card.json")

    @contextmanager
    def started(port: int = 0, **environment: str) -> Iterator[str]:
        port = port or free_port()
        process = subprocess.Popen(
            [sys.executable, "-m", "service", "--engine", "null", "--port", str(port)],
            cwd=ROOT,
            env=os.environ
            | {"CONVOY_ARTIFACTS": str(artifacts), "CONVOY_LANES": "1"}
            | environment,
        )
        address = f"http://127.0.0.1:{port}"
        try:
            wait_until_ready(address, process)
            yield address
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=30)

    return started


def ask(address: str, name: str) -> None:
    """One prediction by another client than the page."""
    headers = {"Content-Type": "image/jpeg"}
    answer = httpx2.post(f"{address}/predict/{name}", content=CAT.read_bytes(), headers=headers)
    answer.raise_for_status()


def free_port() -> int:
    with socket.socket() as place:
        place.bind(("127.0.0.1", 0))
        return int(place.getsockname()[1])


def wait_until_ready(address: str, process: subprocess.Popen[bytes]) -> None:
    for _ in range(300):
        assert process.poll() is None, f"the service ended with {process.returncode}"
        try:
            if httpx2.get(f"{address}/health/ready").is_success:
                return
        except httpx2.TransportError:
            pass
        time.sleep(0.1)
    pytest.fail("the service is not ready after half a minute")


@pytest.fixture(scope="package")
def service(serving: Serving) -> Iterator[str]:
    with serving() as address:
        yield address


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """Ends with this package: while it lives, no other test could start an event loop."""
    path = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, BROWSERS)), None)
    if path is None:
        pytest.skip(f"no Chromium: CHROMIUM is not set and PATH has none of {', '.join(BROWSERS)}")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield started
        started.close()


@dataclass
class Watch:
    """What a page did that nobody sees: messages on its console, and requests to other hosts."""

    complaints: list[str] = field(default_factory=list)
    abroad: list[str] = field(default_factory=list)

    def of(self, page: Page) -> None:
        page.on("console", lambda message: self.complaints.append(message.text))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("request", self.note)

    def note(self, request: Request) -> None:
        if urlsplit(request.url).hostname not in {"127.0.0.1", None}:  # blob: has no host
            self.abroad.append(request.url)


@pytest.fixture
def watch() -> Watch:
    return Watch()


@pytest.fixture
def page(browser: Browser, watch: Watch) -> Iterator[Page]:
    """A fresh window; nothing it loads may come from another machine."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    context.set_default_timeout(10_000)
    window = context.new_page()
    watch.of(window)
    yield window
    context.close()
    assert watch.abroad == []


@pytest.fixture
def opened(page: Page, service: str) -> Page:
    page.goto(service)
    page.locator("#examples button").first.wait_for()
    page.locator("#network:enabled").wait_for()
    return page
