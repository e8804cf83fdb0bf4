"""Effects: what an order would change is what it does change."""

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hedgeapp.core.events import Event, Recorded
from hedgeapp.core.events.orders import OrderIntended
from hedgeapp.core.events.trading import FillRecorded, Side
from portfolio.core.book import Book
from portfolio.core.effects import Effect, InstrumentIsUnknown, account_margin, effect, filled
from portfolio.core.exposure import exposure
from portfolio.core.frames import frame
from portfolio.core.margin import margin_rows
from portfolio.core.pnl import valued_positions
from portfolio.core.snapshots import dump
from portfolio.core.valuation import Marks, Valuation
from tests.builders.books import (
    AT,
    COINM,
    INVERSE,
    LINEAR,
    USDM,
    D,
    balance,
    book_of,
    collateral,
    common,
    fill,
    mark,
    opening,
)
from tests.builders.orders import intended
from tests.strategies import fills, prices, sides

SETTLEMENT = {LINEAR: "USDT", INVERSE: "ETH"}
ACCOUNT = {LINEAR: USDM, INVERSE: COINM}


def held(*events: Event) -> Book:
    """Return a book with collateral, cash in both accounts and shorts at both venues."""
    return book_of(
        collateral("stETH", "1000"),
        balance(USDM, "USDT", "400000"),
        balance(COINM, "ETH", "300"),
        opening("-500", "2000", last="1"),
        opening("-100000", "2000", INVERSE, last="1"),
        *events,
    )


def order(instrument: str, side: Side, quantity: Decimal | str, price: Decimal | str) -> OrderIntended:
    return intended(account=ACCOUNT[instrument], instrument=instrument, side=side, quantity=D(quantity), price=D(price))


def really_filled(book: Book, asked: OrderIntended) -> Book:
    """Fold the fill that the venue would report, and then the wallet that it would state."""
    key = (asked.account, asked.instrument)
    settled = book.positions[key].settled if key in book.positions else D(0)
    done = fill(
        asked.side, asked.quantity, asked.price, trade_id="9" * 12, instrument=asked.instrument, account=asked.account
    )
    latest = max((one.at for one, _ in book.positions[key].state().fills), default=AT) if key in book.positions else AT
    book.apply(Recorded(seq=book.seq + 1, recorded_at=AT, event=replace(done, at=latest)))
    asset = SETTLEMENT[asked.instrument]
    wallet = book.balances[asked.account, asset].total + book.positions[key].settled - settled
    book.apply(Recorded(seq=book.seq + 1, recorded_at=AT, event=balance(asked.account, asset, wallet)))
    return book


def measured(book: Book, marks: Marks, asked: OrderIntended) -> tuple[Decimal | None, ...]:
    """Return the live numbers that an effect speaks of, from a frame."""
    found = frame(book, marks, (), number=1, at=AT)
    ether = next(row for row in found.exposure if row.currency == "ETH")
    asset = SETTLEMENT[asked.instrument]
    margin = next(row for row in found.margin if (row.account, row.settlement) == (asked.account, asset))
    near = [row.price.value for row in margin.liquidations if row.currency == "ETH"]
    return (
        ether.net.value,
        ether.band_share.value,
        book.positions[asked.account, asked.instrument].quantity,
        margin.margin_ratio.value,
        margin.headroom.value,
        margin.headroom_usd.value,
        near[0] if near else None,
    )


def told(found: Effect, when: str) -> tuple[Decimal | None, ...]:
    changes = (
        found.net,
        found.band_share,
        found.position,
        found.margin_ratio,
        found.headroom,
        found.headroom_usd,
        found.liquidation_price,
    )
    return tuple(getattr(change, when).value for change in changes)


