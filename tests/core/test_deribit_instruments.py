"""What Deribit says of its contracts becomes instruments, and what contradicts itself is refused by field."""

from contextlib import suppress
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketdata.core.deribit_instruments import instruments, symbol_of
from marketdata.core.reference import ReferenceContradicts

D = Decimal
BTC: dict[str, Any] = {
    "instrument_name": "BTC-PERPETUAL",
    "kind": "future",
    "instrument_type": "reversed",
    "future_type": "reversed",
    "settlement_period": "perpetual",
    "base_currency": "BTC",
    "quote_currency": "USD",
    "counter_currency": "USD",
    "settlement_currency": "BTC",
    "contract_size": 10.0,
    "min_trade_amount": 10.0,
    "tick_size": 0.5,
    "tick_size_steps": [],
    "max_leverage": 50,
    "is_active": True,
    "state": "open",
    "expiration_timestamp": 32_503_708_800_000,
}
ETH = BTC | {"instrument_name": "ETH-PERPETUAL", "base_currency": "ETH", "settlement_currency": "ETH"}
ETH |= {"contract_size": 1.0, "min_trade_amount": 1.0, "tick_size": 0.05}
DATED = BTC | {"instrument_name": "BTC-26MAR27", "settlement_period": "month", "expiration_timestamp": 1806048000000}


def found(row: dict[str, Any], symbol: str = "BTC-USD-PERP") -> Any:
    """Return the one instrument of a row."""
    (one,) = instruments("deribit", [row], symbols=[symbol], assets={"BTC", "ETH"})
    return one


def test_an_inverse_perpetual_is_counted_in_contracts_of_its_size_in_dollars() -> None:
    one = found(BTC)
    assert (one.id, one.venue_symbol, one.kind, one.expiry) == (
        "deribit:BTC-USD-PERP",
        "BTC-PERPETUAL",
        "inverse",
        "perpetual",
    )
    assert (one.contract_size, one.step_size, one.tick_size) == (D(10), D(1), D("0.5"))
    assert (one.quote, one.settlement, one.expires_at, one.tiers) == ("USD", "BTC", None, ())
    assert one.is_trading


def test_the_smallest_amount_is_a_step_of_contracts() -> None:
    assert found(BTC | {"min_trade_amount": 50}).step_size == 5
    one = found(ETH, "ETH-USD-PERP")
    assert (one.contract_size, one.step_size, one.tick_size) == (D(1), D(1), D("0.05"))


def test_the_finest_tick_is_that_of_the_lowest_prices() -> None:
    assert found(BTC | {"tick_size_steps": [{"above_price": 100_000, "tick_size": 2.5}]}).tick_size == D("0.5")


def test_a_dated_contract_has_its_day_in_its_symbol() -> None:
    one = found(DATED, "BTC-USD-20270326")
    assert (one.expiry, one.expires_at) == ("dated", datetime(2027, 3, 26, 8, tzinfo=UTC))


@pytest.mark.parametrize("change", [{"is_active": False}, {"state": "locked"}, {"state": "halted"}])
def test_a_contract_that_is_not_traded_now_is_known_as_such(change: dict[str, Any]) -> None:
    assert not found(BTC | change).is_trading


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "option"},
        {"kind": "future_combo"},
        {"quote_currency": "USDC", "counter_currency": "USDC", "settlement_currency": "USDC"},
    ],
)
def test_kinds_that_are_not_traded_have_no_spelling(change: dict[str, Any]) -> None:
    assert symbol_of(BTC | change) is None


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"settlement_currency": "ETH"}, "settlement_currency: BTC expected, found ETH"),
        ({"settlement_currency": "USD"}, "an inverse contract of the venue expected, found none"),
        ({"counter_currency": "USDC"}, "counter_currency: USD expected, found USDC"),
        ({"instrument_type": "linear"}, "instrument_type: reversed expected, found linear"),
        ({"future_type": "linear"}, "future_type: reversed expected, found linear"),
        ({"instrument_name": "ETH-PERPETUAL"}, "a name of a perpetual contract of BTC expected, found ETH-PERPETUAL"),
        ({"instrument_name": "BTC-26MAR27"}, "a name of a perpetual contract of BTC expected, found BTC-26MAR27"),
        ({"is_active": "yes"}, "is_active: true or false expected, found yes"),
        ({"contract_size": 0}, "contract_size: from 1E-12 to 1E\\+12 expected, found 0"),
        ({"contract_size": None}, "contract_size: a number expected, found None"),
        ({"min_trade_amount": 1e300}, "min_trade_amount: from 1E-12 to"),
        ({"tick_size": "x"}, "tick_size: a number expected, found x"),
        ({"min_trade_amount": 15}, "min_trade_amount: a multiple of 10.0 expected, found 15"),
        ({"tick_size_steps": [{"above_price": 1, "tick_size": 0.7}]}, "tick_size_steps: a multiple of 0.5 expected"),
        ({"tick_size_steps": [{"above_price": 0, "tick_size": 1}]}, "above_price: from 1E-12 to"),
        ({"tick_size_steps": ["1"]}, "tick_size_steps: a list of steps expected"),
        ({"tick_size_steps": None}, "tick_size_steps: a list of steps expected"),
    ],
)
def test_what_contradicts_itself_is_refused_by_field(change: dict[str, Any], field: str) -> None:
    with pytest.raises(ReferenceContradicts, match=field):
        found(BTC | change)


def test_a_contract_twice_is_refused() -> None:
    with pytest.raises(ReferenceContradicts, match="once expected, found twice"):
        instruments("deribit", [BTC, BTC], symbols=["BTC-USD-PERP"], assets={"BTC"})


def test_steps_of_ticks_ascend() -> None:
    steps = [{"above_price": price, "tick_size": 1} for price in (100, 100)]
    with pytest.raises(ReferenceContradicts, match="above_price: above 100 expected, found 100"):
        found(BTC | {"tick_size_steps": steps})


def test_a_coin_that_is_not_known_is_refused() -> None:
    with pytest.raises(ReferenceContradicts, match="base_currency: one of ETH expected, found BTC"):
        instruments("deribit", [BTC], symbols=["BTC-USD-PERP"], assets={"ETH"})


def test_a_date_beyond_all_calendars_is_refused() -> None:
    with pytest.raises(ReferenceContradicts, match="expiration_timestamp: a time in ms expected"):
        found(DATED | {"expiration_timestamp": 10**30})


_SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)


@given(
    field=st.sampled_from(sorted(BTC)),
    value=_SCALARS | st.lists(_SCALARS | st.dictionaries(st.sampled_from(["above_price", "tick_size"]), _SCALARS)),
)
def test_no_value_in_a_field_raises_anything_but_a_contradiction(field: str, value: Any) -> None:
    for row in (BTC, DATED):
        with suppress(ReferenceContradicts):
            instruments("deribit", [row | {field: value}], symbols=["BTC-USD-PERP"], assets={"BTC"})
