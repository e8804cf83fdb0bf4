"""What Binance's private messages say, as events: the stream and REST in one voice."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from hedgeapp.core.events.balances import TransferSeen
from hedgeapp.core.events.positions import FundingPaid
from hedgeapp.eventlog.codec import encode
from marketdata.feeds.ccxt.binance.facts import BinanceFacts
from marketdata.feeds.ccxt.facts import FLAT, FactIsMalformed, HedgeModeIsOn, moment
from marketdata.feeds.ccxt.statements import Statements
from tests.operations.test_reference import INSTRUMENT

ACCOUNT = "binance-usdm:main"
AT_MS = 1_732_190_400_123
UPDATE: dict[str, Any] = {
    "s": "ETHUSDT",
    "c": "ours-1",
    "S": "SELL",
    "o": "LIMIT",
    "X": "PARTIALLY_FILLED",
    "i": 8886774,
    "p": "3012.30",
    "q": "2.500",
    "z": "1.250",
    "ap": "3012.300",
    "l": "1.250",
    "L": "3012.3",
    "n": "0.75307500",
    "N": "USDT",
    "T": AT_MS,
    "t": 4711,
    "m": True,
    "R": False,
    "ps": "BOTH",
    "x": "TRADE",
}
ROW: dict[str, Any] = {
    "symbol": "ETHUSDT",
    "id": 4711,
    "orderId": 8886774,
    "side": "SELL",
    "price": "3012.30",
    "qty": "1.250",
    "commission": "0.753075",
    "commissionAsset": "USDT",
    "time": AT_MS,
    "maker": True,
    "positionSide": "BOTH",
}
ORDER_ROW: dict[str, Any] = {
    "symbol": "ETHUSDT",
    "orderId": 8886774,
    "clientOrderId": "ours-1",
    "side": "SELL",
    "type": "LIMIT",
    "status": "PARTIALLY_FILLED",
    "price": "3012.3",
    "origQty": "2.5",
    "executedQty": "1.25",
    "avgPrice": "3012.30000",
    "reduceOnly": False,
    "updateTime": AT_MS,
}


@pytest.fixture
def facts() -> BinanceFacts:
    return BinanceFacts(ACCOUNT, [INSTRUMENT])


def test_the_same_fill_is_the_same_bytes_from_the_stream_and_from_rest(facts: BinanceFacts) -> None:
    by_stream, by_rest = facts.fill_of_update(UPDATE), facts.fill_of_row(ROW)
    assert by_stream is not None
    assert by_rest is not None
    assert encode(by_stream) == encode(by_rest)
    assert by_stream.key == "fill:binance-usdm:main:binance-usdm:ETH-USDT-PERP:4711"


def test_the_same_order_is_the_same_bytes_from_the_stream_and_from_rest(facts: BinanceFacts) -> None:
    by_stream, by_rest = facts.order_of_update(UPDATE), facts.order_of_row(ORDER_ROW)
    assert by_stream is not None
    assert by_rest is not None
    assert encode(by_stream) == encode(by_rest)


def test_a_fill_whose_cost_the_stream_does_not_tell_is_left_to_rest(facts: BinanceFacts) -> None:
    assert facts.fill_of_update({name: value for name, value in UPDATE.items() if name != "n"}) is None


def test_a_liquidation_is_a_fill(facts: BinanceFacts) -> None:
    fill = facts.fill_of_update({**UPDATE, "x": "CALCULATED", "o": "LIQUIDATION"})
    assert fill is not None
    assert fill.quantity == Decimal("1.25")


def test_an_order_that_was_not_filled_is_no_fill(facts: BinanceFacts) -> None:
    assert facts.fill_of_update({**UPDATE, "x": "NEW", "X": "NEW", "t": 0, "l": "0"}) is None


def test_a_market_order_has_no_price(facts: BinanceFacts) -> None:
    order = facts.order_of_row({**ORDER_ROW, "type": "MARKET", "price": "0", "avgPrice": "0.0"})
    assert order is not None
    assert (order.price, order.average_price) == (None, None)


def test_a_contract_that_is_not_the_account_s_is_remembered_as_a_stranger(facts: BinanceFacts) -> None:
    assert facts.fill_of_row({**ROW, "symbol": "DOGEUSDT"}) is None
    assert facts.strangers == {"DOGEUSDT"}


@pytest.mark.parametrize(
    "change",
    [{"price": "a lot"}, {"price": None}, {"qty": "NaN"}, {"time": "yesterday"}, {"side": "BOTH"}, {"id": None}],
)
def test_a_malformed_trade_is_refused_by_name(facts: BinanceFacts, change: dict[str, Any]) -> None:
    with pytest.raises(FactIsMalformed, match=f"trade: {next(iter(change))}: a value expected"):
        facts.fill_of_row({**ROW, **change})


def position(quantity: str, side: str = "BOTH", symbol: str = "ETHUSDT") -> dict[str, str]:
    return {"symbol": symbol, "positionSide": side, "positionAmt": quantity, "entryPrice": "3000.10"}


def test_a_position_that_is_not_listed_is_flat(facts: BinanceFacts) -> None:
    assert facts.positions_of_rows([position("0", symbol="DOGEUSDT")]) == {INSTRUMENT.id: FLAT}
    assert facts.strangers == set()
    found = facts.positions_of_rows([position("-1.500")])[INSTRUMENT.id]
    assert (found.quantity, found.entry_price) == (Decimal("-1.5"), Decimal("3000.1"))


def test_hedge_mode_is_refused_by_name(facts: BinanceFacts) -> None:
    facts.positions_of_rows([position("0", side="LONG")])
    with pytest.raises(HedgeModeIsOn, match="switch the account's hedge mode off"):
        facts.positions_of_rows([position("1", side="LONG")])


def test_income_of_other_kinds_is_no_event(facts: BinanceFacts) -> None:
    row = {"symbol": "ETHUSDT", "incomeType": "FUNDING_FEE", "income": "-1.50", "asset": "USDT", "time": AT_MS}
    row["tranId"] = 99
    paid = facts.income_of_row(row)
    assert isinstance(paid, FundingPaid)
    assert (paid.amount, paid.payment_id, paid.at) == (Decimal("-1.5"), "99", moment(AT_MS))
    assert facts.income_of_row({**row, "incomeType": "COMMISSION"}) is None


def test_an_older_statement_never_follows_a_newer_one_and_none_is_repeated(facts: BinanceFacts) -> None:
    statements = Statements()
    newer = statements.balances(facts, {"USDT": Decimal(5)}, moment(AT_MS))
    assert [one.total for one in newer] == [5]
    assert statements.balances(facts, {"USDT": Decimal(4)}, moment(AT_MS - 1)) == []
    assert statements.balances(facts, {"USDT": Decimal("5.0")}, moment(AT_MS + 1)) == []
    back = statements.balances(facts, {"USDT": Decimal(0)}, moment(AT_MS + 2))
    assert [one.total for one in back] == [0]
    again = Statements([*newer, *back])
    assert again.balances(facts, {"USDT": Decimal(0)}, moment(AT_MS + 3)) == []


def test_nothing_is_stated_of_what_never_was(facts: BinanceFacts) -> None:
    statements = Statements()
    assert statements.balances(facts, {"BNB": Decimal(0)}, moment(AT_MS)) == []
    assert statements.positions(facts, {INSTRUMENT.id: FLAT}, moment(AT_MS)) == []
    held = replace(FLAT, quantity=Decimal(1), entry_price=Decimal(3000))
    assert len(statements.positions(facts, {INSTRUMENT.id: held}, moment(AT_MS))) == 1
    assert len(statements.positions(facts, {INSTRUMENT.id: FLAT}, moment(AT_MS + 1))) == 1


def test_assets_are_spelled_as_ours_are() -> None:
    facts = BinanceFacts("v:a", (), ("stETH", "USDT"))
    rows = [{"asset": "STETH", "walletBalance": "10.00"}, {"asset": "BNB", "walletBalance": "1"}]
    assert facts.balances_of_account({"assets": rows}) == {"stETH": 10, "BNB": 1}
    assert facts.balances_of_update({"B": [{"a": "STETH", "wb": "6"}]}) == {"stETH": 6}
    paid = {"incomeType": "TRANSFER", "asset": "STETH", "time": 1, "tranId": "7", "income": "-4"}
    told = facts.income_of_row(paid)
    assert isinstance(told, TransferSeen)
    assert (told.asset, told.amount) == ("stETH", Decimal(-4))


INDEX: dict[str, Any] = {"symbol": "ETHUSD", "index": "1.92957370", "bidBuffer": "0.10000000", "bidRate": "1.73661633"}


def test_what_assets_count_for_in_multi_assets_mode_is_the_index_less_its_buffer() -> None:
    facts = BinanceFacts("v:a", (), ("ETH", "USDT"))
    whole = {"symbol": "USDTUSD", "index": "0.9998", "bidBuffer": "0", "bidRate": "0.9998"}
    ether, tether = facts.collateral_of_rows([whole, INDEX, INDEX | {"symbol": "ADAUSD"}, INDEX | {"symbol": "ETH"}])
    assert [(one.asset, one.tiers[0].ratio) for one in (ether, tether)] == [("ETH", Decimal("0.9")), ("USDT", 1)]


@pytest.mark.parametrize(
    "row", [{"bidBuffer": "1.1"}, {"bidBuffer": "-0.1"}, {"bidRate": "1.9"}, {"index": "0"}, {"bidRate": None}]
)
def test_an_asset_index_that_contradicts_itself_is_refused(row: dict[str, Any]) -> None:
    with pytest.raises(FactIsMalformed):
        BinanceFacts("v:a", (), ("ETH",)).collateral_of_rows([INDEX | row])
