"""What is loaded, refused, swapped and drained."""

import asyncio
import shutil
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from models.card import CARD, Artifact, ModelCard, Parity
from service.engines.null import NullEngine
from service.errors import NotReady, UnknownModel
from service.images import View
from service.model import Model
from service.registry import Registry
from service.settings import Settings

MakeCard = Callable[..., ModelCard]
MakePublish = Callable[[Path, ModelCard], Path]
ASKED = np.full(5, -1)


def serve(settings: Settings, test: Callable[[Registry], Coroutine[Any, Any, None]]) -> None:
    async def main() -> None:
        registry = Registry(settings)
        registry.start()
        while registry.loading:
            await asyncio.sleep(0.001)
        try:
            await test(registry)
        finally:
            await registry.close()

    asyncio.run(asyncio.wait_for(main(), 30))


def keys(registry: Registry) -> list[str]:
    return [f"{m.card.name}/{m.card.version}" for m in registry.models()]


def loaded(registry: Registry, name: str) -> Model:
    model = registry.get(name).model
    assert model
    return model


def test_the_newest_version_is_served(
    settings: Settings, make_card: MakeCard, make_publish: MakePublish
) -> None:
    make_publish(settings.artifacts, make_card("toy", version=10))
    make_publish(settings.artifacts, make_card("toy", version=9))

    async def test(registry: Registry) -> None:
        assert keys(registry) == ["other/1", "toy/10"]
        with pytest.raises(UnknownModel, match="toy has no version 9 here; there are: 10"):
            registry.get("toy", 9)

    serve(settings, test)


def test_more_versions_when_asked_for(
    settings: Settings, make_card: MakeCard, make_publish: MakePublish
) -> None:
    make_publish(settings.artifacts, make_card("toy", version=2))

    async def test(registry: Registry) -> None:
        assert keys(registry) == ["other/1", "toy/2", "toy/1"]
        assert registry.get("toy").card.version == 2
        assert registry.get("toy", 1).card.version == 1

    serve(settings.model_copy(update={"versions": 2}), test)


def test_only_the_models_asked_for(settings: Settings) -> None:
    async def test(registry: Registry) -> None:
        assert keys(registry) == ["toy/1"]

    serve(settings.model_copy(update={"models": "toy, toy"}), test)


def test_a_broken_new_version_leaves_the_old_one_and_the_others(
    settings: Settings, make_card: MakeCard, make_publish: MakePublish
) -> None:
    directory = make_publish(settings.artifacts, make_card("toy", version=2))
    (directory / CARD).write_text("{}")

    async def test(registry: Registry) -> None:
        assert keys(registry) == ["other/1", "toy/1"]
        assert "are missing in the card" in registry.refused["toy/2"]
        assert registry.not_ready() is None

    serve(settings, test)


def test_a_file_that_was_not_proven_is_refused(
    settings: Settings, make_card: MakeCard, make_publish: MakePublish
) -> None:
    parity = Parity((1,), 0.0, 0.0, 1.0)
    card = make_card("tampered")
    card.artifacts["onnx"] = Artifact("model.onnx", "ab" * 32, "fp32", 8, {}, parity)
    directory = make_publish(settings.artifacts, card)
    (directory / "model.onnx").write_bytes(b"something else")
    card = make_card("missing")
    card.artifacts["onnx"] = Artifact("model.onnx", "ab" * 32, "fp32", 8, {}, parity)
    make_publish(settings.artifacts, card)

    async def test(registry: Registry) -> None:
        assert keys(registry) == ["other/1", "toy/1"]
        assert "is not the file that was proven" in registry.refused["tampered/1"]
        assert "cannot be read" in registry.refused["missing/1"]

    serve(settings, test)


def test_a_card_in_the_wrong_place_is_refused(settings: Settings) -> None:
    shutil.copytree(settings.artifacts / "toy" / "1", settings.artifacts / "toy" / "4")

    async def test(registry: Registry) -> None:
        assert keys(registry) == ["other/1", "toy/1"]
        assert "is the card of toy/1" in registry.refused["toy/4"]

    serve(settings, test)


