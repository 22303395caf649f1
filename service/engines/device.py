"""Is there a CUDA driver that works? Asked before any GPU library is imported."""

import ctypes
from typing import Literal

Device = Literal["cpu", "cuda"]


def cuda_works() -> bool:
    """True if the driver starts and sees a device; never raises."""
    try:
        driver = ctypes.CDLL("libcuda.so.1")
    except OSError:
        return False
    count = ctypes.c_int(0)
    started = driver.cuInit(0) == 0 and driver.cuDeviceGetCount(ctypes.byref(count)) == 0
    return started and count.value > 0
