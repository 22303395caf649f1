"""Ctrl-C counts in the tests, also where a shell has its background jobs ignore it."""

import signal

signal.signal(signal.SIGINT, signal.default_int_handler)
