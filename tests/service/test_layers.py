"""GET /models/NAME/layers: the exporter's table, or a plain word why there is none."""

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from pydantic import TypeAdapter
from rich.console import Console

from export.publish import Recipe, export
from models.card import CARD, ModelCard
from models.catalog import architecture
from models.layers import describe
from models.table import LAYERS, LayerTable
from service.app import create_app
from service.settings import Settings


@pytest.fixture(scope="module")
def version(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A version as the exporter leaves it."""
    artifacts = tmp_path_factory.mktemp("artifacts")
    export(Recipe("lenet5_plain", "random", max_batch=1), artifacts, Console(quiet=True))
    return artifacts / "lenet5_plain" / "1"


@pytest.fixture
def client(version: Path) -> Iterator[TestClient]:
    settings = Settings(artifacts=version.parents[1], engine="null", device="cpu", lanes=1)
    with TestClient(create_app(settings)) as client:
        for _ in range(1000):
            if client.get("/health/ready").status_code == 200:
                break
        yield client


def refused(client: TestClient, path: str) -> str:
    answer = client.get(path)
    body: dict[str, Any] = answer.json()
    assert (answer.status_code, body["type"]) == (404, "urn:convoy:no-layer-table"), body
    return str(body["detail"])


@pytest.mark.parametrize("query", ["", "?version=1"])
def test_the_table_is_that_of_the_network(client: TestClient, query: str) -> None:
    answer = client.get(f"/models/lenet5_plain/layers{query}")

    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/json"
    table = TypeAdapter(LayerTable).validate_json(answer.content, strict=True, extra="forbid")
    assert table == describe(architecture("lenet5_plain"), 10, 32)


def test_every_field_is_in_the_description_of_the_api(client: TestClient) -> None:
    api = client.get("/openapi.json").json()
    answer = api["paths"]["/models/{name}/layers"]["get"]["responses"]["200"]
    schema = answer["content"]["application/json"]["schema"]["$ref"].split("/")[-1]

    described = api["components"]["schemas"][schema]["properties"]
    assert list(described) == [f.name for f in dataclasses.fields(LayerTable)]


def test_another_version_has_none(client: TestClient) -> None:
    answer = client.get("/models/lenet5_plain/layers?version=2")

    assert (answer.status_code, answer.json()["title"]) == (404, "No such model")


def test_an_older_export_says_what_to_do(version: Path, client: TestClient) -> None:
    registry = client.app.state.registry  # type: ignore[attr-defined]
    model = registry.get("lenet5_plain")
    model.card = dataclasses.replace(model.card, layers=None)

    assert refused(client, "/models/lenet5_plain/layers") == (
        "lenet5_plain/1 was exported without one: export it again"
    )
    assert ModelCard.read(version / CARD).layers


@pytest.mark.parametrize("content", [b"{}", None])
def test_a_file_that_is_not_the_one_exported_is_not_shown(
    version: Path, client: TestClient, content: bytes | None
) -> None:
    file = version / LAYERS
    original = file.read_bytes()
    try:
        file.unlink() if content is None else file.write_bytes(content)
        said = refused(client, "/models/lenet5_plain/layers")
    finally:
        file.write_bytes(original)
    assert str(file) in said
    assert ("cannot be read" if content is None else "export it again") in said
