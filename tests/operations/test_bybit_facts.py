"""What Bybit's private topics and answers say, as events: the stream and REST in one voice, and nothing malformed."""

import contextlib
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hedgeapp.core.events.balances import TransferSeen
from hedgeapp.core.events.debts import InterestCharged
from hedgeapp.core.events.positions import FundingPaid
from hedgeapp.eventlog.codec import encode
from marketdata.feeds.ccxt.bybit.facts import BybitFacts, trade_number
from marketdata.feeds.ccxt.bybit.protocol import BybitAccounts
from marketdata.feeds.ccxt.facts import FLAT, FactIsMalformed, HedgeModeIsOn
from marketdata.feeds.ccxt.stream import StreamBroke
from tests.builders.bybit import INVERSE, LINEAR

ACCOUNT, AT_MS = "bybit:main", 1_732_190_400_123
EXECUTION: dict[str, Any] = {
    "symbol": "ETHUSD",
    "execId": "8d1ef156-4ec6-4445-9a6c-1c0c24dbd046",
    "orderId": "f5f2d355-9a11-4af3-9b83-aa1d6ab6ddfe",
    "orderLinkId": "ours-1",
    "side": "Sell",
    "execPrice": "3012.30",
    "execQty": "250",
    "execFee": "0.00004150",
    "feeCurrency": "",
    "execType": "Trade",
    "execTime": str(AT_MS),
    "isMaker": False,
    "seq": 34_771_365_464,
    "leavesQty": "750",
}
ORDER: dict[str, Any] = {
    "symbol": "ETHUSDT",
    "orderId": "f5f2d355-9a11-4af3-9b83-aa1d6ab6ddfe",
    "orderLinkId": "ours-1",
    "side": "Sell",
    "orderType": "Limit",
    "orderStatus": "PartiallyFilledCanceled",
    "price": "3012.3",
    "qty": "2.50",
    "cumExecQty": "1.25",
    "avgPrice": "",
    "reduceOnly": True,
    "updatedTime": str(AT_MS),
}
POSITION: dict[str, Any] = {
    "symbol": "ETHUSD",
    "side": "Sell",
    "size": "30000",
    "positionIdx": 0,
    "avgPrice": "3000.10",
}
WALLET: dict[str, Any] = {"accountType": "UNIFIED", "coin": [{"coin": "ETH", "walletBalance": "1.50"}]}
LINE: dict[str, Any] = {
    "id": "592324_ETHUSD_161440249321",
    "symbol": "ETHUSD",
    "type": "SETTLEMENT",
    "transactionTime": str(AT_MS),
    "currency": "ETH",
    "funding": "0.0015",
    "fee": "-0.0015",
    "change": "0.0015",
}
RATE = {
    "timestamp": AT_MS - 7_200_000,
    "currency": "USDT",
    "hourlyBorrowRate": "0.000014621596",
    "vipLevel": "No VIP",
}
ROWS: list[tuple[str, dict[str, Any]]] = [
    ("fill", EXECUTION),
    ("order", ORDER),
    ("line", LINE),
    ("position", POSITION),
    ("wallet", WALLET),
]
JUNK = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=12), st.just([]), st.just({}))


@pytest.fixture
def facts() -> BybitFacts:
    return BybitFacts(ACCOUNT, [LINEAR, INVERSE])


def read(facts: BybitFacts, kind: str, row: dict[str, Any]) -> Any:
    """Read a row of a kind."""
    match kind:
        case "fill":
            return facts.fill_of_row(row)
        case "order":
            return facts.order_of_row(row)
        case "line":
            return facts.income_of_row(row)
        case "wallet":
            return facts.balances_of_accounts([row])
    return facts.positions_of_rows([row], "avgPrice")


def test_a_fill_is_the_same_bytes_from_the_stream_and_from_rest(facts: BybitFacts) -> None:
    told = {**EXECUTION, "execPrice": "3012.3", "execFee": "0.0000415", "execPnl": "1", "category": "inverse"}
    streamed, read_ = facts.fill_of_row(told), facts.fill_of_row(EXECUTION)
    assert read_ is not None
    assert streamed is not None
    assert encode(streamed) == encode(read_)
    assert (read_.side, read_.fee, read_.fee_asset) == ("sell", Decimal("0.0000415"), "ETH")


def test_a_fill_has_its_place_in_its_moment_where_the_venue_tells_it(facts: BybitFacts) -> None:
    told = facts.fill_of_row({**EXECUTION, "seq": "34771365464", "leavesQty": "750.00"})
    assert told == facts.fill_of_row(EXECUTION)
    assert told is not None
    assert (told.sequence, told.left) == (34_771_365_464, Decimal(750))
    for seq in (-1, "", None):
        untold = facts.fill_of_row({**EXECUTION, "seq": seq, "leavesQty": ""})
        assert untold is not None
        assert (untold.sequence, untold.left, untold.key) == (None, None, told.key)
        assert b"sequence" not in encode(untold)[1]


