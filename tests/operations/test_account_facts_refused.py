"""Whatever stands in a field of a private message: it is read, or refused by name, and never anything else."""

from collections.abc import Callable
from contextlib import suppress
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketdata.feeds.ccxt.binance.facts import BinanceFacts
from marketdata.feeds.ccxt.facts import FactIsMalformed, HedgeModeIsOn, number
from tests.operations.test_account_facts import ACCOUNT, AT_MS, ORDER_ROW, ROW, UPDATE
from tests.operations.test_reference import INSTRUMENT

INCOME = {
    "incomeType": "FUNDING_FEE",
    "asset": "USDT",
    "time": AT_MS,
    "tranId": 7,
    "income": "-1.5",
    "symbol": "ETHUSDT",
}
POSITION = {"symbol": "ETHUSDT", "positionSide": "BOTH", "positionAmt": "-2.5", "entryPrice": "3012.3"}
POSITION_UPDATE = {"s": "ETHUSDT", "ps": "BOTH", "pa": "-2.5", "ep": "3012.3"}
READERS: dict[str, tuple[Callable[[BinanceFacts, Any], Any], dict[str, Any]]] = {
    "fill of a row": (BinanceFacts.fill_of_row, ROW),
    "fill of an update": (BinanceFacts.fill_of_update, UPDATE),
    "order of a row": (BinanceFacts.order_of_row, ORDER_ROW),
    "order of an update": (BinanceFacts.order_of_update, UPDATE),
    "income": (BinanceFacts.income_of_row, INCOME),
    "position of a row": (lambda facts, row: facts.positions_of_rows([row]), POSITION),
    "position of an update": (lambda facts, row: facts.positions_of_update({"P": [row]}), POSITION_UPDATE),
    "balance of a row": (
        lambda facts, row: facts.balances_of_account({"assets": [row]}),
        {"asset": "USDT", "walletBalance": "1"},
    ),
    "balance of an update": (lambda facts, row: facts.balances_of_update({"B": [row]}), {"a": "USDT", "wb": "1"}),
}
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30)
NUMBERS = st.from_regex(r"-?[0-9]{1,5}(\.[0-9]{1,5})?([eE]-?[0-9]{1,12})?", fullmatch=True)
VALUES = SCALARS | NUMBERS | st.lists(SCALARS, max_size=2) | st.dictionaries(st.text(max_size=3), SCALARS, max_size=2)


@pytest.mark.parametrize("reader", READERS)
@given(data=st.data())
def test_no_value_in_a_field_raises_anything_but_a_refusal(reader: str, data: st.DataObject) -> None:
    read, row = READERS[reader]
    field = data.draw(st.sampled_from(sorted(row)))
    changed = {**row, field: data.draw(VALUES)}
    if data.draw(st.booleans()):
        del changed[field]
    with suppress(FactIsMalformed, HedgeModeIsOn):
        read(BinanceFacts(ACCOUNT, [INSTRUMENT]), changed)


@pytest.mark.parametrize("found", ["1e999999999", "1e-999999999", "1e41", "9" * 100, "NaN", "-Infinity"])
def test_a_number_that_cannot_be_one_of_a_venue_is_refused_before_it_is_written_out(found: str) -> None:
    with pytest.raises(FactIsMalformed, match="qty: a value expected"):
        number("trade", {"qty": found}, "qty")


@given(value=st.decimals(-(10**15), 10**15, places=8))
def test_a_number_of_a_venue_keeps_its_value(value: Decimal) -> None:
    assert number("trade", {"qty": str(value)}, "qty") == value
