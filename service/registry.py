"""The models that are served: opened, warmed up through their batcher, and only then ready.

A model that cannot be believed or opened is refused with its reason and the others are served; a
new version that fails leaves the old one serving; swapping drops no request.
"""

import asyncio
import contextlib
import hashlib
import logging
import time
from collections.abc import Iterator, KeysView
from pathlib import Path

from models.card import CARD, CardError, ModelCard
from service.engines import Engine, EngineUnavailable, open_engine
from service.engines.device import cuda_works
from service.errors import ConvoyError, NotReady, UnknownModel
from service.lanes import Lanes
from service.model import Model
from service.settings import Settings
from service.workers import Workers

logger = logging.getLogger(__name__)

WARM_UP_S = 60.0  # for the first answer of a model


class Registry:
    """Must be made on a running event loop; `start` loads, `close` drains."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.workers = Workers(settings.lanes)
        self.lanes = Lanes(settings.lanes, self.workers)
        self.decoders = Workers(settings.decoders) if settings.decoders else self.workers
        self._models: dict[str, dict[int, Model]] = {}
        self.refused: dict[str, str] = {}  # "name/version" -> why it is not served
        self.loading = True
        self.draining = False
        self._refreshing = asyncio.Lock()
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begins to load everything in the background; `ready` tells when it is done."""
        self._tasks = [asyncio.create_task(self._load_all()), asyncio.create_task(self._canaries())]

    async def _load_all(self) -> None:
        try:
            await self.refresh()
        finally:
            self.loading = False

    def models(self) -> list[Model]:
        """All that are loaded, by name, the newest version of each first."""
        return [
            versions[v]
            for _, versions in sorted(self._models.items())
            for v in sorted(versions)[::-1]
        ]

    def names(self) -> KeysView[str]:
        return self._models.keys()

    @contextlib.contextmanager
    def lease(self, name: str, version: int | None = None) -> Iterator[Model]:
        """The model, kept open as long as the block lasts. Raises `UnknownModel`, `NotReady`."""
        if self.draining:
            raise NotReady("the service is shutting down: ask another replica")
        model = self.get(name, version)
        if not model.ready:
            raise NotReady(f"{name} does not answer its test image at the moment")
        model.users += 1
        try:
            yield model
        finally:
            model.users -= 1

    def get(self, name: str, version: int | None = None) -> Model:
        versions = self._models.get(name)
        if not versions:
            if self.loading:
                raise NotReady(f"{name} may still be loading: try again in a second")
            raise UnknownModel(self._unknown(name))
        wanted = max(versions) if version is None else version
        if wanted not in versions:
            loaded = ", ".join(map(str, sorted(versions)))
            raise UnknownModel(f"{name} has no version {wanted} here; loaded: {loaded}")
        return versions[wanted]

    def _unknown(self, name: str) -> str:
        loaded = ", ".join(sorted(self._models)) or "none"
        reasons = [why for key, why in self.refused.items() if key.split("/")[0] == name]
        return f"no model is called {name!r}; loaded: {loaded}" + "".join(f". {r}" for r in reasons)

    async def refresh(self) -> None:
        """Looks at the artifacts again: loads newer versions, unloads those gone or outdated."""
        async with self._refreshing:
            await self._refresh()

    async def _refresh(self) -> None:
        self.refused.clear()
        for name, versions in sorted(self._found().items()):
            kept: set[int] = set()
            for version in sorted(versions, reverse=True):
                if len(kept) == self.settings.versions:
                    break
                if version in self._models.get(name, {}) or await self._load(versions[version]):
                    kept.add(version)
            for version in set(self._models.get(name, {})) - kept if kept else set():
                await self.unload(name, version)
        for name in self._models.keys() - self._found().keys():
            for version in list(self._models[name]):
                await self.unload(name, version)
        for name in (self.settings.wanted() or frozenset()) - self._found().keys():
            self._refuse(name, f"{name} is not exported: run `make export MODELS={name}`")

    def _found(self) -> dict[str, dict[int, Path]]:
        wanted, found = self.settings.wanted(), dict[str, dict[int, Path]]()
        for directory in self.settings.artifacts.glob("*/*"):
            name = directory.parent.name
            if directory.name.isdecimal() and (wanted is None or name in wanted):
                found.setdefault(name, {})[int(directory.name)] = directory
        return found

    def _refuse(self, key: str, reason: str) -> None:
        self.refused[key] = reason
        logger.warning("refused %s: %s", key, reason)

    async def _load(self, directory: Path) -> bool:
        """Opens a version and answers an image with it; True once it is ready."""
        key, begun = f"{directory.parent.name}/{directory.name}", time.perf_counter()
        try:
            card, engine = await asyncio.to_thread(self._open, directory)
            model = await self._warm_up(card, engine)
        except (CardError, EngineUnavailable, ConvoyError) as error:
            self._refuse(key, str(error))
            return False
        except Exception as error:
            logger.exception("could not load %s", key)
            self._refuse(key, f"{directory} cannot be opened: {type(error).__name__}: {error}")
            return False
        seconds = time.perf_counter() - begun
        model.become_ready(seconds)
        self._models.setdefault(card.name, {})[card.version] = model
        logger.info("serving %s with %s in %.1f s", key, engine.name, seconds)
        return True

    async def _warm_up(self, card: ModelCard, engine: Engine) -> Model:
        model = Model(card, engine, self.lanes, self.decoders, self.settings)
        try:
            await model.canary(WARM_UP_S)
        except ConvoyError:
            # aside, for a run that never ends would hold up the other models
            self._tasks.append(asyncio.create_task(model.close()))
            raise
        return model

    def _open(self, directory: Path) -> tuple[ModelCard, Engine]:
        card = ModelCard.read(directory / CARD)
        if (card.name, str(card.version)) != (directory.parent.name, directory.name):
            raise CardError(f"{directory / CARD} is the card of {card.name}/{card.version}")
        for artifact in card.artifacts.values():
            _check(directory / artifact.file, artifact.sha256)
        s = self.settings
        if s.device == "cuda" or (s.device == "auto" and cuda_works()):
            try:
                return card, open_engine(s.engine, card, directory, device="cuda", lanes=s.lanes)
            except EngineUnavailable as error:
                if s.device == "cuda":
                    raise
                logger.warning("%s on the CPU instead: %s", card.name, error)
        return card, open_engine(s.engine, card, directory, device="cpu", lanes=s.lanes)

    async def unload(self, name: str, version: int) -> None:
        """New requests no longer find it; it closes when the last one that did is answered."""
        model = self._models[name].pop(version)
        if not self._models[name]:
            del self._models[name]
        await model.close()
        model.metrics.forget()
        logger.info("unloaded %s/%d", name, version)

    def not_ready(self) -> str | None:
        """Why the service cannot answer now, or None."""
        if self.draining:
            return "shutting down"
        if self.loading:
            return "loading models"
        if not self._models:
            return "no model is loaded: run `make export`"
        silent = [m.card.name for m in self.models() if not m.ready]
        return f"no answer from {', '.join(silent)}" if silent else None

    async def _canaries(self) -> None:
        period = self.settings.canary_s
        while True:
            await asyncio.sleep(period)
            for model in self.models():
                if time.perf_counter() - model.served_at >= period or not model.ready:
                    await model.check(period)

    async def close(self) -> None:
        """Answers what was accepted, then frees everything."""
        self.draining = True
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for model in self.models():
            await model.close()
        self._models.clear()
        self.workers.close()
        if self.decoders is not self.workers:
            self.decoders.close()


def _check(file: Path, sha256: str) -> None:
    try:
        with file.open("rb") as content:
            found = hashlib.file_digest(content, "sha256").hexdigest()
    except OSError as error:
        raise CardError(f"{file} cannot be read: {error.strerror}") from error
    if found != sha256:
        raise CardError(
            f"{file} is not the file that was proven (sha256 {found[:12]}…, the card says "
            f"{sha256[:12]}…): export it again"
        )