@pytest.mark.parametrize("seq", ["soon", "1.5", -2, 2**63])
def test_a_place_that_nobody_can_read_is_refused(facts: BybitFacts, seq: object) -> None:
    with pytest.raises(FactIsMalformed, match="execution: seq: a value expected, found"):
        facts.fill_of_row({**EXECUTION, "seq": seq})


def test_trades_are_numbered_in_the_order_of_their_times() -> None:
    later = {**EXECUTION, "execTime": str(AT_MS + 1), "execId": "00000000-0000-4000-8000-000000000000"}
    assert int(trade_number(EXECUTION)) < int(trade_number(later))
    assert len(trade_number(EXECUTION)) == len(trade_number(later)) == 52


def test_a_funding_among_executions_is_no_fill_and_an_unknown_kind_is_refused(facts: BybitFacts) -> None:
    assert facts.fill_of_row({**EXECUTION, "execType": "Funding"}) is None
    assert facts.fill_of_row({**EXECUTION, "execType": "BustTrade"}) is not None
    with pytest.raises(FactIsMalformed, match="execution: execType: a value expected, found 'Gift'"):
        facts.fill_of_row({**EXECUTION, "execType": "Gift"})


def test_an_order_without_a_fill_has_no_average(facts: BybitFacts) -> None:
    order = facts.order_of_row(ORDER)
    assert order is not None
    assert (order.status, order.average_price, order.filled, order.reduce_only) == (
        "canceled",
        None,
        Decimal("1.25"),
        True,
    )


def test_the_side_is_the_sign_of_a_position(facts: BybitFacts) -> None:
    (short,) = facts.positions_of_rows([POSITION], "avgPrice").values()
    (long,) = facts.positions_of_rows([{**POSITION, "side": "Buy"}], "avgPrice").values()
    assert (short.quantity, long.quantity) == (Decimal(-30000), Decimal(30000))
    assert short.entry_price == Decimal("3000.1")
    flat = {**POSITION, "side": "", "size": "0", "avgPrice": ""}
    assert facts.positions_of_rows([flat], "avgPrice") == {INVERSE.id: FLAT}


def test_a_position_of_hedge_mode_is_refused(facts: BybitFacts) -> None:
    with pytest.raises(HedgeModeIsOn):
        facts.positions_of_rows([{**POSITION, "positionIdx": 2}], "avgPrice")


def test_what_is_not_the_accounts_own_is_counted_and_not_read(facts: BybitFacts) -> None:
    assert facts.fill_of_row({**EXECUTION, "symbol": "SOLUSD"}) is None
    assert facts.positions_of_rows([{**POSITION, "symbol": "SOLUSD"}], "avgPrice") == {}
    assert facts.strangers == {"SOLUSD"}


def test_a_funding_is_what_it_did_to_the_wallet_whatever_its_fee_says(facts: BybitFacts) -> None:
    received, paid = facts.income_of_row(LINE), facts.income_of_row({**LINE, "change": "-0.0015"})
    assert isinstance(received, FundingPaid)
    assert isinstance(paid, FundingPaid)
    assert paid == replace(received, amount=-received.amount)
    assert received.amount > 0
    moved = facts.income_of_row({**LINE, "type": "TRANSFER_OUT", "change": "-5", "symbol": ""})
    assert isinstance(moved, TransferSeen)
    assert moved.amount == -5
    assert facts.income_of_row({**LINE, "type": "TRADE"}) is None


def test_interest_is_what_it_did_to_the_wallet_of_its_coin(facts: BybitFacts) -> None:
    charged = facts.income_of_row({**LINE, "type": "INTEREST", "change": "-0.00065", "symbol": "", "currency": "USDT"})
    assert isinstance(charged, InterestCharged)
    assert (charged.account, charged.asset, charged.amount) == (ACCOUNT, "USDT", Decimal("-0.00065"))


def test_the_latest_of_an_assets_hourly_rates_counts(facts: BybitFacts) -> None:
    rows = [{**RATE, "timestamp": AT_MS}, {**RATE, "timestamp": AT_MS - 3_600_000, "hourlyBorrowRate": "0.5"}]
    with pytest.raises(FactIsMalformed, match="hourlyBorrowRate"):
        facts.borrow_rate_of_rows("USDT", rows)
    told = facts.borrow_rate_of_rows("USDT", [{**RATE, "hourlyBorrowRate": "0.00001"}, rows[0]])
    assert told is not None
    assert told.hourly_rate == Decimal("0.000014621596")
    assert facts.borrow_rate_of_rows("USDT", []) is None


@pytest.mark.parametrize("change", [{"currency": "ETH"}, {"hourlyBorrowRate": "-1"}, {"timestamp": "soon"}])
def test_a_rate_of_another_coin_or_beyond_reason_is_refused(facts: BybitFacts, change: dict[str, str]) -> None:
    with pytest.raises(FactIsMalformed):
        facts.borrow_rate_of_rows("USDT", [{**RATE, **change}])


