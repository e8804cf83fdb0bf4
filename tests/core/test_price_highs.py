"""A move is worth the highest price of the last day, by fresh marks only, and never by a mark that is not there."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from hedgeapp.core.events import Recorded
from hedgeapp.core.events.marks import MarksTaken
from portfolio.core.book import Book
from portfolio.core.move_values import MovePrice, price
from portfolio.core.price_highs import PriceHighs
from portfolio.core.valuation import Valuation
from tests.builders.books import AT, D, common, mark, marks_of, recorded, reference
from tests.builders.books import asset as introduced_asset

HOUR = timedelta(hours=1)


def book_of(*taken: tuple[datetime, str]) -> Book:
    book = Book()
    events = [MarksTaken(at=at, marks=tuple(common(usd, at=at, staked="1.1").values())) for at, usd in taken]
    for one in recorded([*reference(), *events]):
        book.apply(one)
    return book


def priced(book: Book, at: datetime = AT, *, is_verified: bool = True, asset: str = "stETH") -> MovePrice:
    high = Valuation(book, book.price_highs.over(book.marks, at), at)
    return price(asset, Valuation(book, book.marks, at), high, is_verified=is_verified)


def test_the_high_of_a_day_is_remembered_and_that_of_the_day_before_is_not() -> None:
    found = priced(book_of((AT - 30 * HOUR, "9000"), (AT - 20 * HOUR, "3000"), (AT - HOUR, "2500"), (AT, "2000")))
    assert (found.usd, found.high_usd, found.trust) == (D(2_200), D(3_300), "verified")


def test_a_price_that_rises_is_its_own_high() -> None:
    assert priced(book_of((AT - HOUR, "1000"), (AT, "2000"))).high_usd == 2_200


def test_a_price_that_only_one_source_gives_is_not_verified() -> None:
    found = priced(book_of((AT, "2000")), is_verified=False)
    assert (found.trust, found.usd) == ("unverified", D(2_200))
    assert "no second source" in found.because


@pytest.mark.parametrize(("later", "trust"), [(timedelta(seconds=61), "stale"), (timedelta(seconds=40), "verified")])
def test_a_high_does_not_make_a_stale_price_fresh(later: timedelta, trust: str) -> None:
    assert priced(book_of((AT, "2000")), AT + later).trust == trust


def test_what_has_no_mark_has_no_price_and_no_high() -> None:
    found = priced(book_of((AT, "2000")), asset="wstETH")
    assert (found.usd, found.high_usd, found.trust) == (None, None, "unknown")


def test_an_assumed_price_is_not_verified() -> None:
    book = book_of()
    book.apply(Recorded(seq=book.seq + 1, recorded_at=AT, event=introduced_asset("DAI", assumed_usd="1")))
    assert (priced(book, asset="DAI").trust, priced(book, asset="DAI").usd) == ("unverified", D(1))


def test_only_prices_are_remembered_and_only_for_a_day() -> None:
    highs = PriceHighs()
    for hour in range(40):
        at = AT + hour * HOUR
        marks = (mark("ETH", "usd", str(2_000 - hour), at), mark("X", "funding_rate", "1", at))
        highs.note(MarksTaken(at=at, marks=marks))
    kept = list(highs)
    assert {high.mark.subject for high in kept} == {"ETH"}
    assert len(kept) == 25
    now = AT + 39 * HOUR
    over = highs.over(marks_of(mark("ETH", "usd", "1", now)), now)
    assert over["ETH", "usd"].value == 2_000 - 15
    assert over["ETH", "usd"].at == now
    assert highs.over({}, now) == {}


def test_a_suspect_price_is_no_high() -> None:
    highs = PriceHighs()
    marks = (
        replace(mark("ETH", "usd", "9000", AT), suspect="sources that agree expected"),
        mark("BTC", "usd", "1", AT),
    )
    highs.note(MarksTaken(at=AT, marks=marks))
    over = highs.over(marks_of(mark("ETH", "usd", "3000", AT)), AT)
    assert over["ETH", "usd"].value == 3_000
