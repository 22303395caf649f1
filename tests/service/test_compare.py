"""POST /compare: one image, several networks, each with its own answer or its own problem."""

import io
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from PIL import Image

from models.card import ModelCard, Preprocessing
from service import compare, images
from service.app import create_app
from service.settings import Settings

JPEG = {"Content-Type": "image/jpeg"}
GREY = Preprocessing(1, 28, 32, "bicubic", (0.5,), (0.5,))


@pytest.fixture
def client(
    settings: Settings,
    make_card: Callable[..., ModelCard],
    make_publish: Callable[[Path, ModelCard], Path],
) -> Iterator[TestClient]:
    make_publish(settings.artifacts, replace(make_card("grey"), preprocessing=GREY))
    make_publish(settings.artifacts, make_card("large", size=64))
    with TestClient(create_app(settings)) as client:
        while client.get("/health/ready").status_code != 200:
            pass
        yield client


def answer(client: TestClient, query: str, photo: bytes) -> dict[str, Any]:
    found = client.post(f"/compare{query}", content=photo, headers=JPEG)
    assert found.status_code == 200, found.text
    body: dict[str, Any] = found.json()
    return body


def test_each_network_answers_what_it_would_alone(client: TestClient, photo: bytes) -> None:
    body = answer(client, "?models=toy,grey, large&top=3&cam=top1", photo)
    assert [one["model"] for one in body["results"]] == ["toy", "grey", "large"]
    for one in body["results"]:
        alone = client.post(
            f"/predict/{one['model']}?top=3&cam=top1", content=photo, headers=JPEG
        ).json()
        assert one["prediction"] == alone["predictions"][0]
        assert one["weights"] == alone["weights"]
        assert one["engine"] == "null"
        phases = one["latency_ms"]
        assert sum(phases[p] for p in ("queue", "infer", "post")) == pytest.approx(
            phases["total"], abs=0.005
        )
        assert "problem" not in one
    assert body["decode_ms"] > 0


def test_the_image_is_decoded_once(
    client: TestClient, photo: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[int] = []
    really = images._views

    def noted(image: Image.Image, networks: Any) -> Any:
        opened.append(len(networks))
        return really(image, networks)

    monkeypatch.setattr(images, "_views", noted)
    answer(client, "", photo)
    assert opened == [4]  # all that are loaded


def test_a_network_that_fails_leaves_the_others_their_answers(
    client: TestClient, photo: bytes
) -> None:
    registry = client.app.state.registry  # type: ignore[attr-defined]
    registry.get("grey").model.ready = False
    results = answer(client, "?models=toy,grey,large", photo)["results"]
    assert [one.get("problem") for one in results] == [
        None,
        "grey does not answer its test image at the moment",
        None,
    ]
    assert results[1].keys() == {"model", "problem"}


@pytest.mark.parametrize(
    ("query", "status", "words"),
    [
        ("?models=toy,nosuch", 404, "there are: grey, large, other, toy"),
        ("?models=toy&top=0", 422, "top"),
        ("?models=toy&version=1", 422, "version"),
    ],
)
def test_wrong_questions(
    client: TestClient, photo: bytes, query: str, status: int, words: str
) -> None:
    found = client.post(f"/compare{query}", content=photo, headers=JPEG)
    assert (found.status_code, words in found.json()["detail"]) == (status, True), found.text


def test_one_image_and_a_real_one(client: TestClient, photo: bytes) -> None:
    two = client.post("/compare", files=[("image", photo), ("image", photo)])
    assert (two.status_code, "compare takes one" in two.text) == (422, True)
    assert client.post("/compare", content=b"no", headers=JPEG).status_code == 400


def test_nothing_loaded_asks_for_names(settings: Settings, photo: bytes) -> None:
    with TestClient(create_app(settings.model_copy(update={"preload_gib": 0.0}))) as client:
        while client.get("/health/ready").status_code != 200:
            pass
        empty = client.post("/compare", content=photo, headers=JPEG)
        assert (empty.status_code, "/compare?models=" in empty.text) == (422, True)
        (one,) = answer(client, "?models=toy", photo)["results"]
        assert one["load_ms"] > 0
        assert one["prediction"]["top1"]


def test_too_many_at_once_are_turned_away(
    client: TestClient, photo: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry = client.app.state.registry  # type: ignore[attr-defined]
    monkeypatch.setattr(registry, "_decoding", registry.settings.max_queue)
    refused = client.post("/compare", content=photo, headers=JPEG)
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "1")


def test_names_may_be_repeated(client: TestClient, photo: bytes) -> None:
    assert compare.CompareQuery(models="a,b a").names() == ["a", "b"]
    assert len(answer(client, "?models=toy,toy", photo)["results"]) == 1


def test_one_decoding_serves_large_and_small() -> None:
    """What a large network needs is decoded; a small one sees the same, within rounding."""
    out = io.BytesIO()
    Image.radial_gradient("L").resize((1600, 1200)).convert("RGB").save(out, "JPEG", quality=95)
    small, large = (
        Preprocessing(3, side, side, "bilinear", (0.5,) * 3, (0.5,) * 3) for side in (32, 224)
    )
    together = images.decode_for([small, large], out.getvalue(), 10**7)
    for view, network in zip(together, (small, large), strict=True):
        alone = images.decode(out.getvalue(), network, 10**7)
        assert view.box == alone.box
        assert abs(view.pixels.astype(int) - alone.pixels).mean() < 2
