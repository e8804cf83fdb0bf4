"""Prices against other sources: the same by another way, the mark by its index, the index by other venues."""

from decimal import Decimal

import pytest

from portfolio.core.valuation import Valuation
from reconciliation.core.compare import Mismatch, mismatches
from reconciliation.core.grades import Tolerances
from reconciliation.core.prices import Priced, ours, theirs, tolerance
from reconciliation.core.sizes import sized
from tests.builders.books import AT, INVERSE, LINEAR, book_of, common, opening

D = Decimal


def valued(price: str = "2000", usdt: str = "1") -> Valuation:
    return Valuation(book_of(opening("-10", "2000")), common(price, usdt=usdt), AT)


def differing(mark: str, index: str, valuation: Valuation | None = None, name: str = LINEAR) -> list[Mismatch]:
    valuation = valuation or valued()
    stated = theirs([Priced(instrument=name, mark=D(mark), index=D(index))])
    return mismatches("mark", ours(stated, valuation), stated, lambda item: tolerance(item, Tolerances(), valuation))


def what(found: list[Mismatch]) -> list[str]:
    return [one.item.partition(" ")[2] for one in found]


def test_prices_that_agree_differ_nowhere() -> None:
    assert differing("2000", "2000") == []
    assert differing("2009", "1995") == []


@pytest.mark.parametrize(
    ("mark", "index", "told"),
    [
        ("2011", "2000", ["mark"]),  # more than 50 bp from ours
        ("2000", "2011", ["index"]),
        ("2009", "2025", ["index", "index by other venues"]),
        ("2045", "2000", ["mark", "mark by its index"]),
    ],
)
def test_what_is_too_far_from_another_source_is_told(mark: str, index: str, told: list[str]) -> None:
    assert what(differing(mark, index)) == told


def test_an_index_in_a_stablecoin_is_compared_at_the_stablecoins_price() -> None:
    assert differing("2105.26", "2105.26", valued(usdt="0.95")) == []
    assert what(differing("2000", "2000", valued(usdt="0.95"))) == ["index", "index by other venues", "mark"]


def test_an_index_that_nobody_else_has_is_not_compared_with_others() -> None:
    marks = {key: one for key, one in common("2000").items() if key[0] != INVERSE}
    alone = Valuation(book_of(), marks, AT)
    assert what(differing("2005", "2005", alone)) == []


def test_a_price_that_we_do_not_have_is_told() -> None:
    nothing = Valuation(book_of(), {}, AT)
    assert what(differing("2000", "2000", nothing)) == ["index", "mark"]


def test_it_is_worth_what_the_positions_would_be_worth_more_or_less() -> None:
    valuation = valued()
    (found,) = (one for one in differing("2100", "2000", valuation) if one.item == f"{LINEAR} mark")
    made = sized("marks:binance-usdm", "binance-usdm", "mark", found, valuation)
    assert (made.amount, made.unit, made.usd) == (D(100), "USDT", D(1000))  # 10 ETH, 100 USDT off
