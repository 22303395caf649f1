"""The contract over HTTP, with the null engine: every field, every limit, every error."""

import io
import json
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx2
import pytest
from fastapi.testclient import TestClient
from PIL import Image

from service.app import create_app
from service.settings import Settings

JPEG = {"Content-Type": "image/jpeg"}


@pytest.fixture
def client(settings: Settings) -> Iterator[TestClient]:
    with TestClient(create_app(settings)) as client:
        wait_ready(client)
        yield client


def wait_ready(client: TestClient) -> None:
    for _ in range(1000):
        if client.get("/health/ready").status_code == 200:
            return
    raise AssertionError(client.get("/health/ready").text)


def problem(answer: httpx2.Response, status: int) -> str:
    """Checks the form of an error; gives its detail."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    body: dict[str, Any] = answer.json()
    assert body.keys() == {"type", "title", "status", "detail", "request_id"}
    assert body["status"] == status
    assert body["request_id"] == answer.headers["x-request-id"]
    assert "Traceback" not in answer.text
    return str(body["detail"])


def png(colour: str = "red", size: tuple[int, int] = (40, 30)) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", size, colour).save(out, "PNG")
    return out.getvalue()


def test_predict_answers_the_contract(client: TestClient, photo: bytes) -> None:
    answer = client.post("/predict/toy?top=3&cam=top1", content=photo, headers=JPEG)
    assert answer.status_code == 200
    body = answer.json()
    assert {k: body[k] for k in ("model", "version", "engine", "precision", "device")} == {
        "model": "toy",
        "version": 1,
        "engine": "null",
        "precision": "none",
        "device": "none",
    }
    assert body["weights"] == {
        "name": "random",
        "trained_on": None,
        "trained": False,
        "sha256": "0" * 64,
    }
    (prediction,) = body["predictions"]
    assert len(prediction["top5"]) == 3
    assert prediction["top1"] == prediction["top5"][0]
    probabilities = [row["probability"] for row in prediction["top5"]]
    assert probabilities == sorted(probabilities, reverse=True)
    assert all(row["label"] == f"class {row['index']}" for row in prediction["top5"])
    (cam,) = prediction["cams"]
    assert cam["index"] == prediction["top1"]["index"]
    assert cam["shape"] == [len(cam["map"]), len(cam["map"][0])]
    assert cam["image"] is None
    assert max(max(row) for row in cam["map"]) == 1
    assert body["batch"] == {"size": 1, "released": "idle"}
    assert body["request_id"] == answer.headers["x-request-id"]


def test_the_phases_add_up_and_are_in_the_header(client: TestClient, photo: bytes) -> None:
    answer = client.post("/predict/toy", content=photo, headers=JPEG)
    phases = answer.json()["latency_ms"]
    total = phases.pop("total")
    assert phases.keys() == {"read", "decode", "queue", "infer", "post"}
    assert all(ms >= 0 for ms in phases.values())
    assert sum(phases.values()) == pytest.approx(total, rel=0.05)
    named = [part.split(";dur=") for part in answer.headers["server-timing"].split(", ")]
    assert {name: pytest.approx(float(ms), abs=0.01) for name, ms in named} == phases | {
        "total": total
    }


def test_however_many_are_asked_for_the_first_are_the_same(
    client: TestClient, photo: bytes
) -> None:
    """The engine ranks the first five; beyond them, and with classes asked for, the service."""
    few, many, asked = (
        client.post(f"/predict/toy?{query}", content=photo, headers=JPEG).json()["predictions"][0]
        for query in ("top=5", "top=10", "top=5&cam=9,8")
    )
    assert [row["index"] for row in many["top5"][:5]] == [row["index"] for row in few["top5"]]
    assert len(many["top5"]) == 10
    assert sum(row["probability"] for row in many["top5"]) == pytest.approx(1)
    for one, other in zip(few["top5"], asked["top5"], strict=True):
        assert one["label"] == other["label"]
        assert one["probability"] == pytest.approx(other["probability"], rel=1e-5)


@pytest.mark.parametrize(("cam", "count"), [("none", 0), ("top1", 1), ("top5", 5), ("3,7", 2)])
def test_cam_chooses_the_maps(client: TestClient, photo: bytes, cam: str, count: int) -> None:
    answer = client.post(f"/predict/toy?cam={cam}", content=photo, headers=JPEG)
    cams = answer.json()["predictions"][0]["cams"]
    assert len(cams) == count
    if cam == "3,7":
        assert [c["index"] for c in cams] == [3, 7]


@pytest.mark.parametrize("kind", ["heatmap", "overlay"])
def test_maps_come_as_pictures_too(client: TestClient, photo: bytes, kind: str) -> None:
    answer = client.post(f"/predict/toy?cam=top1&cam_as={kind}", content=photo, headers=JPEG)
    (cam,) = answer.json()["predictions"][0]["cams"]
    assert cam["map"] is None
    assert cam["image"].startswith("data:image/png;base64,")


def test_a_form_carries_many_images_in_order(client: TestClient) -> None:
    files = [("image", (f"{c}.png", png(c), "image/png")) for c in ("red", "blue", "white")]
    together = client.post("/predict/toy", files=files).json()["predictions"]
    alone = [
        client.post("/predict/toy", content=png(c), headers={"Content-Type": "image/png"}).json()
        for c in ("red", "blue", "white")
    ]
    assert together == [one["predictions"][0] for one in alone]
    assert len({one["top1"]["index"] for one in together}) > 1


def test_cam_is_a_picture_of_the_size_asked_for(client: TestClient, photo: bytes) -> None:
    answer = client.post("/cam/toy?class=4&size=300", content=photo, headers=JPEG)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "image/png"
    assert answer.headers["x-class"] == "4 class 4"
    assert Image.open(io.BytesIO(answer.content)).size == (300, 300)


def test_a_request_id_is_echoed_or_made(client: TestClient) -> None:
    assert client.get("/models", headers={"X-Request-ID": "mine-7"}).headers["x-request-id"] == (
        "mine-7"
    )
    made = {client.get("/models").headers["x-request-id"] for _ in range(2)}
    assert len(made) == 2
    long = client.get("/models", headers={"X-Request-ID": "x" * 500}).headers["x-request-id"]
    assert len(long) < 100


@pytest.mark.parametrize(
    ("path", "status", "said"),
    [
        ("/predict/nosuch", 404, "there are: other, toy"),
        ("/predict/toy?version=9", 404, "toy has no version 9 here; there are: 1"),
        ("/predict/toy?top=0", 422, "top"),
        ("/predict/toy?top=11", 422, "top"),
        ("/predict/toy?cam=all", 422, "cam is none, top1, top5, or class indices"),
        ("/predict/toy?cam=10", 422, "toy has no class 10: its classes are 0 to 9"),
        ("/predict/toy?cam=1,2,3,4,5,6", 422, "cam names 6 classes, at most 5"),
        ("/predict/toy?cam_as=gif", 422, "cam_as"),
        ("/predict/toy?timeout_ms=0", 422, "timeout_ms"),
        ("/cam/toy?class=10", 422, "toy has no class 10"),
        ("/cam/toy?size=5", 422, "size"),
        ("/nowhere", 404, "Not Found"),
    ],
)
def test_wrong_questions_are_answered_plainly(
    client: TestClient, photo: bytes, path: str, status: int, said: str
) -> None:
    assert said in problem(client.post(path, content=photo, headers=JPEG), status)


@pytest.mark.parametrize(
    ("body", "kind", "status", "said"),
    [
        (b"hello", "image/jpeg", 400, "no image file"),
        (b"", "image/jpeg", 400, "the body is empty"),
        (png()[:50], "image/png", 400, "broken or incomplete"),
        (png(), "text/plain", 415, "`Content-Type: image/jpeg`"),
        (png(), "application/x-www-form-urlencoded", 415, "application/x-www-form-urlencoded"),
        (b"x", "multipart/form-data", 400, "the form cannot be read"),
        (png(size=(2000, 1500)), "image/png", 413, "2000 x 1500 pixels"),
        (bytes(300_000), "image/jpeg", 413, "the body is larger than"),
    ],
)
def test_wrong_bodies_are_answered_plainly(
    settings: Settings, body: bytes, kind: str, status: int, said: str
) -> None:
    strict = settings.model_copy(update={"max_body": 2**18, "max_pixels": 2_000_000})
    with TestClient(create_app(strict)) as client:
        wait_ready(client)
        answer = client.post("/predict/toy", content=body, headers={"Content-Type": kind})
        assert said in problem(answer, status)
        assert client.get("/health/ready").status_code == 200


def test_a_body_without_a_length_is_bounded_as_well(settings: Settings) -> None:
    strict = settings.model_copy(update={"max_body": 1000})
    with TestClient(create_app(strict)) as client:
        wait_ready(client)
        answer = client.post("/predict/toy", content=iter([bytes(600)] * 3), headers=JPEG)
        problem(answer, 413)


def test_too_many_images_or_none(settings: Settings) -> None:
    strict = settings.model_copy(update={"max_images": 2})
    with TestClient(create_app(strict)) as client:
        wait_ready(client)
        three = [("image", (f"{i}.png", png(), "image/png")) for i in range(3)]
        assert "at most 2 images" in problem(client.post("/predict/toy", files=three), 413)
        other = {"picture": ("a.png", png(), "image/png")}
        assert "named `image`" in problem(client.post("/predict/toy", files=other), 400)


def test_the_bad_image_of_a_form_is_named(client: TestClient) -> None:
    files = [("image", ("a.png", png())), ("image", ("b.png", b"no")), ("image", ("c.png", png()))]
    assert problem(client.post("/predict/toy", files=files), 400).startswith("image 2 of 3: ")


def test_a_compressed_body_is_refused(client: TestClient, photo: bytes) -> None:
    headers = JPEG | {"Content-Encoding": "gzip"}
    problem(client.post("/predict/toy", content=photo, headers=headers), 415)


def test_a_crash_shows_no_traceback(client: TestClient, photo: bytes) -> None:
    registry = client.app.state.registry  # type: ignore[attr-defined]
    registry.get("toy").model._ranked = None
    answer = client.post("/predict/toy", content=photo, headers=JPEG)
    assert "a bug in the service" in problem(answer, 500)
    assert client.post("/predict/other", content=photo, headers=JPEG).status_code == 200


def test_models_are_listed_and_described(client: TestClient) -> None:
    listed = client.get("/models").json()
    assert [m["name"] for m in listed["models"]] == ["other", "toy"]
    assert listed["models"][1]["precisions"] == []
    assert listed["models"][1]["input"] == {"channels": 3, "height": 32, "width": 32}
    detail = client.get("/models/toy").json()
    assert detail["versions"] == [1]
    assert detail["card"]["labels"][3] == "class 3"
    problem(client.get("/models/nosuch"), 404)


def test_latency_counts_every_answer(client: TestClient, photo: bytes) -> None:
    for _ in range(20):
        client.post("/predict/toy", content=photo, headers=JPEG)
    summary = client.get("/models/toy/latency").json()
    total = summary["phases_ms"]["total"]
    assert total["count"] == 20
    assert total["p50"] <= total["p95"] <= total["p99"] <= total["max"]
    assert summary["batch_sizes"] == {"1": 21}  # and the canary
    rows = client.get("/latency").json()["models"]
    assert [(r["model"], r["phases_ms"]["total"]["count"]) for r in rows] == [
        ("other", 0),
        ("toy", 20),
    ]


def test_metrics_are_what_prometheus_reads(client: TestClient, photo: bytes) -> None:
    def sample(text: str, name: str) -> float:
        return sum(float(row.split()[-1]) for row in text.splitlines() if row.startswith(name))

    before = client.get("/metrics").text
    client.post("/predict/toy", content=photo, headers=JPEG)
    client.post("/predict/toy", content=b"no", headers=JPEG)
    client.post("/predict/nosuch", content=photo, headers=JPEG)
    after = client.get("/metrics").text
    labels = 'engine="null",model="toy"'
    for name, grown in {
        f'convoy_requests_total{{{labels},status="200",version="1"}}': 1,
        f'convoy_requests_total{{{labels},status="400",version="1"}}': 1,
        f'convoy_images_total{{{labels},version="1"}}': 1,
        f'convoy_phase_seconds_count{{{labels},phase="total",version="1"}}': 1,
        f'convoy_batch_size_count{{{labels},version="1"}}': 1,
        f'convoy_batches_total{{{labels},released="idle",version="1"}}': 1,
        'convoy_rejected_total{model="toy",reason="bad-image"}': 1,
        'convoy_rejected_total{model="",reason="unknown-model"}': 1,
    }.items():
        assert sample(after, name) - sample(before, name) == grown, name
    assert sample(after, f'convoy_model_ready{{{labels},version="1"}}') == 1
    assert sample(after, f'convoy_queue_depth{{{labels},version="1"}}') == 0
    assert f'convoy_model_load_seconds{{{labels},version="1"}}' in after


def test_the_page_and_the_api_description_are_there(client: TestClient) -> None:
    assert "<title>" in client.get("/").text
    assert client.get("/page/style.css").status_code == 200
    docs = client.get("/docs").text
    loaded = re.findall(r'(?:src|href)="([^"]+)"', docs)
    assert loaded
    for address in loaded:  # from here, and not from elsewhere
        assert client.get(address).status_code == 200
    paths = client.get("/openapi.json").json()["paths"]
    assert "image/jpeg" in json.dumps(paths["/predict/{name}"]["post"]["requestBody"])
    assert "429" in paths["/predict/{name}"]["post"]["responses"]


def test_images_are_answered_side_by_side(client: TestClient) -> None:
    def post(colour: str) -> str:
        headers = {"Content-Type": "image/png"}
        answer = client.post("/predict/toy", content=png(colour), headers=headers)
        return str(answer.json()["predictions"][0]["top5"])

    colours = ["red", "green", "blue", "white", "black"]
    expected = {c: post(c) for c in colours}
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(post, colours * 8)) == [expected[c] for c in colours * 8]


def test_nothing_loaded_is_not_ready(tmp_path: Path) -> None:
    settings = Settings(artifacts=tmp_path, engine="null", models="lenet5_plain")
    with TestClient(create_app(settings)) as client:
        for _ in range(1000):
            answer = client.get("/health/ready").json()
            if answer["reason"] != "loading models":
                break
        reason = "lenet5_plain is not exported: run `make export MODELS=lenet5_plain`"
        assert answer["reason"] == reason
        assert answer["refused"] == {"lenet5_plain": reason}
        assert client.get("/health/live").status_code == 200
        assert "make export" in problem(client.post("/predict/lenet5_plain"), 404)
