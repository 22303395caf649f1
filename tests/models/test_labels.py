"""The names a stranger reads under every prediction."""

import pytest

from models.labels import labels


def test_imagenet_has_a_thousand_different_names() -> None:
    names = labels("imagenet")

    assert len(names) == 1000
    assert len({name.lower() for name in names}) == 1000
    assert all(name == name.strip() != "" for name in names)


@pytest.mark.parametrize(
    ("index", "name"),
    [
        (0, "tench"),
        (134, "crane bird"),
        (285, "Egyptian cat"),
        (517, "crane"),
        (999, "toilet tissue"),
    ],
)
def test_imagenet_is_in_the_order_of_the_weights(index: int, name: str) -> None:
    assert labels("imagenet")[index] == name


def test_an_unknown_set_is_answered_with_those_there_are() -> None:
    with pytest.raises(ValueError, match=r"no label set is called 'imagnet': there are imagenet"):
        labels("imagnet")
