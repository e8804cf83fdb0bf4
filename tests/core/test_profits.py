"""Profits: what positions and staked holdings earned, by line, cut and day; and the minutes that they are cut into."""

from datetime import timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hedgeapp.core.amounts import ZERO
from hedgeapp.core.events import Recorded
from hedgeapp.core.events.feeds import FeedState, FeedStateChanged
from portfolio.core.book import Book
from portfolio.core.copies import copied
from portfolio.core.minutes import Minute, Minutes
from portfolio.core.profits import CUTS, PROFIT_LINES, merged, profits, rows, since
from tests.builders.books import AT, INVERSE, LINEAR, USDM, D
from tests.builders.ledger import Ledger

STATES: Final[tuple[FeedState, ...]] = ("disconnected", "live")

prices = st.decimals("500", "9000", places=2)
deals = st.lists(st.tuples(st.sampled_from(["buy", "sell"]), st.integers(1, 50), prices, st.booleans()), max_size=10)


def traded(ledger: Ledger, side: str, size: int, price: Decimal, is_linear: bool) -> None:
    name, fee = (LINEAR, "0.25") if is_linear else (INVERSE, "0.0001")
    ledger.told(ledger.traded(side, D(size), price, name, fee))  # type: ignore[arg-type]


def test_every_line_of_a_position_is_of_its_own_facts() -> None:
    ledger = Ledger()
    ledger.priced(D(2000), (D(2010), D(2000)))
    traded(ledger, "sell", 10, D(2005), True)
    traded(ledger, "buy", 4, D(2001), True)
    ledger.funded(D("1.5"))
    (found,) = profits(ledger.book, ledger.stated())
    assert (found.venue, found.who, found.instrument, found.asset) == ("binance-usdm", USDM, LINEAR, "USDT")
    assert found.amounts == {"unrealized": -30, "settled": 16, "fees": D("-0.5"), "funding": D("1.5")}


def test_interest_is_of_the_account_and_its_asset() -> None:
    ledger = Ledger()
    ledger.priced(D(2000))
    ledger.charged(USDM, D("-1.5"))
    ledger.charged(USDM, D("-0.25"))
    (found,) = profits(ledger.book, ledger.stated())
    assert (found.venue, found.who, found.instrument, found.asset) == ("binance-usdm", USDM, "USDT", "USDT")
    assert found.amounts == {"borrow": D("-1.75")}


@given(deals=deals, price=prices)
def test_every_cut_sums_to_the_same(deals: list[tuple[str, int, Decimal, bool]], price: Decimal) -> None:
    ledger = Ledger()
    ledger.priced(price)
    for deal in deals:
        traded(ledger, *deal)
    stood = ledger.stated()
    of = profits(ledger.book, stood)
    whole = {row.name: row.amounts for row in rows(of, "asset", stood)}
    for cut in CUTS:
        sums = {asset: dict.fromkeys(PROFIT_LINES, ZERO) for asset in whole}
        for row in rows(of, cut, stood):
            assert row.total == sum(row.amounts.values())
            for line, units in row.amounts.items():
                sums[row.asset][line] += units
        assert sums == whole


@given(before=deals, after=deals, price=prices, later=prices)
def test_a_day_and_what_was_before_it_are_the_whole(
    before: list[tuple[str, int, Decimal, bool]],
    after: list[tuple[str, int, Decimal, bool]],
    price: Decimal,
    later: Decimal,
) -> None:
    ledger = Ledger()
    ledger.priced(price)
    for deal in before:
        traded(ledger, *deal)
    opening = profits(ledger.book, ledger.stated())
    ledger.priced(later)
    for deal in after:
        traded(ledger, *deal)
    now = profits(ledger.book, ledger.stated())
    day = {one.key: one.amounts for one in since(opening, now)}
    then = {one.key: one.amounts for one in opening}
    for one in now:
        for line in PROFIT_LINES:
            parts = then.get(one.key, {}).get(line, ZERO) + day.get(one.key, {}).get(line, ZERO)
            assert parts == one.amounts.get(line, ZERO)


def test_an_asset_without_a_price_has_a_profit_and_no_usd() -> None:
    ledger = Ledger()
    ledger.priced(D(2000))
    traded(ledger, "sell", 1, D(2000), True)
    stood = ledger.stated()
    stood.prices.pop("USDT")
    (row,) = rows(profits(ledger.book, stood), "asset", stood)
    assert (row.asset, row.total, row.usd) == ("USDT", D("-0.25"), None)


def test_staked_units_earn_by_their_rate_and_by_their_number() -> None:
    minutes = history(Ledger())
    grown = merged(*(minute.change.parts for minute in minutes))
    ledger = Ledger()
    ledger.priced(D(2000))
    found = {one.asset: one.amounts for one in profits(ledger.book, ledger.stated(), grown)}
    assert found == {"ETH": {"staking": D("0.4")}, "stETH": {"rebase": D("0.25")}}


def history(ledger: Ledger) -> list[Minute]:
    """Let some minutes pass; return them."""
    ledger.priced(D(2000))
    ledger.stated()
    for later in range(9):
        ledger.later(37)
        if later == 2:
            ledger.rebased(D("0.25"))
        if later == 3:
            traded(ledger, "sell", 10, D(2002), True)
        ledger.stated()
        ledger.priced(D(2000) + later, rate=D("1.2") + (D("0.001") if later > 3 else ZERO))
    return taken(Minutes(Book()), ledger.log)


def taken(minutes: Minutes, told: list[Recorded]) -> list[Minute]:
    return [minute for recorded in told if (minute := minutes.take(recorded)) is not None]


def test_minutes_follow_each_other_without_a_gap_and_leave_no_rest() -> None:
    minutes = history(Ledger())
    assert len(minutes) > 3
    changes = [minute.change for minute in minutes]
    assert changes[0].from_seq == changes[0].to_seq
    for one, other in pairwise(changes):
        assert (one.to_seq, one.at, one.after) == (other.from_seq, other.from_at, other.before)
        assert other.at - other.from_at >= timedelta(seconds=30)
    assert [one.rest for one in changes] == [0] * len(changes)
    assert minutes[0].opening == ()


@pytest.mark.parametrize("place", range(4))
def test_whoever_begins_at_a_cut_gets_the_same_minutes(place: int) -> None:
    ledger = Ledger()
    minutes = history(ledger)
    told = ledger.log
    cut = minutes[place].change
    book = Book()
    book.fold(told[: cut.to_seq])
    again = taken(Minutes(copied(book), cut.at), told[cut.to_seq :])
    assert again == minutes[place + 1 :]


def test_minutes_without_a_net_asset_value_join_the_next_one() -> None:
    ledger = Ledger()
    history(ledger)
    gone, back = (FeedStateChanged(at=AT, feed=f"account:{USDM}", state=one, reason="") for one in STATES)
    places = [minute.change.to_seq for minute in history(Ledger())]
    blind = [*ledger.log[: places[0]], told(gone), *ledger.log[places[0] : places[1]], told(back)]
    minutes = Minutes(Book())
    first = taken(minutes, blind)
    assert minutes.because == f"account:{USDM} is disconnected: "
    found = [*first, *taken(minutes, ledger.log[places[1] :])]
    assert [one.change.to_seq for one in found] == [places[0], *places[2:]]
    assert found[1].change.from_seq == places[0]
    assert [one.change.rest for one in found] == [0] * len(found)


def told(event: FeedStateChanged) -> Recorded:
    return Recorded(seq=1, recorded_at=AT, event=event)
