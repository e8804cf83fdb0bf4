"""What ccxt says of an exchange's contracts becomes instruments, and what contradicts itself is refused by field."""

from contextlib import suppress
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import ccxt
import ccxt.pro
import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketdata.core.ccxt_exchanges import IDS
from marketdata.core.ccxt_markets import instruments, name_of, symbol_of
from marketdata.core.reference import ReferenceContradicts

D = Decimal
LINEAR: dict[str, Any] = {
    "id": "ETH_USDT",
    "symbol": "ETH/USDT:USDT",
    "base": "ETH",
    "quote": "USDT",
    "settle": "USDT",
    "type": "swap",
    "swap": True,
    "future": False,
    "contract": True,
    "linear": True,
    "inverse": False,
    "active": True,
    "contractSize": 0.01,
    "expiry": None,
    "precision": {"price": 0.05, "amount": 1.0},
    "limits": {"amount": {"min": 1.0, "max": 1e6}},
}
INVERSE = LINEAR | {"id": "BTC_USD", "symbol": "BTC/USD:BTC", "base": "BTC", "quote": "USD", "settle": "BTC"}
INVERSE |= {"linear": False, "inverse": True, "contractSize": 1.0, "precision": {"price": 0.1, "amount": 1.0}}
DATED = INVERSE | {"id": "BTC_USD_20270326", "symbol": "BTC/USD:BTC-270326", "type": "future"}
DATED |= {"swap": False, "future": True, "expiry": 1806048000000}
# Of each exchange that the form offers: what the feed needs, by ccxt's own names of it.
NEEDED = ("swap", "watchOrderBook", "watchTrades", "watchTicker", "fetchFundingRate")


def found(*rows: dict[str, Any], symbol: str = "ETH-USDT-PERP") -> Any:
    """Return the one instrument that rows give."""
    (one,) = instruments("gate", rows, symbols=[symbol], assets={"BTC", "ETH", "USDT"})
    return one


def test_a_linear_perpetual_keeps_its_steps_to_the_last_digit() -> None:
    one = found(LINEAR)
    assert (one.id, one.venue_symbol, one.kind, one.expiry) == ("gate:ETH-USDT-PERP", "ETH_USDT", "linear", "perpetual")
    assert (one.contract_size, one.tick_size, one.step_size) == (D("0.01"), D("0.05"), D(1))
    assert name_of(one) == "ETH/USDT:USDT"


def test_an_inverse_perpetual_is_settled_in_its_base() -> None:
    one = found(INVERSE, symbol="BTC-USD-PERP")
    assert (one.kind, one.settlement, one.contract_size, one.expires_at) == ("inverse", "BTC", D(1), None)


def test_a_dated_contract_has_its_day_in_both_spellings() -> None:
    one = found(DATED, symbol="BTC-USD-20270326")
    assert (one.expiry, one.expires_at) == ("dated", datetime(2027, 3, 26, 8, tzinfo=UTC))
    assert name_of(one) == DATED["symbol"]


@pytest.mark.parametrize(
    "change", [{"settle": "ETC"}, {"type": "spot"}, {"type": "option"}, {"base": None}, {"type": None}]
)
def test_what_is_settled_in_a_third_asset_or_is_no_future_has_no_spelling(change: dict[str, Any]) -> None:
    assert symbol_of(INVERSE | change) is None


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"linear": False, "inverse": True}, "linear"),
        ({"inverse": True}, "inverse"),
        ({"contract": False}, "contract"),
        ({"swap": False, "future": True}, "swap"),
        ({"active": None}, "active"),
        ({"contractSize": None}, "contractSize"),
        ({"contractSize": 0}, "contractSize"),
        ({"contractSize": float("nan")}, "contractSize"),
        ({"precision": {"price": None, "amount": 1}}, "precision.price"),
        ({"precision": None}, "precision.price"),
        ({"precision": {"price": 0.05, "amount": -1}}, "precision.amount"),
        ({"limits": {"amount": {"min": 0.5}}}, "limits.amount.min"),
        ({"symbol": "ETH/USDT:USDC"}, "symbol"),
        ({"symbol": "ETH/USDT"}, "symbol"),
    ],
)
def test_a_contradiction_is_refused_by_its_field(change: dict[str, Any], field: str) -> None:
    with pytest.raises(ReferenceContradicts, match=rf"^gate:ETH-USDT-PERP: {field}: "):
        found(LINEAR | change)


def test_an_asset_that_nobody_knows_is_refused() -> None:
    row = LINEAR | {"base": "SOL", "symbol": "SOL/USDT:USDT"}
    with pytest.raises(ReferenceContradicts, match="base: one of BTC, ETH, USDT expected, found SOL"):
        found(row, symbol="SOL-USDT-PERP")


def test_two_contracts_of_one_spelling_are_refused_and_none_too() -> None:
    with pytest.raises(ReferenceContradicts, match="one contract expected, found another one, ETH_USDT2"):
        found(LINEAR, LINEAR | {"id": "ETH_USDT2"})
    with pytest.raises(ReferenceContradicts, match="a linear or inverse contract expected, found none"):
        found(INVERSE)


def test_a_row_that_nobody_wants_stops_nothing() -> None:
    assert found({}, LINEAR, DATED | {"expiry": "never"}, INVERSE | {"contractSize": None}).symbol == "ETH-USDT-PERP"


@given(
    change=st.dictionaries(
        st.sampled_from(sorted(LINEAR)),
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9) | st.just({}),
    )
)
def test_whatever_a_row_holds_it_becomes_an_instrument_or_is_refused(change: dict[str, Any]) -> None:
    with suppress(ReferenceContradicts):
        one = found(LINEAR | change)
        assert one.contract_size > 0
        assert one.tick_size > 0


@pytest.mark.parametrize("id_", IDS)
def test_each_exchange_of_the_form_has_by_ccxts_word_what_the_feed_needs(id_: str) -> None:
    exchange = getattr(ccxt.pro, id_)()
    assert [name for name in NEEDED if not exchange.has.get(name)] == []
    assert exchange.precisionMode == ccxt.TICK_SIZE
