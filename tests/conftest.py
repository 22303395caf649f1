"""Ctrl-C counts in the tests, also where a shell has its background jobs ignore it.

What needs a GPU is skipped where none answers, and the summary says why.
"""

import signal

import pytest

from service.engines.device import no_driver

signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("gpu") and (reason := no_driver()):
        pytest.skip(reason)