def test_only_the_unified_accounts_coins_are_balances(facts: BybitFacts) -> None:
    coin = {"coin": "ETH", "walletBalance": "1.50"}
    assert facts.balances_of_accounts([{"accountType": "UNIFIED", "coin": [coin]}]) == {"ETH": Decimal("1.5")}
    assert facts.balances_of_accounts([{"accountType": "FUND", "coin": [coin]}]) == {}
    with pytest.raises(FactIsMalformed, match="wallet: coin: a value expected"):
        facts.balances_of_accounts([{"accountType": "UNIFIED", "coin": 5}])


@given(st.sampled_from(ROWS), st.data())
def test_no_row_is_read_with_another_error_than_a_refusal(row: tuple[str, dict[str, Any]], data: st.DataObject) -> None:
    kind, right = row
    field = data.draw(st.sampled_from(sorted(right)))
    facts = BybitFacts(ACCOUNT, [LINEAR, INVERSE])
    try:
        read(facts, kind, {**right, field: data.draw(JUNK)})
    except (FactIsMalformed, HedgeModeIsOn):
        return


@given(st.dictionaries(st.sampled_from(("topic", "data", "creationTime", "op", "success")), JUNK))
def test_no_message_is_read_with_another_error_than_a_refusal(message: dict[str, Any]) -> None:
    accounts, facts = BybitAccounts(), BybitFacts(ACCOUNT, [LINEAR, INVERSE])
    for topic in ("order", "execution", "position", "wallet"):
        try:
            accounts.told({**message, "topic": topic}, facts)
            accounts.told({**message, "topic": topic, "data": [message]}, facts)
        except FactIsMalformed:
            continue


def test_a_greeting_that_is_refused_ends_the_stream() -> None:
    accounts, greeting = BybitAccounts(), {"op": "auth", "args": []}
    assert accounts.is_answer({"op": "auth", "success": True}, greeting)
    assert not accounts.is_answer({"topic": "order", "data": []}, greeting)
    with pytest.raises(StreamBroke, match="auth: the private stream is refused: bad sign"):
        accounts.is_answer({"op": "auth", "success": False, "ret_msg": "bad sign"}, greeting)


RATIOS: dict[str, Any] = {
    "currency": "BTC",
    "collateralRatioList": [
        {"minQty": "0", "maxQty": "10", "collateralRatio": "0.98"},
        {"minQty": "10", "maxQty": "", "collateralRatio": "0.95"},
    ],
}


def test_what_assets_count_for_is_read_by_tiers_and_of_our_assets_alone() -> None:
    facts = BybitFacts(ACCOUNT, [LINEAR, INVERSE], ["BTC", "stETH"])
    staked = {**RATIOS, "currency": "STETH", "collateralRatioList": RATIOS["collateralRatioList"][:1]}
    bitcoin, ours = facts.collateral_of_rows([staked, {**RATIOS, "currency": "DOGE"}, RATIOS])
    assert (bitcoin.asset, ours.asset, len(ours.tiers)) == ("BTC", "stETH", 1)
    assert [(one.floor, one.cap, one.ratio) for one in bitcoin.tiers] == [
        (Decimal(0), Decimal(10), Decimal("0.98")),
        (Decimal(10), None, Decimal("0.95")),
    ]


@pytest.mark.parametrize(
    "tiers",
    [
        [],
        [{"minQty": "1", "maxQty": "", "collateralRatio": "0.9"}],
        [{"minQty": "0", "maxQty": "", "collateralRatio": "1.1"}],
        [{"minQty": "0", "maxQty": "", "collateralRatio": "-0.1"}],
        [*RATIOS["collateralRatioList"], {"minQty": "20", "maxQty": "", "collateralRatio": "0.9"}],
        [RATIOS["collateralRatioList"][0], {"minQty": "10", "maxQty": "", "collateralRatio": "0.99"}],
        [{"minQty": "0", "maxQty": "0", "collateralRatio": "0.9"}],
    ],
)
def test_collateral_tiers_that_do_not_follow_each_other_are_refused(tiers: list[Any]) -> None:
    facts = BybitFacts(ACCOUNT, [LINEAR, INVERSE], ["BTC"])
    with pytest.raises(FactIsMalformed):
        facts.collateral_of_rows([{**RATIOS, "collateralRatioList": tiers}])


@given(JUNK, st.sampled_from(["currency", "collateralRatioList", "minQty", "maxQty", "collateralRatio"]))
def test_junk_in_collateral_is_refused_by_name(junk: Any, field: str) -> None:
    facts = BybitFacts(ACCOUNT, [LINEAR, INVERSE], ["BTC"])
    row: dict[str, Any] = {**RATIOS, "collateralRatioList": [dict(RATIOS["collateralRatioList"][0])]}
    (row if field in row else row["collateralRatioList"][0])[field] = junk
    with contextlib.suppress(FactIsMalformed):
        for one in facts.collateral_of_rows([row]):
            assert all(0 <= tier.ratio <= 1 and tier.floor >= 0 for tier in one.tiers)
