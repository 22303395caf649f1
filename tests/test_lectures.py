"""Every figure of the lecture, computed; and the page that shows them is up to date."""

from pathlib import Path

import pytest

from models.examples import Value
from models.lectures import COMPUTED, Statement, agree, page, statements

PAGE = Path(__file__).parents[1] / "docs" / "lectures.md"


@pytest.mark.parametrize("one", statements(), ids=lambda one: one.name)
def test_the_verdict_is_the_one_recorded(one: Statement) -> None:
    computed = one.compute()

    assert one.verdict(computed) == one.equal, (one.stated, computed)
    assert one.remark or one.equal == "yes", "say why they differ"


def test_every_figure_is_computed_and_every_computation_is_of_a_figure() -> None:
    assert [one.name for one in statements()] == list(COMPUTED)


def test_the_page_is_up_to_date() -> None:
    """When it fails: python -m models lectures > docs/lectures.md."""
    assert PAGE.read_text(encoding="utf-8") == page()


@pytest.mark.parametrize(
    ("stated", "computed", "same"),
    [
        ("1,728 weights", 1728, True),
        ("1,728 weights", 1729, False),
        ("4,096,000", 4_096_001, False),
        ("138M", 138_357_544, True),
        ("138M", 138_500_001, False),
        ("133M", 132_499_999, False),
        ("3.2M values", 3_211_264, True),
        ("3.2M values", 3_100_000, False),
        ("800K values", 802_816, True),
        ("650K", 659_272, False),
        ("60M", 60_965_224, True),
        ("1.1 billion", 1_135_256_096, True),
        ("22", 22, True),
        ("22", 23, False),
        ("96 MB", 96.2, True),
        ("6.7", 6.67, True),
        ("99.2", 99.72, False),
        ("-0.1", -0.09999, True),
        ("-0.1", 0.1, False),
        ("0.05", 0.0512, True),
        ("7x7", "7x7", True),
        ("7x7", "7x8", False),
        ("a formula", True, True),
        ("a formula", False, False),
    ],
)
def test_numbers_agree_to_the_digits_that_are_stated(
    stated: str,
    computed: Value,
    same: bool,
) -> None:
    assert agree(stated, computed) is same


def test_a_number_needs_a_number_to_compare_with() -> None:
    with pytest.raises(ValueError, match="no number in 'about five'"):
        agree("about five", 5)
