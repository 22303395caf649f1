"""Models are loaded on first use, within a memory budget, and none in use makes room."""

import asyncio
import io
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from starlette.testclient import TestClient

from models.card import Artifact, ModelCard, Parity
from service import loader, memory, version
from service.app import create_app
from service.engines import Engine, EngineUnavailable
from service.engines.null import NullEngine
from service.errors import DeadlinePassed, NotReady, UnknownModel
from service.registry import Registry
from service.settings import Settings

MakeCard = Callable[..., ModelCard]
MakePublish = Callable[[Path, ModelCard], Path]
EACH = version.WORKING / 2**30  # GiB that a null model is said to take


def run(settings: Settings, test: Callable[[Registry], Coroutine[Any, Any, None]]) -> None:
    async def main() -> None:
        registry = Registry(settings)
        await registry.refresh()
        registry.loading = False
        try:
            await test(registry)
        finally:
            await registry.close()

    asyncio.run(asyncio.wait_for(main(), 30))


def lazy(settings: Settings, **changes: Any) -> Settings:
    return settings.model_copy(update={"preload_gib": 0.0} | changes)


def soon() -> float:
    return time.perf_counter() + 10


def awake(registry: Registry) -> list[str]:
    return [model.card.name for model in registry.models()]


async def use(registry: Registry, name: str) -> None:
    await registry.load(name, None, soon())
    with registry.lease(name):
        pass


@pytest.fixture
def three(settings: Settings, make_card: MakeCard, make_publish: MakePublish) -> Settings:
    make_publish(settings.artifacts, make_card("third"))
    return settings


def test_a_model_is_loaded_on_first_use(settings: Settings) -> None:
    async def test(registry: Registry) -> None:
        assert registry.not_ready() is None
        assert awake(registry) == []
        with pytest.raises(NotReady, match="not loaded"), registry.lease("toy"):
            pass
        await use(registry, "toy")
        assert awake(registry) == ["toy"]

    run(lazy(settings), test)


def test_small_ones_are_loaded_at_the_start_until_the_limit(three: Settings) -> None:
    async def test(registry: Registry) -> None:
        assert awake(registry) == ["other", "toy"]  # their files are smaller

    run(three.model_copy(update={"preload_gib": 2.5 * EACH}), test)


def test_those_named_are_loaded_at_the_start(three: Settings) -> None:
    async def test(registry: Registry) -> None:
        assert awake(registry) == ["third", "toy"]

    run(lazy(three, models="toy third"), test)