@given(
    instrument=st.sampled_from([LINEAR, INVERSE]),
    side=sides,
    contracts=st.integers(1, 300_000),
    price=st.decimals("500", "9000", places=2),
    marked=st.decimals("500", "9000", places=2),
)
def test_the_effect_of_an_order_is_what_filling_it_does(
    instrument: str, side: Side, contracts: int, price: Decimal, marked: Decimal
) -> None:
    book, marks = held(), common(marked)
    asked = order(instrument, side, D(contracts) / (100 if instrument == LINEAR else 1), price)
    expected = effect(asked, book, marks, AT)
    assert told(expected, "before") == measured(book, marks, asked)
    assert told(expected, "after") == measured(really_filled(book, asked), marks, asked)


@given(before=fills(LINEAR, size_max=12), side=sides, price=prices)
def test_it_goes_on_from_whatever_fills_there_were(before: list[FillRecorded], side: Side, price: Decimal) -> None:
    book, marks = held(*before), common("2000")
    asked = order(LINEAR, side, "77.5", price)
    expected = effect(asked, book, marks, AT)
    assert told(expected, "after") == measured(really_filled(book, asked), marks, asked)


def test_the_first_position_of_an_account_has_an_effect_too() -> None:
    book = book_of(collateral("stETH", "30"), balance(COINM, "ETH", "10"))
    found = effect(order(INVERSE, "sell", "6000", "2000"), book, common("2000"), AT)
    assert (found.net.before.value, found.net.after.value) == (D(40), D(10))
    assert (found.position.before.value, found.position.after.value) == (D(0), D(-6000))
    assert (found.band_share.before.value, found.band_share.after.value) == (D("1.6"), D("0.4"))
    assert found.margin_ratio.after.value == D("0.015")
    assert found.liquidation_price.before.value is None
    assert found.liquidation_price.before.because == f"{COINM} has no position in ETH"
    assert found.liquidation_price.after.value == 60_000 * D("0.995") / 20


def test_the_book_stays_as_it_is() -> None:
    book = held()
    before = dump(book)
    effect(order(LINEAR, "buy", "600", "1900"), book, common("2000"), AT)
    assert dump(book) == before


def test_a_stale_position_does_not_become_fresh_by_an_order_that_was_not_sent() -> None:
    old = common("2000") | {(LINEAR, "mark"): mark(LINEAR, "mark", "2000", AT.replace(hour=10))}
    found = effect(order(LINEAR, "buy", "10", "2000"), held(), old, AT)
    assert found.headroom.after.state == found.headroom.before.state == "stale"


def test_without_a_balance_the_margin_is_unknown_and_says_so() -> None:
    book = book_of(collateral("stETH", "30"))
    found = effect(order(INVERSE, "sell", "6000", "2000"), book, common("2000"), AT)
    assert found.net.after.value == 0
    assert found.headroom.after.value is None
    assert found.headroom.after.because == f"no balance of {COINM} in ETH is known: its feed has not stated one"


def test_an_unknown_instrument_is_named() -> None:
    asked = intended(instrument="binance-usdm:DOGE-USDT-PERP")
    with pytest.raises(InstrumentIsUnknown, match="DOGE"):
        effect(asked, held(), common("2000"), AT)


def test_what_is_measured_beside_equals_the_exposure_of_the_filled_book() -> None:
    book, asked = held(), order(INVERSE, "buy", "150000", "1875")
    beside = exposure(filled(asked, book, AT), common("1900"), AT)
    really = exposure(really_filled(book, asked), common("1900"), AT)
    assert [row.net.value for row in beside] == [row.net.value for row in really]


def test_the_margin_of_an_account_in_one_asset_is_its_row_among_all() -> None:
    valuation = Valuation(held(), common("2000"), AT)
    rows = {(row.account, row.settlement): row for row in margin_rows(valued_positions(valuation), valuation)}
    assert rows.keys() == {(USDM, "USDT"), (COINM, "ETH")}
    for account in (USDM, COINM):
        for asset in ("USDT", "ETH", "BTC"):
            assert account_margin(account, asset, valuation) == rows.get((account, asset))
