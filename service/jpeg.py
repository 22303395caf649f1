"""JPEGs in colour decoded by nvImageCodec on the GPU, and everything else by Pillow as before.

Only decoding is there: what is read of the header, and the geometry, stay those of `images.py`. The
GPU decodes the whole image, where Pillow may leave out what a small network does not see.
"""

import logging
import threading
from collections.abc import Callable, Sequence
from functools import partial
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.JpegImagePlugin import JpegImageFile

from service.engines import EngineUnavailable, needing_gpu

logger = logging.getLogger(__name__)

# a file's bytes -> [height, width, 3] as it is stored, or None for whatever it cannot do
Decode = Callable[[bytes], NDArray[np.uint8] | None]
GPU = ("HW_GPU_ONLY", "GPU_ONLY", "HYBRID_CPU_GPU")  # nvImageCodec's kinds of decoders


class JpegOf(JpegImageFile):
    """A JPEG that Pillow opens and `decode` decodes; what it cannot, Pillow does."""

    def __init__(self, decode: Decode, file: IO[bytes], name: str | bytes = "") -> None:
        self._decode = decode
        super().__init__(file, name)

    def draft(self, mode: str | None, size: tuple[int, int] | None) -> Any:
        return None if self.mode == "RGB" else super().draft(mode, size)

    def load(self) -> Any:
        if self.tile and self.fp and self.mode == "RGB":
            self.fp.seek(0)
            pixels = self._decode(self.fp.read())
            if pixels is not None:
                self.im, self.tile = Image.fromarray(pixels).im, []
        return super().load()


def install(decode: Decode) -> None:
    """From now on `decode` is asked for every JPEG that this process opens."""
    Image.preinit()  # registers Pillow's own, which is replaced
    Image.register_open(
        "JPEG", partial(JpegOf, decode), lambda first: first.startswith(b"\xff\xd8\xff")
    )


def nvimgcodec(device: int = 0, kinds: Sequence[str] = GPU) -> Decode:
    """Decodes on that GPU. Needs nvImageCodec; safe for any number of threads."""
    from nvidia import nvimgcodec as nv

    backends = [nv.Backend(getattr(nv.BackendKind, kind)) for kind in kinds]
    params = nv.DecodeParams(apply_exif_orientation=False)  # `images.py` turns the image
    own = threading.local()

    def decode(data: bytes) -> NDArray[np.uint8] | None:
        if not hasattr(own, "decoder"):
            own.decoder = nv.Decoder(device_id=device, max_num_cpu_threads=1, backends=backends)
        image = own.decoder.decode(data, params=params)
        return None if image is None else np.asarray(image.cpu())

    return decode


def use_gpu() -> None:
    """Decodes on the GPU from now on; where that is not possible, the log says why."""
    try:
        with needing_gpu("nvImageCodec", "jpeg"):
            install(nvimgcodec())
    except EngineUnavailable as error:
        logger.warning("JPEGs are decoded on the CPU: %s", error)
