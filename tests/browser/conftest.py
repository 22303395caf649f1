"""One browser for all tests here; every page is watched for errors and for calls abroad."""

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, Request, sync_playwright

from . import fake

NAMES = ("chromium", "chromium-browser", "google-chrome")
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


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """Ends with this package: while it lives, no other test could start an event loop."""
    path = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
    if path is None:
        pytest.skip(f"no Chromium: CHROMIUM is not set and PATH has none of {', '.join(NAMES)}")
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


@pytest.fixture(scope="package")
def service() -> Iterator[str]:
    with fake.running(fake.app()) as address:
        yield address
