"""What ccxt tells of an exchange, as bytes: books that come whole, prices, trades, funding, and what is refused."""

from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hedgeapp.core.instruments import Instrument
from marketdata.feeds.generic.market import Market
from marketdata.feeds.generic.messages import LEVELS_KEPT, written

NOW_MS = 1_794_000_000_000
D = Decimal
NAME = "ETH/USDT:USDT"
ETH = Instrument(
    id="gate:ETH-USDT-PERP",
    venue="gate",
    symbol="ETH-USDT-PERP",
    venue_symbol="ETH_USDT",
    kind="linear",
    expiry="perpetual",
    base="ETH",
    quote="USDT",
    settlement="USDT",
    contract_size=D("0.01"),
    tick_size=D("0.05"),
    step_size=D(1),
)
BOOK: dict[str, Any] = {"timestamp": NOW_MS, "nonce": 7, "bids": [[2500.0, 3.0]], "asks": [[2500.05, 4.0]]}
TICKER: dict[str, Any] = {"timestamp": NOW_MS, "markPrice": 2500.1, "indexPrice": "2500.2"}
TRADE: dict[str, Any] = {"id": "9", "timestamp": NOW_MS, "side": "buy", "price": 2500.0, "amount": 3.0}
FUNDING: dict[str, Any] = {"timestamp": None, "fundingRate": 1e-05, "fundingTimestamp": NOW_MS + 60_000}
FUNDING |= {"markPrice": 2500.3, "indexPrice": 2500.4}
NO_PRICES: dict[str, Any] = {"markPrice": None, "indexPrice": None}
ROWS: dict[str, Any] = {"book": BOOK, "ticker": TICKER, "trades": [TRADE], "funding": FUNDING}


def told(*said: tuple[str, Any], at_ms: int = NOW_MS, name: str = NAME) -> Market:
    """Return a market that heard structures of ccxt."""
    market = Market("gate", [ETH])
    for kind, structure in said:
        market.receive(written(kind, name, structure), at_ms)
    return market


def values(market: Market) -> dict[str, Decimal]:
    """Return the marks by kind."""
    return {mark.kind: mark.value for mark in market.marks()}


def faults(market: Market) -> list[str]:
    """Return the kinds of what was refused."""
    return [refused.fault.kind for refused in market.quarantine]


def test_a_whole_book_gives_bid_and_ask_each_with_what_is_not_proven() -> None:
    market = told(("book", BOOK))
    assert values(market) == {"bid": D("2500.00"), "ask": D("2500.05")}
    assert all("not proven" in mark.caveat for mark in market.marks())


def test_a_book_is_replaced_by_the_next_one() -> None:
    market = told(("book", BOOK), ("book", BOOK | {"nonce": 9, "bids": [[2499.95, 1.0]]}))
    assert market.books["ETH_USDT"].bids.top() == [(2499.95, 1.0)]


def test_only_the_best_levels_of_a_deep_book_are_kept() -> None:
    deep = [[2500 - tick * 0.05, 1.0] for tick in range(3 * LEVELS_KEPT)]
    assert len(told(("book", BOOK | {"bids": deep})).books["ETH_USDT"].bids.top()) == LEVELS_KEPT


def test_a_book_older_than_the_one_before_is_a_gap_and_wipes_it() -> None:
    market = told(("book", BOOK), ("book", BOOK | {"nonce": 6}))
    assert (faults(market), market.without_book()) == (["gap"], [NAME])


def test_an_exchange_that_tells_neither_time_nor_number_has_ours() -> None:
    market = told(("book", BOOK | {"timestamp": None, "nonce": None}), at_ms=NOW_MS + 5)
    at, received_at = market.book_times("ETH_USDT")
    assert at == received_at
    assert market.drift.read(NOW_MS) is None


def test_mark_and_index_that_are_streamed_are_not_taken_from_what_is_asked() -> None:
    assert values(told(("funding", FUNDING)))["mark"] == D("2500.3")
    market = told(("ticker", TICKER), ("funding", FUNDING))
    assert (values(market)["mark"], values(market)["index"]) == (D("2500.1"), D("2500.2"))


def test_a_small_rate_is_written_without_an_exponent() -> None:
    assert values(told(("funding", FUNDING)))["funding_rate"] == D("0.00001")


def test_trades_of_before_are_passed_over_and_no_fault() -> None:
    market = told(("trades", [TRADE | {"timestamp": NOW_MS - 600_000}, TRADE]))
    assert (market.roll.offered, faults(market)) == (1, [])


@pytest.mark.parametrize(
    ("kind", "structure", "fault"),
    [
        ("book", BOOK | {"bids": []}, "empty"),
        ("book", BOOK | {"bids": [[2500.05, 1.0]]}, "crossed"),
        ("book", BOOK | {"asks": [[2500.07, 1.0]]}, "off_tick"),
        ("book", BOOK | {"timestamp": 1}, "clock"),
        ("book", BOOK | {"bids": [[float("nan"), 1.0]]}, "malformed"),
        ("book", {}, "malformed"),
        ("ticker", TICKER | {"markPrice": 0}, "malformed"),
        ("ticker", TICKER | {"markPrice": 1e-300}, "malformed"),
        ("ticker", None, "malformed"),
        ("trades", [TRADE | {"side": None}], "malformed"),
        ("trades", [TRADE | {"price": 2500.01}], "off_tick"),
        ("funding", FUNDING | NO_PRICES | {"fundingRate": 0.5}, "funding"),
        ("funding", FUNDING | NO_PRICES | {"fundingTimestamp": 1}, "clock"),
    ],
)
def test_what_cannot_be_is_refused_by_name(kind: str, structure: Any, fault: str) -> None:
    market = told((kind, structure))
    assert faults(market) == [fault]
    assert market.marks() == []


def test_a_price_that_jumps_is_refused_until_it_lasts() -> None:
    market = told(("ticker", TICKER), ("ticker", TICKER | {"markPrice": 3500.0}))
    assert (faults(market), values(market)["mark"]) == (["jump"], D("2500.1"))


def test_another_contract_than_ours_is_unknown() -> None:
    assert faults(told(("ticker", TICKER), name="SOL/USDT:USDT")) == ["unknown_symbol"]


@given(noise=st.binary(max_size=99) | st.text(max_size=99))
def test_no_bytes_make_a_market_raise(noise: bytes | str) -> None:
    market = Market("gate", [ETH])
    market.receive(noise, NOW_MS)
    assert market.marks() == []


@given(kind=st.sampled_from(sorted(ROWS)), data=st.data())
def test_no_value_in_a_structure_makes_a_market_raise_or_gives_a_price_that_is_none(
    kind: str, data: st.DataObject
) -> None:
    row = ROWS[kind]
    first: Any = row[0] if isinstance(row, list) else row
    value = data.draw(st.none() | st.integers() | st.floats() | st.text(max_size=9) | st.lists(st.floats()))
    changed = {**first, data.draw(st.sampled_from(sorted(first))): value}
    market = told((kind, [changed] if isinstance(row, list) else changed))
    assert all(mark.value > 0 for mark in market.marks() if not mark.kind.startswith("funding"))
    for mark in market.marks():
        msgspec.json.encode(mark)
