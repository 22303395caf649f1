"""Opens models in engines, and unloads others where the memory for them is used up."""

import asyncio
import logging
import math
import time
from collections.abc import Iterable

from models.card import CardError
from service import memory, metrics
from service.engines import EngineUnavailable
from service.engines.device import Device, gpu, no_driver
from service.errors import ConvoyError, NotReady
from service.lanes import Lanes
from service.model import Model
from service.settings import Settings
from service.version import Version, open_version
from service.workers import Workers

logger = logging.getLogger(__name__)

WARM_UP_S = 60.0  # for the first answer of a model
GIB = 2**30


class LoadError(Exception):
    """Why a version cannot be served, in words for those who exported it."""


class Loader:
    """Owns the threads that all models share. Must be made on a running event loop."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        # torch starts threads of its own in a run
        cpu = Workers(settings.lanes, pin=settings.engine != "pytorch")
        self._workers: dict[Device, Workers] = {"cpu": cpu}
        self.lanes: dict[Device, Lanes] = {"cpu": Lanes(settings.lanes, cpu)}
        usable = memory.usable()
        if settings.device != "cpu" and not no_driver():
            usable = min(usable, int(gpu().memory * memory.SHARE))
            self._workers["cuda"] = streams = Workers(settings.streams)
            self.lanes["cuda"] = Lanes(settings.streams, streams, share_out=False)
        self.decoders = Workers(settings.decoders) if settings.decoders else cpu
        self._budget = int(settings.memory_gib * GIB) or usable
        self._told: set[str] = set()  # the fallbacks that stand in the log
        self._closing: set[asyncio.Task[None]] = set()

    def fits(self, version: Version, others: Iterable[Version], limit_gib: float) -> bool:
        """Whether it can be loaded with nothing unloaded and at most `limit_gib` taken."""
        limit = min(self._budget, limit_gib * GIB)
        return version.memory + sum(v.memory for v in others if v.model) <= limit

    async def make_room(self, version: Version, others: Iterable[Version]) -> None:
        """Unloads the models that were not used for the longest time until `version` fits.

        Never one in use. Raises `NotReady` and unloads nothing if that cannot be enough.
        """
        others = list(others)
        while not self.fits(version, others, math.inf):
            in_use = [v for v in others if v.model and v.model.users]
            if not self.fits(version, in_use, math.inf):
                raise NotReady(self._no_room(version, in_use))
            idle = {v.model.used_at: v for v in others if v.model and not v.model.users}
            await self.unload(idle[min(idle)])

    def _no_room(self, version: Version, in_use: list[Version]) -> str:
        names = ", ".join(v.card.name for v in in_use)
        return (
            f"{version.card.name} takes about {version.memory / GIB:.1f} GiB of the "
            f"{self._budget / GIB:.1f} GiB that models may take"
            + (f", and {names} in use cannot be unloaded: try again" if names else "")
            + "; CONVOY_MEMORY_GIB sets the limit"
        )

    async def open(self, version: Version) -> None:
        """Opens it and answers an image with it; `version.model` is there then.

        Raises `LoadError`.
        """
        begun = time.perf_counter()
        try:
            engine = await asyncio.to_thread(open_version, version, self._settings)
            model = Model(
                version.card,
                engine,
                version.latency,
                self.lanes[version.device],
                self.decoders,
                self._settings,
            )
            await self._warm_up(model)
        except (CardError, EngineUnavailable, ConvoyError) as error:
            raise LoadError(str(error)) from error
        except Exception as error:
            logger.exception("could not load %s", version.key)
            reason = f"{version.directory} cannot be opened: {type(error).__name__}: {error}"
            raise LoadError(reason) from error
        version.model = model
        model.become_ready(time.perf_counter() - begun)
        logger.info("serving %s with %s", version.key, engine.name)
        if version.device == "cuda":
            metrics.watch_gpu()
        if version.fallback and version.fallback not in self._told:
            self._told.add(version.fallback)  # once, however many models it is true of
            logger.warning("%s; with CONVOY_ENGINE_STRICT=1 it is refused", version.fallback)

    def stalled(self, seconds: float) -> str | None:
        """Why a device is dead, or None."""
        reasons = (lanes.stalled(seconds) for lanes in self.lanes.values())
        return next(filter(None, reasons), None)

    async def _warm_up(self, model: Model) -> None:
        try:
            await model.canary(WARM_UP_S)
        except ConvoyError:
            # aside, for a run that never ends would hold up the other models
            closing = asyncio.create_task(model.close())
            self._closing.add(closing)
            closing.add_done_callback(self._closing.discard)
            raise

    async def unload(self, version: Version) -> None:
        """New requests no longer find the model; it closes when the last one is answered."""
        model, version.model = version.model, None
        if model:
            await model.close()
            model.metrics.forget()
            await asyncio.to_thread(memory.give_back)
            logger.info("unloaded %s", version.key)

    def close(self) -> None:
        """Ends the threads once their work is through."""
        for closing in self._closing:
            closing.cancel()
        for workers in {*self._workers.values(), self.decoders}:
            workers.close()
