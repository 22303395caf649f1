"""The simulation against the closed forms of queueing theory, and the batcher's rules by hand."""

import math

import numpy as np
import pytest

from bench.queueing import F64, Station, simulate

IMAGES = 50_000
MEAN = 0.010  # seconds of service
TOLERANCE = 0.05  # of the mean wait; the seeds stay, so does the deviation


def plain(lanes: int) -> Station:
    """No batches, and nobody is quicker alone: what the textbooks treat."""
    return Station(lanes, 1, alone=MEAN, batch=lambda _: MEAN)


def poisson(rate: float, count: int = IMAGES) -> F64:
    return np.cumsum(np.random.default_rng(1).exponential(1 / rate, count))


def exponential() -> F64:
    return np.random.default_rng(2).exponential(1.0, IMAGES)


@pytest.mark.parametrize("load", [0.3, 0.6, 0.8])
def test_one_server_with_exponential_times_is_m_m_1(load: float) -> None:
    """Mean wait rho / (mu - lambda); the whole stay is exponential with rate mu - lambda."""
    rate = load / MEAN
    stay = simulate(plain(1), poisson(rate), exponential())
    assert np.mean(stay) - MEAN == pytest.approx(load / (1 / MEAN - rate), rel=TOLERANCE)
    assert np.quantile(stay, 0.99) == pytest.approx(-math.log(0.01) / (1 / MEAN - rate), rel=0.1)


@pytest.mark.parametrize("load", [0.3, 0.6, 0.8])
def test_one_server_with_constant_times_is_m_d_1(load: float) -> None:
    """Half the wait of M/M/1 (Pollaczek and Khinchine)."""
    rate = load / MEAN
    stay = simulate(plain(1), poisson(rate), np.ones(IMAGES))
    assert np.mean(stay) - MEAN == pytest.approx(load / (1 / MEAN - rate) / 2, rel=TOLERANCE)


@pytest.mark.parametrize("lanes", [2, 4])
def test_several_servers_with_exponential_times_are_m_m_c(lanes: int) -> None:
    """Mean wait by Erlang's C."""
    offered = 0.8 * lanes  # erlangs
    terms = [offered**k / math.factorial(k) for k in range(lanes)]
    full = offered**lanes / math.factorial(lanes) / 0.2
    wait = full / (sum(terms) + full) * MEAN / (0.2 * lanes)
    stay = simulate(plain(lanes), poisson(offered / MEAN), exponential())
    assert np.mean(stay) - MEAN == pytest.approx(wait, rel=TOLERANCE)


def test_batches_of_any_size_at_a_constant_price_answer_any_rate() -> None:
    """What waits leaves with the next batch, so nobody stays longer than two of them."""
    station = Station(1, 10_000, alone=MEAN, batch=lambda _: MEAN, share_out=False)
    stay = simulate(station, poisson(50 / MEAN, 20_000), np.ones(20_000))
    assert stay.min() >= MEAN
    assert stay.max() <= 2 * MEAN


def test_the_rules_of_the_batcher_by_hand() -> None:
    """Two lanes, so three places: the lone image, then what waits in shares of a third."""
    taken: list[int] = []

    def seconds(images: int) -> float:
        taken.append(images)
        return 2.0 * images

    station = Station(2, 8, alone=1.0, batch=seconds)
    arrivals = np.array([0.0, *[0.1] * 4, 100.0])
    stay = simulate(station, arrivals, np.ones(6))
    # 0 ends at 1; 1 runs beside it until 2.1; 2 was handed out and runs from 1 to 3;
    # when 0 was done a third of the two that waited was taken: 3 from 2.1, 4 from 3
    assert taken == [1, 1, 1, 1]
    assert stay == pytest.approx([1.0, 2.0, 2.9, 4.0, 4.9, 1.0])


def test_what_waits_is_shared_out_and_never_exceeds_the_largest_batch() -> None:
    taken: list[int] = []

    def seconds(images: int) -> float:
        taken.append(images)
        return 1.0

    together = np.array([0.0, *[0.5] * 30])
    simulate(Station(1, 4, alone=1.0, batch=seconds), together, np.ones(31))
    assert taken == [4] * 7 + [2]
    taken.clear()
    simulate(Station(2, 16, alone=1.0, batch=seconds), together, np.ones(31))
    assert taken[:2] == [1, 1]
    assert taken[2] == math.ceil(28 / 3)
    assert sum(taken) == 30
