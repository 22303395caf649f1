"""The load generator reads answers however they are cut, and counts what goes wrong."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.client import Load, per_answer
from bench.http import Answers, BadAnswer, request

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}"
BUSY = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n"


@given(
    st.lists(st.sampled_from([OK, BUSY]), max_size=5),
    st.lists(st.integers(1, 40), min_size=1, max_size=20),
)
def test_answers_are_found_however_the_bytes_are_cut(sent: list[bytes], cuts: list[int]) -> None:
    answers, stream = Answers(), b"".join(sent)
    statuses: list[int] = []
    while stream:
        for cut in cuts:
            statuses += answers.feed(stream[:cut])
            stream = stream[cut:]
    assert statuses == [200 if one is OK else 503 for one in sent]


@pytest.mark.parametrize(
    "bad",
    [
        b"HTTP/1.1 200 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n",
        b"SSH-2.0\r\nContent-Length: 0\r\n\r\n",
        b"\r\n\r\n",
    ],
)
def test_what_is_no_answer_is_refused(bad: bytes) -> None:
    with pytest.raises(BadAnswer):
        list(Answers().feed(bad))


def test_a_request_is_complete() -> None:
    head, _, body = request("here", "/predict/toy", b"photo").partition(b"\r\n\r\n")
    assert head.startswith(b"POST /predict/toy HTTP/1.1\r\nHost: here\r\n")
    assert b"Content-Length: 5" in head
    assert body == b"photo"


def test_every_client_gets_ten_answers_however_short_the_time(script: Any) -> None:
    payload = request("here", "/", b"x" * 100_000)
    with script(lambda _: OK) as server:
        sample = Load(server.server_address, payload, clients=3).run(0.0)
        assert set(server.requests) == {payload.replace(b"\r\n\r\n", b"\r\n", 1)}
    assert sample.errors == 0
    assert sample.count >= 3 * 10
    assert sample.rate > 0
    assert 0 < sample.p50 <= sample.p99
    assert sample.cpu is None  # nobody said whose CPU time to read
    assert sample.client_cpu is not None
    assert sample.client_cpu > 0


def test_refusals_are_errors_and_no_throughput(script: Any) -> None:
    with script(lambda number: BUSY if number % 2 else OK) as server:
        sample = Load(server.server_address, request("here", "/", b"x"), clients=1).run(0.0)
    answered = sample.count + 1 + sample.errors
    assert answered >= 10
    assert abs(sample.errors - answered / 2) <= 1


def test_a_server_that_only_refuses_has_no_rate(script: Any) -> None:
    with script(lambda _: BUSY) as server:
        sample = Load(server.server_address, request("here", "/", b"x"), clients=2).run(0.0)
    assert sample.rate == 0
    assert sample.count == 0
    assert sample.errors >= 20


def test_a_connection_that_breaks_is_an_error_and_the_others_go_on(script: Any) -> None:
    broken = iter([b""])
    with script(lambda number: next(broken, OK) if number == 3 else OK) as server:
        sample = Load(server.server_address, request("here", "/", b"x"), clients=2).run(0.0)
    assert sample.errors == 1
    assert sample.count >= 10


def test_the_servers_cpu_time_is_shared_out_over_its_answers(script: Any) -> None:
    readings = iter([10.0, 12.0])
    with script(lambda _: OK) as server:
        load = Load(server.server_address, request("here", "/", b"x"), clients=1)
        sample = load.run(0.0, lambda: next(readings))
        assert sample.cpu == 2.0 / len(server.requests)


def test_cpu_time_that_is_not_known_is_not_invented() -> None:
    assert per_answer(None, 1.0, 5) is None
    assert per_answer(1.0, 2.0, 0) is None
    assert per_answer(1.0, 2.0, 4) == 0.25
