"""Is there a GPU that works, and which? Asked of the driver before any GPU library is imported.

TensorRT and ONNX Runtime fail late and in odd ways without a driver, so everything asks here first.
"""

import ctypes
import functools
from dataclasses import dataclass
from typing import Final, Literal

Device = Literal["cpu", "cuda"]
DRIVER: Final = "libcuda.so.1"
MAJOR, MINOR = 75, 76  # CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR and _MINOR


@dataclass(frozen=True, slots=True)
class Gpu:
    name: str  #        "NVIDIA H200"
    capability: str  #  "9.0"
    memory: int  #      bytes


@functools.cache
def no_driver() -> str | None:
    """Why there is no GPU to use, in words; None if there is one. Never raises."""
    try:
        driver = ctypes.CDLL(DRIVER)
    except OSError:
        return f"there is no NVIDIA driver ({DRIVER} is not found)"
    if code := driver.cuInit(0):
        return f"the NVIDIA driver does not start (cuInit gives {code})"
    count = ctypes.c_int(0)
    driver.cuDeviceGetCount(ctypes.byref(count))
    return None if count.value else "the NVIDIA driver sees no GPU"


@functools.cache
def gpu() -> Gpu:
    """The first GPU that the driver sees; `CUDA_VISIBLE_DEVICES` chooses. Needs a driver."""
    driver = ctypes.CDLL(DRIVER)
    device, memory = ctypes.c_int(0), ctypes.c_size_t(0)
    driver.cuDeviceGet(ctypes.byref(device), 0)
    name = ctypes.create_string_buffer(256)
    driver.cuDeviceGetName(name, len(name), device)
    driver.cuDeviceTotalMem_v2(ctypes.byref(memory), device)
    version = ctypes.c_int(0)
    numbers = []
    for attribute in (MAJOR, MINOR):
        driver.cuDeviceGetAttribute(ctypes.byref(version), attribute, device)
        numbers.append(str(version.value))
    return Gpu(name.value.decode(), ".".join(numbers), memory.value)
