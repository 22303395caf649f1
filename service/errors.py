"""Everything that can go wrong for a client; the class is the answer.

ConvoyError 500
├── BadImage 400            not an image, or a broken one
├── UnknownModel 404        no such model or version
├── NoLayerTable 404        exported before there were any, or not the file that was exported
├── TooLarge 413            body, pixels or number of images
├── UnsupportedType 415     a content type that is no image
├── BadParameter 422        a query parameter or a class out of range
├── ClientGone 499          nobody is left to answer
├── QueueFull 429           too many images wait; says when to come back
├── NotReady 503            loading, failing its canary, or draining
├── OutOfMemory 503         too many images at once for the device; the next batches are smaller
├── DeadlinePassed 504      not started in time
└── EngineFailed 500        the engine raised; the next batch runs
"""


class ConvoyError(Exception):
    """`str(error)` is the detail a client reads: what, where and what to do."""

    status = 500
    title = "Internal error"
    retry_after: int | None = None

    @classmethod
    def kind(cls) -> str:
        return "".join(f"-{c.lower()}" if c.isupper() else c for c in cls.__name__).strip("-")


class BadImage(ConvoyError):
    status, title = 400, "Not a readable image"


class UnknownModel(ConvoyError):
    status, title = 404, "No such model"


class NoLayerTable(ConvoyError):
    status, title = 404, "No layer table"


class TooLarge(ConvoyError):
    status, title = 413, "Too large"


class UnsupportedType(ConvoyError):
    status, title = 415, "Not an image type"


class BadParameter(ConvoyError):
    status, title = 422, "Parameter out of range"


class ClientGone(ConvoyError):
    status, title = 499, "Client left"


class QueueFull(ConvoyError):
    status, title = 429, "Queue full"

    def __init__(self, detail: str, retry_after: int) -> None:
        super().__init__(detail)
        self.retry_after = retry_after


class NotReady(ConvoyError):
    status, title = 503, "Not ready"
    retry_after = 1


class OutOfMemory(ConvoyError):
    status, title = 503, "Out of memory"
    retry_after = 1


class DeadlinePassed(ConvoyError):
    status, title = 504, "Deadline passed"


class EngineFailed(ConvoyError):
    status, title = 500, "Engine failed"
