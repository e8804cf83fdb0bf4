"""What Deribit's private channels and answers say, as events: in contracts, and nothing malformed."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hedgeapp.core.events.balances import TransferSeen
from hedgeapp.core.events.positions import FundingPaid
from hedgeapp.core.instruments import pnl, value
from marketdata.feeds.ccxt.deribit.facts import ROUNDED, DeribitFacts, OptionsAreHeld
from marketdata.feeds.ccxt.deribit.protocol import CHANNELS, ORDERS, TRADES, DeribitAccounts
from marketdata.feeds.ccxt.facts import FLAT, FactIsMalformed
from marketdata.feeds.ccxt.stream import StreamBroke
from tests.builders.deribit import BTC, ETH, notice

ACCOUNT, AT_MS = "deribit:main", 1_732_190_400_123
TRADE: dict[str, Any] = {
    "trade_seq": 4_711,
    "trade_id": "48470",
    "timestamp": AT_MS,
    "price": 60_123.5,
    "order_id": "146062",
    "liquidity": "T",
    "label": "ours-1",
    "instrument_name": "BTC-PERPETUAL",
    "fee_currency": "BTC",
    "fee": 8.32e-06,
    "direction": "sell",
    "contracts": 100.0,
    "amount": 1000.0,
}
ORDER: dict[str, Any] = {
    "order_id": "146062",
    "order_state": "open",
    "order_type": "limit",
    "label": "ours-1",
    "instrument_name": "BTC-PERPETUAL",
    "direction": "sell",
    "price": 60_123.5,
    "amount": 1000.0,
    "filled_amount": 400.0,
    "average_price": 60_123.5,
    "reduce_only": True,
    "last_update_timestamp": AT_MS,
}
POSITION: dict[str, Any] = {
    "kind": "future",
    "instrument_name": "BTC-PERPETUAL",
    "direction": "sell",
    "size": -30_000.0,
    "average_price": 60_000.1,
    "floating_profit_loss": 0.001,
    "total_profit_loss": 0.004,
}
SUMMARY: dict[str, Any] = {
    "currency": "BTC",
    "balance": 2.0,
    "equity": 2.0015,
    "session_upl": 0.001,
    "session_rpl": 0.0005,
    "session_funding": 0.0,
    "options_value": 0.0,
}
LINE: dict[str, Any] = {
    "id": 6_009,
    "type": "settlement",
    "timestamp": AT_MS,
    "currency": "ETH",
    "instrument_name": "ETH-PERPETUAL",
    "change": 0.5,
    "total_interest_pl": 0.0015,
}
ROWS: list[tuple[str, dict[str, Any]]] = [
    ("fill", TRADE),
    ("order", ORDER),
    ("line", LINE),
    ("position", POSITION),
    ("wallet", SUMMARY),
    ("portfolio", SUMMARY),
]
JUNK = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=12), st.just([]), st.just({}))


@pytest.fixture
def facts() -> DeribitFacts:
    return DeribitFacts(ACCOUNT, [ETH, BTC])


def read(facts: DeribitFacts, kind: str, row: dict[str, Any]) -> Any:
    """Read a row of a kind."""
    match kind:
        case "fill":
            return facts.fill_of_row(row)
        case "order":
            return facts.order_of_row(row)
        case "line":
            return facts.income_of_row(row)
        case "wallet":
            return facts.wallets([row], [POSITION])
        case "portfolio":
            return facts.cash_changed(row)
    return facts.positions_of_rows([row]), facts.wallets([SUMMARY], [row])


def test_amounts_in_dollars_become_contracts(facts: DeribitFacts) -> None:
    fill, order = facts.fill_of_row(TRADE), facts.order_of_row(ORDER)
    assert fill is not None
    assert order is not None
    assert (fill.quantity, fill.trade_id, fill.side, fill.fee) == (Decimal(100), "4711", "sell", Decimal("0.00000832"))
    assert (order.quantity, order.filled, order.status) == (Decimal(100), Decimal(40), "partially_filled")
    assert facts.positions_of_rows([POSITION])[BTC.id].quantity == Decimal(-3000)


@pytest.mark.parametrize("change", [{"amount": 1005.0}, {"contracts": 1000.0}])
def test_an_amount_that_is_no_number_of_contracts_is_refused(facts: DeribitFacts, change: dict[str, Any]) -> None:
    with pytest.raises(FactIsMalformed, match=r"trade: (amount|contracts): a value expected"):
        facts.fill_of_row({**TRADE, **change})


def test_a_position_whose_direction_is_not_the_sign_of_its_size_is_refused(facts: DeribitFacts) -> None:
    with pytest.raises(FactIsMalformed, match="position: direction: a value expected, found 'sell of size 30000'"):
        facts.positions_of_rows([{**POSITION, "size": 30_000.0}])
    flat = {**POSITION, "size": 0.0, "direction": "zero", "average_price": 0.0}
    assert facts.positions_of_rows([flat]) == {ETH.id: FLAT, BTC.id: FLAT}


def test_a_market_order_has_no_price(facts: DeribitFacts) -> None:
    order = facts.order_of_row({**ORDER, "price": "market_price", "order_state": "filled", "filled_amount": 1000.0})
    assert order is not None
    assert (order.price, order.status) == (None, "filled")


@given(
    size=st.integers(-10_000, 10_000),
    entry=st.integers(1_000, 9_000),
    settled=st.integers(1_000, 9_000),
    mark=st.integers(1_000, 9_000),
    cash=st.integers(0, 100),
)
def test_a_wallet_with_the_profit_since_the_entry_is_the_equity_whatever_was_settled(
    size: int, entry: int, settled: int, mark: int, cash: int
) -> None:
    def profit(since: int) -> Decimal:
        worth = (value("inverse", Decimal(size), Decimal(price)) for price in (since, mark))
        return pnl("inverse", *worth)

    floating, total = profit(settled), profit(entry)
    equity = cash + floating  # the balance has what was settled, the equity what came since
    summary = {**SUMMARY, "equity": equity, "session_upl": floating}
    position = {**POSITION, "floating_profit_loss": floating, "total_profit_loss": total}
    (wallet,) = DeribitFacts(ACCOUNT, [BTC]).wallets([summary], [position]).values()
    assert abs(wallet + total - equity) < Decimal("1e-15")


def test_rounding_is_no_news_of_a_wallet_and_what_has_not_been_settled_of_funding_is_not_in_it(
    facts: DeribitFacts,
) -> None:
    first = facts.wallets([SUMMARY], [POSITION])
    assert first == {"BTC": Decimal("1.9975")}
    assert facts.wallets([{**SUMMARY, "equity": 2.0015 + 3e-8}], [POSITION]) == first
    moved = facts.wallets([{**SUMMARY, "equity": 2.0015 + float(3 * ROUNDED)}], [POSITION])
    assert moved["BTC"] > first["BTC"]
    accrued = DeribitFacts(ACCOUNT, [BTC]).wallets([{**SUMMARY, "session_funding": 0.0005}], [POSITION])
    assert accrued["BTC"] == Decimal("1.997")


def test_an_account_with_options_is_refused(facts: DeribitFacts) -> None:
    with pytest.raises(OptionsAreHeld, match="futures alone expected, found options in BTC"):
        facts.wallets([{**SUMMARY, "options_value": 0.1}], [])


def test_only_another_balance_is_news_of_a_portfolio(facts: DeribitFacts) -> None:
    told = [facts.cash_changed({**SUMMARY, **change}) for change in ({}, {"equity": 3.0}, {"balance": 1.9})]
    assert told == [False, False, True]


def test_funding_is_the_sessions_own_and_not_the_profit_that_comes_with_it(facts: DeribitFacts) -> None:
    received, paid = facts.income_of_row(LINE), facts.income_of_row({**LINE, "total_interest_pl": -0.0015})
    assert isinstance(received, FundingPaid)
    assert received.amount == Decimal("0.0015")
    assert paid == replace(received, amount=-received.amount)
    moved = facts.income_of_row({**LINE, "type": "withdrawal", "change": -5.0, "instrument_name": None})
    assert isinstance(moved, TransferSeen)
    assert moved.amount == -5
    assert facts.income_of_row({**LINE, "type": "trade"}) is None


def test_what_is_not_the_accounts_own_is_counted_and_not_read(facts: DeribitFacts) -> None:
    assert facts.fill_of_row({**TRADE, "instrument_name": "SOL_USDC-PERPETUAL"}) is None
    assert facts.strangers == {"SOL_USDC-PERPETUAL"}


@given(st.sampled_from(ROWS), st.data())
def test_no_row_is_read_with_another_error_than_a_refusal(row: tuple[str, dict[str, Any]], data: st.DataObject) -> None:
    kind, right = row
    field = data.draw(st.sampled_from(sorted(right)))
    facts = DeribitFacts(ACCOUNT, [ETH, BTC])
    try:
        read(facts, kind, {**right, field: data.draw(JUNK)})
    except (FactIsMalformed, OptionsAreHeld):
        return


@given(st.sampled_from((*CHANNELS, "user.changes.any.any.raw")), JUNK, st.sampled_from((TRADE, ORDER, SUMMARY)))
def test_no_message_is_read_with_another_error_than_a_refusal(channel: str, junk: Any, row: dict[str, Any]) -> None:
    accounts, facts = DeribitAccounts(), DeribitFacts(ACCOUNT, [ETH, BTC])
    for data in (junk, [junk], row, [row]):
        for message in (notice(channel, data), {**notice(channel, data), "params": junk}):
            try:
                accounts.told(message, facts)
            except FactIsMalformed:
                continue


def test_a_trade_and_an_order_are_told_and_the_rest_is_read(facts: DeribitFacts) -> None:
    accounts = DeribitAccounts()
    traded = accounts.told(notice(TRADES, [TRADE]), facts)
    assert (len(traded.fills), traded.is_partial) == (1, True)
    assert len(accounts.told(notice(ORDERS, ORDER), facts).orders) == 1


def test_a_greeting_that_is_refused_or_answered_in_part_ends_the_stream() -> None:
    accounts = DeribitAccounts()
    auth = {"id": 1, "method": "public/auth", "params": {}}
    listen = {"id": 2, "method": "private/subscribe", "params": {"channels": ["user.a", "user.b"]}}
    assert accounts.is_answer({"id": 1, "result": {"access_token": "x"}}, auth)
    assert not accounts.is_answer(notice(ORDERS, ORDER), auth)
    assert accounts.is_answer({"id": 2, "result": ["user.b", "user.a"]}, listen)
    with pytest.raises(StreamBroke, match="public/auth: the private stream is refused: 13004 invalid_credentials"):
        accounts.is_answer({"id": 1, "error": {"code": 13004, "message": "invalid_credentials"}}, auth)
    with pytest.raises(StreamBroke, match=r"found none of \['user.b'\]"):
        accounts.is_answer({"id": 2, "result": ["user.a"]}, listen)


def test_whether_currencies_margin_together_is_told_and_what_they_count_for_then_is_not() -> None:
    rows = [{"currency": name, "cross_collateral_enabled": False} for name in ("ETH", "BTC")]
    facts = DeribitFacts(ACCOUNT, [ETH, BTC])
    assert facts.collateral_of_summaries(rows) == ()
    found = facts.collateral_of_summaries([row | {"cross_collateral_enabled": True} for row in rows])
    assert found is not None
    assert [(one.asset, one.tiers) for one in found] == [("BTC", ()), ("ETH", ())]
    assert facts.collateral_of_summaries([*rows, {"currency": "USDC"}]) is None
    with pytest.raises(FactIsMalformed):
        facts.collateral_of_summaries([{"currency": "ETH", "cross_collateral_enabled": "no"}])
