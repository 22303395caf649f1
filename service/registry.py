"""What is served: which models there are, which of them are loaded, which were refused and why.

Models that are named, and small ones as far as `preload_gib` goes, are loaded at the start; others
on first use. A model that cannot be believed or opened is refused with its reason and the others
are served; a new version that fails leaves the old one serving; swapping drops no request.
"""

import asyncio
import logging
import math
import time
from collections.abc import Callable, KeysView
from pathlib import Path
from typing import TypeVar

from models.card import CardError
from service.errors import DeadlinePassed, NotReady, QueueFull, UnknownModel
from service.loader import Loader, LoadError
from service.model import Model
from service.settings import Settings
from service.version import Version, read

logger = logging.getLogger(__name__)
T = TypeVar("T")


class Registry:
    """Must be made on a running event loop; `start` loads, `close` drains."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._loader = Loader(settings)
        self.lanes = self._loader.lanes["cpu"]
        self._known: dict[str, dict[int, Version]] = {}
        self.refused: dict[str, str] = {}  # "name/version" -> why it is not served
        self._decoding = 0  # images that belong to no one model
        self.loading = True
        self.draining = False
        self._changing = asyncio.Lock()  # held while versions come, go, load or unload
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begins to load in the background; `ready` tells when it is done."""
        self._tasks = [asyncio.create_task(self._begin()), asyncio.create_task(self._canaries())]

    async def _begin(self) -> None:
        try:
            await self.refresh()
        finally:
            self.loading = False

    def versions(self) -> list[Version]:
        """All that may be served, by name, the newest version of each first."""
        return [
            numbers[n] for _, numbers in sorted(self._known.items()) for n in sorted(numbers)[::-1]
        ]

    def models(self) -> list[Model]:
        """Those of them that are loaded."""
        return [version.model for version in self.versions() if version.model]

    def names(self) -> KeysView[str]:
        return self._known.keys()

    def get(self, name: str, version: int | None = None) -> Version:
        """Raises `UnknownModel`, or `NotReady` while the service starts."""
        numbers = self._known.get(name)
        if not numbers:
            if self.loading:
                raise NotReady(f"{name} may still be loading: try again in a second")
            raise UnknownModel(self._unknown(name))
        wanted = max(numbers) if version is None else version
        if wanted not in numbers:
            there = ", ".join(map(str, sorted(numbers)))
            raise UnknownModel(f"{name} has no version {wanted} here; there are: {there}")
        return numbers[wanted]

    def _unknown(self, name: str) -> str:
        known = ", ".join(sorted(self._known)) or "none"
        reasons = [why for key, why in self.refused.items() if key.split("/")[0] == name]
        return f"no model is called {name!r}; there are: {known}" + "".join(
            f". {reason}" for reason in reasons
        )

    def lease(self, name: str, version: int | None = None) -> Model:
        """A loaded model for a `with` block, which keeps it open; `load` it just before.

        Raises `UnknownModel`, `NotReady`.
        """
        if self.draining:
            raise NotReady("the service is shutting down: ask another replica")
        model = self.get(name, version).model
        if model is None:
            raise NotReady(f"{name} is not loaded at the moment: try again")
        if not model.ready:
            raise NotReady(f"{name} does not answer its test image at the moment")
        return model

    async def load(self, name: str, version: int | None, deadline: float) -> None:
        """Loads the model if it is not. Raises `UnknownModel`, `NotReady`, `DeadlinePassed`."""
        while not self.get(name, version).model and not self.draining:
            # shielded: a client that leaves shall not stop what others wait for
            loading = asyncio.shield(asyncio.ensure_future(self._load(name, version)))
            try:
                await asyncio.wait_for(loading, deadline - time.perf_counter())
            except TimeoutError:
                raise DeadlinePassed(f"{name} is still being loaded: try again") from None

    async def _load(self, name: str, version: int | None) -> None:
        async with self._changing:
            # a version that cannot be opened is refused, and an older one may do
            while (wanted := self.get(name, version)).model is None:
                await self._loader.make_room(wanted, self.versions())
                if not await self._open(wanted):
                    await self._renew(name)

    async def decode(self, work: Callable[[], T]) -> T:
        """Decodes on a worker for no one model. Raises `QueueFull`."""
        if self._decoding >= self.settings.max_queue:
            raise QueueFull(f"{self._decoding} images are being decoded already", retry_after=1)
        self._decoding += 1
        try:
            return await self._loader.decoders.run(work)
        finally:
            self._decoding -= 1

    async def refresh(self) -> None:
        """Looks at the artifacts again: takes up newer versions, drops those gone or outdated."""
        async with self._changing:
            self.refused.clear()
            found = self._found()
            # small ones first, for there is room for more of them
            for name in sorted(found.keys() | self._known.keys(), key=self._size):
                await self._renew(name)
            for name in (self.settings.wanted() or frozenset()) - found.keys():
                self._refuse(name, f"{name} is not exported: run `make export MODELS={name}`")

    def _found(self) -> dict[str, dict[int, Path]]:
        wanted, found = self.settings.wanted(), dict[str, dict[int, Path]]()
        for directory in self.settings.artifacts.glob("*/*"):
            name = directory.parent.name
            if directory.name.isdecimal() and (wanted is None or name in wanted):
                found.setdefault(name, {})[int(directory.name)] = directory
        return found

    def _size(self, name: str) -> tuple[int, str]:
        files = (self.settings.artifacts / name).glob("*/*")
        return sum(file.stat().st_size for file in files if file.is_file()), name

    async def _renew(self, name: str) -> None:
        """Keeps the newest versions that can be believed, and unloads the others."""
        before, kept = self._known.get(name, {}), dict[int, Version]()
        directories = self._found().get(name, {})
        for number in sorted(directories, reverse=True):
            if len(kept) == self.settings.versions:
                break
            if f"{name}/{number}" in self.refused:
                continue
            version = before.get(number) or await self._read(directories[number])
            if version is None:
                continue
            if version.model or not self._at_once(version) or await self._open(version):
                kept[number] = version
                # at once, so that those who ask meanwhile find it
                self._known.setdefault(name, {})[number] = version
        for number, version in list(before.items()):
            # what answers goes on while its files are there and nothing better is
            if number not in kept and (kept or not directories or not version.model):
                del before[number]
                await self._loader.unload(version)
        if not self._known.get(name):
            self._known.pop(name, None)

    async def _read(self, directory: Path) -> Version | None:
        try:
            return await asyncio.to_thread(read, directory)
        except CardError as error:
            self._refuse(f"{directory.parent.name}/{directory.name}", str(error))
            return None

    def _at_once(self, version: Version) -> bool:
        """Whether to load it now: a newer one of a loaded model, one named, or a small one."""
        if any(other.model for other in self._known.get(version.card.name, {}).values()):
            return True
        limit = self.settings.preload_gib if self.settings.wanted() is None else math.inf
        return self._loader.fits(version, self.versions(), limit)

    async def _open(self, version: Version) -> bool:
        try:
            await self._loader.make_room(version, self.versions())
            await self._loader.open(version)
        except (LoadError, NotReady) as error:
            self._refuse(version.key, str(error))
            return False
        return True

    def _refuse(self, key: str, reason: str) -> None:
        self.refused[key] = reason
        logger.warning("refused %s: %s", key, reason)

    def stalled(self) -> str | None:
        """Why only a restart would help, or None."""
        return self._loader.stalled(self.settings.stall_s)

    def not_ready(self) -> str | None:
        """Why the service cannot answer now, or None."""
        if self.draining:
            return "shutting down"
        if self.loading:
            return "loading models"
        if not self._known:
            return next(iter(self.refused.values()), "there is no model: run `make export`")
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
        async with self._changing:
            for version in self.versions():
                await self._loader.unload(version)
        self._known.clear()
        self._loader.close()
