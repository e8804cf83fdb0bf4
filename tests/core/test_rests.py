"""Rests: when what nothing explains calls somebody."""

from datetime import timedelta
from decimal import Decimal

import pytest

from portfolio.core.alert_watch import Verdict
from portfolio.core.rests import AGE_MAX, RestState, rest_readings, standing
from tests.builders.books import AT, D, book_of, limit


@pytest.mark.parametrize(
    ("rests", "usd"),
    [
        ([], 0),
        (["700"], 0),  # of one minute alone nobody knows yet whether the next takes it back
        (["700", "0"], 700),
        (["700", "-700"], 0),
        (["0", "700", "-700", "0"], 0),
        (["250", "700"], 250),
        (["250", "-200"], 50),
        (["250", "-300"], 0),
        (["-0.004", "-0.003"], "-0.004"),
    ],
)
def test_a_rest_stands_when_two_minutes_agree_on_it(rests: list[str], usd: str) -> None:
    assert standing(map(D, rests)) == D(usd)


@pytest.mark.parametrize(
    ("usd", "most", "verdict"), [("99", None, "well"), ("-101", None, "ill"), ("101", "200", "well"), ("2", "1", "ill")]
)
def test_a_rest_beyond_its_limit_is_ill(usd: str, most: str | None, verdict: Verdict) -> None:
    book = book_of(*([limit("unexplained_usd_max", "nav", most)] if most else []))
    (found,) = rest_readings(RestState(at=AT, usd=Decimal(usd)), book, AT)
    assert (found.rule, found.verdict) == ("rest", verdict)
    assert found.said.endswith(f"{Decimal(usd):+,.2f}")


def test_a_rest_of_long_ago_says_nothing_of_now() -> None:
    state = RestState(at=AT, usd=D(0))
    (found,) = rest_readings(state, book_of(), AT + AGE_MAX + timedelta(seconds=1))
    assert (found.verdict, found.said) == (
        "no_data",
        "a minute attributed within 10 min expected, found the last at 12:00 UTC",
    )
    assert not [*rest_readings(None, book_of(), AT)]
