"""python -m service: serve what `make export` has published."""

import asyncio
import contextlib
import math
import signal
import socket
from types import FrameType
from typing import Annotated

import typer
import uvicorn
from fastapi import FastAPI
from pydantic import ValidationError

from service import jpeg
from service.app import create_app
from service.logs import configure
from service.protocol import Protocol
from service.settings import Settings

cli = typer.Typer(add_completion=False, rich_markup_mode="markdown")


class Server(uvicorn.Server):
    """Turns unready at once when told to stop; looks for new models on SIGHUP."""

    def __init__(self, app: FastAPI, settings: Settings) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                host=settings.host,
                port=settings.port,
                http=Protocol,
                log_config=None,
                access_log=False,
                server_header=False,
                timeout_graceful_shutdown=math.ceil(settings.timeout_ms / 1e3),
            )
        )
        self.app = app
        self.refreshing: asyncio.Task[None] | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if hasattr(signal, "SIGHUP"):
            asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, self.refresh)

    def refresh(self) -> None:
        if self.refreshing is None or self.refreshing.done():
            self.refreshing = asyncio.create_task(self.app.state.registry.refresh())

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        if registry := getattr(self.app.state, "registry", None):
            registry.draining = True
        super().handle_exit(sig, frame)


@cli.command()
def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="Port; 0 takes a free one.")] = None,
    models: Annotated[str | None, typer.Option(help="Names with commas between, or all.")] = None,
    engine: Annotated[str | None, typer.Option(help="ort, trt, pytorch or null.")] = None,
    device: Annotated[str | None, typer.Option(help="cpu, cuda or auto.")] = None,
) -> None:
    """Serves exported models over HTTP until Ctrl-C or SIGTERM, then finishes what it accepted.

    Example: `python -m service --models squeezenet1_1,lenet5_plain --port 8000`

    Every other knob is an environment variable; `service/settings.py` lists them.
    """
    given = {"host": host, "port": port, "models": models, "engine": engine, "device": device}
    try:
        settings = Settings(**{k: v for k, v in given.items() if v is not None})  # type: ignore[arg-type]
    except ValidationError as error:
        for e in error.errors():
            typer.echo(f"{'.'.join(map(str, e['loc']))}: {e['msg']}", err=True)
        raise typer.Exit(2) from None
    configure(settings.log_level, as_json=settings.log_json)
    if settings.jpeg == "gpu":
        jpeg.use_gpu()
    server = Server(create_app(settings), settings)
    with contextlib.suppress(KeyboardInterrupt, SystemExit):  # uvicorn has said why
        server.run()
    raise typer.Exit(0 if server.started else 1)


if __name__ == "__main__":
    cli()
