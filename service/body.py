"""The images of a request: one raw body, or the parts `image` of a form; never unbounded."""

from collections.abc import AsyncGenerator

from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request

from service.errors import BadImage, ClientGone, TooLarge, UnsupportedType
from service.settings import Settings

RAW = ("image/", "application/octet-stream")


async def read_images(request: Request, settings: Settings) -> list[bytes]:
    """The bytes of each image.

    Raises `TooLarge`, `UnsupportedType`, `BadImage`; `ClientGone` for a client that stops.
    """
    headers: dict[bytes, bytes] = dict(request.scope["headers"])
    if headers.get(b"content-encoding", b"identity") != b"identity":
        raise UnsupportedType("compressed bodies are not accepted: send the image file as it is")
    if int(headers.get(b"content-length", 0)) > settings.max_body:
        raise _too_large(settings.max_body)
    kind = headers.get(b"content-type", b"").decode("latin-1").partition(";")[0].strip().lower()
    if kind.startswith(RAW):
        chunks = [chunk async for chunk in _bounded(request, settings.max_body)]
        return [_not_empty(b"".join(chunks))]
    if kind == "multipart/form-data":
        return await _parts(request, settings)
    raise UnsupportedType(
        f"the content type is {kind or 'missing'}: send the file as the body with "
        "`Content-Type: image/jpeg` (or image/png, …, application/octet-stream), or as "
        "multipart/form-data in parts named `image`"
    )


async def _bounded(request: Request, limit: int) -> AsyncGenerator[bytes, None]:
    size, more = 0, True
    while more:
        said = await request.receive()
        if said["type"] == "http.disconnect":
            raise ClientGone("the client hung up while it was sending")
        chunk, more = said.get("body", b""), said.get("more_body", False)
        size += len(chunk)
        if size > limit:
            raise _too_large(limit)
        if chunk:
            yield chunk


async def _parts(request: Request, settings: Settings) -> list[bytes]:
    parser = MultiPartParser(
        request.headers,
        _bounded(request, settings.max_body),
        max_files=settings.max_images,
        max_fields=settings.max_images,
        max_part_size=settings.max_body,
    )
    try:
        form = await parser.parse()
    except (MultiPartException, KeyError, ValueError) as error:
        reason = getattr(error, "message", str(error))
        if "Too many" in reason:
            raise TooLarge(f"{reason} (at most {settings.max_images} images a request)") from error
        raise BadImage(f"the form cannot be read: {reason}") from error
    try:
        parts = form.getlist("image")
        if not parts:
            raise BadImage("the form has no part named `image`: use `curl -F image=@photo.jpg`")
        return [
            _not_empty(await part.read() if isinstance(part, UploadFile) else part.encode())
            for part in parts
        ]
    finally:
        await form.close()


def _too_large(limit: int) -> TooLarge:
    return TooLarge(f"the body is larger than {limit / 2**20:g} MiB")


def _not_empty(data: bytes) -> bytes:
    if not data:
        raise BadImage("the body is empty: send the bytes of an image file")
    return data
