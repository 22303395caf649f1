"""How much memory there is for models, and giving it back."""

import contextlib
import ctypes
import ctypes.util
import os
import sys
from pathlib import Path

CGROUP_LIMIT = Path("/sys/fs/cgroup/memory.max")  # of a container; "max" if it has none
SHARE = 0.75  # the rest is for requests, the interpreter and the page cache


def usable() -> int:
    """Bytes that models may take: three quarters of the machine's or the container's memory."""
    total = sys.maxsize
    with contextlib.suppress(ValueError, OSError, AttributeError):  # no such question on Windows
        total = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    with contextlib.suppress(ValueError, OSError):
        total = min(total, int(CGROUP_LIMIT.read_text()))
    return int(total * SHARE)


def give_back() -> None:
    """Freed memory goes back to the system at once, where the C library would keep it (glibc)."""
    libc = ctypes.CDLL(ctypes.util.find_library("c"))
    if trim := getattr(libc, "malloc_trim", None):
        trim(0)