def test_what_is_no_artifact_is_not_looked_at(settings: Settings) -> None:
    (settings.artifacts / ".export-x" / "version").mkdir(parents=True)
    (settings.artifacts / "toy" / "notes").mkdir()

    async def test(registry: Registry) -> None:
        assert registry.refused == {}

    serve(settings, test)


def test_a_swap_drops_no_request(
    settings: Settings, make_card: MakeCard, make_publish: MakePublish
) -> None:
    async def test(registry: Registry) -> None:
        with registry.lease("toy") as old:
            make_publish(settings.artifacts, make_card("toy", version=2))
            swap = asyncio.create_task(registry.refresh())
            while registry.get("toy").card.version == 1:
                await asyncio.sleep(0.001)
            view = View(np.zeros((32, 32, 3), np.uint8), (0.0, 0.0, 1.0, 1.0))
            answer = await old.batcher.submit(lambda: view, ASKED, time.perf_counter() + 10)
            assert answer.logits.shape == (10,)
            assert not swap.done()  # it waits for this request
        await swap
        assert keys(registry) == ["other/1", "toy/2"]

    serve(settings, test)


def test_two_refreshes_at_once_load_a_model_once(
    settings: Settings, make_card: MakeCard, make_publish: MakePublish
) -> None:
    async def test(registry: Registry) -> None:
        make_publish(settings.artifacts, make_card("late"))
        await asyncio.gather(registry.refresh(), registry.refresh())
        assert keys(registry) == ["late/1", "other/1", "toy/1"]
        assert len(registry.lanes._sources) == 3

    serve(settings, test)


def test_a_model_that_cannot_answer_is_refused_and_frees_its_engine(
    settings: Settings,
    make_card: MakeCard,
    make_publish: MakePublish,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    closed: list[str] = []
    run = NullEngine.run

    def fails(self: NullEngine, *arguments: Any, **options: Any) -> Any:
        if self.classes == 7:
            raise RuntimeError
        return run(self, *arguments, **options)

    monkeypatch.setattr(NullEngine, "run", fails)
    monkeypatch.setattr(NullEngine, "close", lambda self: closed.append(str(self.classes)))

    async def test(registry: Registry) -> None:
        assert keys(registry) == ["other/1", "toy/1"]
        assert "the engine failed on this image: RuntimeError" in registry.refused["seven/1"]
        while closed != ["7"]:
            await asyncio.sleep(0.001)
        assert len(registry.lanes._sources) == 2

    make_publish(settings.artifacts, make_card("seven", classes=7))
    serve(settings, test)


def test_models_that_are_gone_are_unloaded(settings: Settings) -> None:
    async def test(registry: Registry) -> None:
        shutil.rmtree(settings.artifacts / "other")
        await registry.refresh()
        assert keys(registry) == ["toy/1"]
        with pytest.raises(UnknownModel):
            registry.get("other")

    serve(settings, test)


def test_draining_takes_nothing_new(settings: Settings) -> None:
    async def test(registry: Registry) -> None:
        registry.draining = True
        assert registry.not_ready() == "shutting down"
        with pytest.raises(NotReady), registry.lease("toy"):
            pass

    serve(settings, test)


def test_a_model_that_fails_its_canary_is_not_ready_until_it_answers_again(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def test(registry: Registry) -> None:
        toy = loaded(registry, "toy")
        with monkeypatch.context() as patch:
            patch.setattr(type(toy.engine), "run", None)
            await toy.check(10)
        assert registry.not_ready() == "no answer from toy"
        with pytest.raises(NotReady), registry.lease("toy"):
            pass
        with registry.lease("other"):
            await toy.check(10)
        assert registry.not_ready() is None

    serve(settings, test)


def test_idle_models_get_a_canary(settings: Settings) -> None:
    async def test(registry: Registry) -> None:
        toy = loaded(registry, "toy")
        before = sum(toy.latency.batches.values())
        while sum(toy.latency.batches.values()) < before + 3:
            await asyncio.sleep(0.005)

    serve(settings.model_copy(update={"canary_s": 0.01}), test)


def test_unready_while_loading(settings: Settings) -> None:
    async def main() -> None:
        registry = Registry(settings)
        assert registry.not_ready() == "loading models"
        with pytest.raises(NotReady, match="may still be loading"):
            registry.get("toy")
        await registry.close()

    asyncio.run(main())