def test_the_one_not_used_for_the_longest_time_makes_room(
    three: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    given_back: list[None] = []
    monkeypatch.setattr(memory, "give_back", lambda: given_back.append(None))

    async def test(registry: Registry) -> None:
        for name in ("toy", "other", "toy", "third"):
            await use(registry, name)
        assert awake(registry) == ["third", "toy"]
        assert len(given_back) == 1
        assert registry.get("other").latency.batches.total() == 1  # its canary is still counted
        await use(registry, "other")
        assert awake(registry) == ["other", "third"]
        assert registry.get("other").latency.batches.total() == 2

    run(lazy(three, memory_gib=2.5 * EACH), test)


def test_none_in_use_makes_room(three: Settings) -> None:
    async def test(registry: Registry) -> None:
        await registry.load("toy", None, soon())
        with registry.lease("toy"):
            await use(registry, "other")
            await use(registry, "third")  # instead of other, though toy is older
            assert awake(registry) == ["third", "toy"]
            with registry.lease("third"):
                with pytest.raises(NotReady, match="third, toy in use cannot be unloaded"):
                    await use(registry, "other")
                assert awake(registry) == ["third", "toy"]
        await use(registry, "other")

    run(lazy(three, memory_gib=2.5 * EACH), test)


def test_a_model_larger_than_the_memory_is_said(settings: Settings) -> None:
    async def test(registry: Registry) -> None:
        with pytest.raises(NotReady, match=r"about 0\.1 GiB of the 0\.1 GiB.*CONVOY_MEMORY_GIB"):
            await use(registry, "toy")

    run(lazy(settings, memory_gib=0.9 * EACH), test)


def test_many_who_ask_at_once_load_it_once(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []
    really = version.open_version

    def noted(one: version.Version, settings: Settings) -> Engine:
        opened.append(one.key)
        return really(one, settings)

    monkeypatch.setattr(loader, "open_version", noted)

    async def test(registry: Registry) -> None:
        await asyncio.gather(*(use(registry, "toy") for _ in range(20)))
        assert opened == ["toy/1"]

    run(lazy(settings), test)


def test_what_cannot_be_opened_is_refused_and_the_version_before_it_serves(
    settings: Settings,
    make_card: MakeCard,
    make_publish: MakePublish,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    make_publish(settings.artifacts, make_card("toy", version=2))
    really = version.open_version

    def breaks(one: version.Version, settings: Settings) -> Engine:
        if one.key in {"toy/2", "other/1"}:
            raise EngineUnavailable("broken on purpose")
        return really(one, settings)

    monkeypatch.setattr(loader, "open_version", breaks)

    async def test(registry: Registry) -> None:
        await use(registry, "toy")
        assert registry.get("toy").card.version == 1
        assert registry.refused == {"toy/2": "broken on purpose"}
        with pytest.raises(UnknownModel, match="broken on purpose"):
            await use(registry, "other")
        assert registry.not_ready() is None
        assert awake(registry) == ["toy"]

    run(lazy(settings), test)


def test_a_client_that_does_not_wait_leaves_the_loading_to_others(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    really = version.open_version

    def slow(one: version.Version, settings: Settings) -> Engine:
        time.sleep(0.2)
        return really(one, settings)

    monkeypatch.setattr(loader, "open_version", slow)

    async def test(registry: Registry) -> None:
        with pytest.raises(DeadlinePassed, match="still being loaded"):
            await registry.load("toy", None, time.perf_counter() + 0.01)
        await use(registry, "toy")
        assert awake(registry) == ["toy"]

    run(lazy(settings), test)


def test_a_newer_version_of_a_loaded_model_is_loaded_before_the_old_one_goes(
    settings: Settings, make_card: MakeCard, make_publish: MakePublish
) -> None:
    async def test(registry: Registry) -> None:
        await use(registry, "toy")
        for name in ("toy", "other"):
            make_publish(settings.artifacts, make_card(name, version=2))
        await registry.refresh()
        assert awake(registry) == ["toy"]
        assert [v.key for v in registry.versions()] == ["other/2", "toy/2"]

    run(lazy(settings), test)


def test_an_old_version_serves_on_when_the_new_one_breaks_and_its_own_files_are_gone(
    settings: Settings, make_card: MakeCard, make_publish: MakePublish
) -> None:
    async def test(registry: Registry) -> None:
        await use(registry, "toy")
        new = make_publish(settings.artifacts, make_card("toy", version=2))
        (new / "card.json").write_text("{}")
        (new.parent / "1" / "card.json").unlink()
        (new.parent / "1").rmdir()
        await registry.refresh()
        assert [v.key for v in registry.versions()] == ["other/1", "toy/1"]
        await use(registry, "toy")

    run(lazy(settings), test)


def test_memory_is_told_by_the_files(
    tmp_path: Path, make_card: MakeCard, make_publish: MakePublish
) -> None:
    card = make_card("toy")
    parity = Parity((1,), 0.0, 0.0, 1.0)
    card.artifacts["onnx"] = Artifact("model.onnx", "ab" * 32, "fp32", 8, {}, parity)
    directory = make_publish(tmp_path, card)
    (directory / "model.onnx").write_bytes(bytes(1000))
    assert version.read(directory).memory == version.WORKING + 3000


def test_a_container_s_limit_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    limit = tmp_path / "memory.max"
    monkeypatch.setattr(memory, "CGROUP_LIMIT", limit)
    without = memory.usable()
    limit.write_text("max\n")
    assert memory.usable() == without
    limit.write_text("4000\n")
    assert memory.usable() == 3000


def test_the_first_request_says_what_it_waited_and_latency_does_not_count_it(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    really = version.open_version

    def slow(one: version.Version, settings: Settings) -> Engine:
        time.sleep(0.2)
        return really(one, settings)

    monkeypatch.setattr(loader, "open_version", slow)
    image = io.BytesIO()
    Image.new("RGB", (40, 40)).save(image, "PNG")
    with TestClient(create_app(lazy(settings))) as client:
        while client.get("/health/ready").status_code != 200:
            time.sleep(0.01)
        before = client.get("/models/toy").json()
        answers = [
            client.post("/predict/toy", files={"image": image.getvalue()}).json() for _ in range(2)
        ]
        assert (before["loaded"], before["ready"], before["engine"]) == (False, True, None)
        assert client.get("/models/toy").json()["engine"] == "null"
        assert client.post("/cam/other", files={"image": image.getvalue()}).status_code == 200
        longest = client.get("/models/toy/latency").json()["phases_ms"]["total"]["max"]
    assert answers[0]["load_ms"] > 200 > answers[1]["load_ms"]
    assert longest < 200


def test_an_engine_that_is_unloaded_is_closed(
    three: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed: list[NullEngine] = []
    monkeypatch.setattr(NullEngine, "close", lambda self: closed.append(self))  # noqa: PLW0108

    async def test(registry: Registry) -> None:
        await use(registry, "toy")
        await use(registry, "other")
        assert len(closed) == 1
        assert len(registry.lanes._sources) == 1

    run(lazy(three, memory_gib=1.5 * EACH), test)
