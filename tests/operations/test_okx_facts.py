"""What OKX's private channels and answers say, as events: the stream and REST in one voice, and nothing malformed."""

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
from marketdata.feeds.ccxt.facts import FLAT, FactIsMalformed, HedgeModeIsOn
from marketdata.feeds.ccxt.okx.facts import OkxFacts, PositionIsIsolated, trade_number
from marketdata.feeds.ccxt.okx.protocol import OkxAccounts
from marketdata.feeds.ccxt.stream import StreamBroke
from marketdata.venues import Answer
from portfolio.gateways.outcomes import CODES, NotKnown, NoWord, Rejected, refusal
from tests.builders.okx import INVERSE, LINEAR

ACCOUNT, AT_MS = "okx:main", 1_732_190_400_123
FILL: dict[str, Any] = {
    "instId": "ETH-USD-SWAP",
    "tradeId": "744876980",
    "ordId": "680800019749904384",
    "side": "sell",
    "fillPx": "3012.30",
    "fillSz": "25",
    "fee": "-0.00004150",
    "feeCcy": "ETH",
    "execType": "M",
    "fillTime": str(AT_MS),
    "ts": str(AT_MS + 1),
}
ORDER: dict[str, Any] = {
    "instId": "ETH-USD-SWAP",
    "ordId": "680800019749904384",
    "clOrdId": "ours1",
    "side": "sell",
    "ordType": "post_only",
    "state": "partially_filled",
    "px": "3012.30",
    "sz": "40",
    "accFillSz": "25",
    "avgPx": "3012.3",
    "reduceOnly": "false",
    "uTime": str(AT_MS),
}
TOLD: dict[str, Any] = {
    **ORDER,
    **{name: FILL[name] for name in ("tradeId", "fillPx", "fillSz", "fillTime", "execType")},
    "fee": "-0.9",
    "feeCcy": "ETH",
    "fillFee": "-0.0000415",
    "fillFeeCcy": "ETH",
}
POSITION: dict[str, Any] = {
    "instId": "ETH-USD-SWAP",
    "posSide": "net",
    "mgnMode": "cross",
    "pos": "-3000",
    "avgPx": "3000.10",
    "uTime": str(AT_MS),
}
BALANCE: dict[str, Any] = {
    "uTime": str(AT_MS),
    "details": [{"ccy": "ETH", "cashBal": "1.50", "eq": "2.75", "availBal": "0.5"}],
}
BILL: dict[str, Any] = {
    "billId": "623950854533513219",
    "instId": "ETH-USD-SWAP",
    "type": "8",
    "subType": "174",
    "ccy": "ETH",
    "balChg": "0.0015",
    "pnl": "-0.0015",
    "ts": str(AT_MS),
}
ROWS: list[tuple[str, dict[str, Any]]] = [
    ("fill", FILL),
    ("told", TOLD),
    ("order", ORDER),
    ("bill", BILL),
    ("position", POSITION),
    ("balance", BALANCE),
]
JUNK = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=12), st.just([]), st.just({}))


@pytest.fixture
def facts() -> OkxFacts:
    return OkxFacts(ACCOUNT, [LINEAR, INVERSE], ["ETH", "USDT"])


def read(facts: OkxFacts, kind: str, row: dict[str, Any]) -> Any:
    """Read a row of a kind."""
    match kind:
        case "fill":
            return facts.fill_of_row(row)
        case "told":
            return facts.fill_of_order(row)
        case "order":
            return facts.order_of_row(row)
        case "bill":
            return facts.income_of_row(row)
        case "balance":
            return facts.balances_of_accounts([row])
    return facts.positions_of_rows([row])


def test_a_fill_is_the_same_bytes_from_the_stream_and_from_rest(facts: OkxFacts) -> None:
    streamed, read_ = facts.fill_of_order(TOLD), facts.fill_of_row(FILL)
    assert read_ is not None
    assert streamed is not None
    assert encode(streamed) == encode(read_)
    assert (read_.side, read_.quantity, read_.is_maker) == ("sell", Decimal(25), True)


def test_a_fee_that_was_paid_is_above_zero_and_a_rebate_below(facts: OkxFacts) -> None:
    paid, rebated, free = (facts.fill_of_row({**FILL, "fee": fee}) for fee in ("-0.1", "0.1", "0"))
    assert [fill.fee for fill in (paid, rebated, free) if fill] == [Decimal("0.1"), Decimal("-0.1"), Decimal(0)]


def test_a_message_without_a_fill_tells_none_and_one_that_does_not_name_it_asks_for_rest(facts: OkxFacts) -> None:
    assert facts.fill_of_order({**TOLD, "tradeId": ""}) is None
    assert facts.fill_of_order({**TOLD, "tradeId": "0"}) is None
    arg = {"channel": "orders", "instType": "ANY"}
    whole = OkxAccounts().told({"arg": arg, "data": [TOLD]}, facts)
    partial = OkxAccounts().told({"arg": arg, "data": [{**TOLD, "tradeId": "0"}]}, facts)
    assert (len(whole.fills), whole.is_partial) == (1, False)
    assert (len(partial.fills), partial.is_partial) == (0, True)


def test_trades_are_numbered_in_the_order_of_their_times_whatever_their_ids() -> None:
    later = {**FILL, "fillTime": str(AT_MS + 1), "tradeId": "-5"}
    assert int(trade_number(FILL)) < int(trade_number(later))
    assert len({trade_number(FILL), trade_number({**FILL, "tradeId": "-744876980"})}) == 2
    for id_ in ("", "--5", "5-", "1" * 21, "x"):
        with pytest.raises(FactIsMalformed):
            trade_number({**FILL, "tradeId": id_})


def test_a_flag_is_a_word_and_not_whether_there_is_one(facts: OkxFacts) -> None:
    plain, reducing = facts.order_of_row(ORDER), facts.order_of_row({**ORDER, "reduceOnly": "true"})
    assert plain is not None
    assert reducing is not None
    assert (plain.reduce_only, reducing.reduce_only) == (False, True)
    assert (plain.type, plain.status, plain.price) == ("limit", "partially_filled", Decimal("3012.3"))


def test_a_position_is_signed_contracts(facts: OkxFacts) -> None:
    (short,) = facts.positions_of_rows([POSITION]).values()
    assert (short.quantity, short.entry_price) == (Decimal(-3000), Decimal("3000.1"))
    assert facts.positions_of_rows([{**POSITION, "pos": "0", "avgPx": ""}]) == {INVERSE.id: FLAT}


def test_a_position_of_hedge_mode_or_with_margin_of_its_own_is_refused(facts: OkxFacts) -> None:
    with pytest.raises(HedgeModeIsOn):
        facts.positions_of_rows([{**POSITION, "posSide": "short"}])
    with pytest.raises(PositionIsIsolated, match="cross margin expected, found isolated"):
        facts.positions_of_rows([{**POSITION, "mgnMode": "isolated"}])


def test_what_is_not_the_accounts_own_is_counted_and_not_read(facts: OkxFacts) -> None:
    assert facts.fill_of_row({**FILL, "instId": "SOL-USD-SWAP"}) is None
    assert facts.positions_of_rows([{**POSITION, "instId": "BTC-USDT", "posSide": "long"}]) == {}
    assert facts.strangers == {"SOL-USD-SWAP", "BTC-USDT"}


def test_a_funding_is_what_it_did_to_the_wallet(facts: OkxFacts) -> None:
    received, paid = facts.income_of_row(BILL), facts.income_of_row({**BILL, "balChg": "-0.0015"})
    assert isinstance(received, FundingPaid)
    assert isinstance(paid, FundingPaid)
    assert paid == replace(received, amount=-received.amount)
    assert received.amount > 0
    moved = facts.income_of_row({**BILL, "type": "1", "balChg": "-5", "instId": ""})
    assert isinstance(moved, TransferSeen)
    assert moved.amount == -5
    charged = facts.income_of_row({**BILL, "type": "7", "subType": "9", "balChg": "-0.25", "instId": ""})
    assert isinstance(charged, InterestCharged)
    assert (charged.amount, charged.asset, charged.charge_id) == (Decimal("-0.25"), "ETH", BILL["billId"])
    assert facts.income_of_row({**BILL, "type": "2"}) is None


def test_a_balance_is_cash_without_unrealized_profit_and_what_is_not_listed_is_nothing(facts: OkxFacts) -> None:
    assert facts.balances_of_accounts([BALANCE]) == {"ETH": Decimal("1.5")}
    assert facts.no_coins() == {"ETH": Decimal(0), "USDT": Decimal(0)}


@given(st.sampled_from(ROWS), st.data())
def test_no_row_is_read_with_another_error_than_a_refusal(row: tuple[str, dict[str, Any]], data: st.DataObject) -> None:
    kind, right = row
    field = data.draw(st.sampled_from(sorted(right)))
    try:
        read(OkxFacts(ACCOUNT, [LINEAR, INVERSE]), kind, {**right, field: data.draw(JUNK)})
    except (FactIsMalformed, HedgeModeIsOn, PositionIsIsolated):
        return


@given(st.dictionaries(st.sampled_from(("arg", "data", "event", "code", "msg")), JUNK))
def test_no_message_is_read_with_another_error_than_a_refusal(message: dict[str, Any]) -> None:
    accounts, facts = OkxAccounts(), OkxFacts(ACCOUNT, [LINEAR, INVERSE])
    for channel in ("orders", "positions", "account"):
        for data in (message, [message], [{**message, "details": [message]}]):
            try:
                accounts.told({**message, "arg": {"channel": channel}}, facts)
                accounts.told({"arg": {"channel": channel}, "data": data}, facts)
            except (FactIsMalformed, StreamBroke):
                continue


def test_a_greeting_that_is_refused_ends_the_stream_and_so_does_a_farewell(facts: OkxFacts) -> None:
    accounts, login = OkxAccounts(), {"op": "login", "args": [{}]}
    wanted = {"op": "subscribe", "args": [{"channel": "orders"}]}
    assert accounts.is_answer({"event": "login", "code": "0"}, login)
    assert accounts.is_answer({"event": "subscribe", "arg": {"channel": "orders"}}, wanted)
    assert not accounts.is_answer({"event": "subscribe", "arg": {"channel": "account"}}, wanted)
    assert not accounts.is_answer({"arg": {"channel": "orders"}, "data": []}, wanted)
    with pytest.raises(StreamBroke, match="login: the private stream is refused: 60007 Invalid sign"):
        accounts.is_answer({"event": "error", "code": "60007", "msg": "Invalid sign"}, login)
    with pytest.raises(StreamBroke, match="64008"):
        accounts.told({"event": "notice", "code": "64008", "msg": "upgrade"}, facts)


@pytest.mark.parametrize(
    ("status", "code", "own", "found"),
    [
        (200, "0", "0", None),
        (200, "0", None, None),
        (200, "1", "51008", Rejected),
        (200, "1", "51008_1001", Rejected),
        (401, "50102", None, Rejected),
        (429, "50011", None, Rejected),
        (200, "1", "51400", NotKnown),
        (200, "51603", None, NotKnown),
        (200, "1", "51016", NoWord),
        (200, "1", "51149", NoWord),
        (200, "1", None, NoWord),
        (200, "0", "99999", NoWord),
        (429, "50013", None, NoWord),
        (503, "50001", None, NoWord),
        (400, "50004", None, NoWord),
    ],
)
def test_the_code_of_the_order_itself_decides_and_only_plain_ones_refuse(
    status: int, code: str, own: str | None, found: type[Exception] | None
) -> None:
    data = [] if own is None else [{"sCode": own, "sMsg": "so"}]
    answer = Answer(status=status, body={"code": code, "msg": "", "data": data}, retry_after_s=None)
    told = refusal(CODES["okx"], answer)
    assert (told is None) if found is None else isinstance(told, found)


DISCOUNT: dict[str, Any] = {
    "ccy": "BTC",
    "minDiscountRate": "0",
    "details": [
        {"tier": "1", "minAmt": "0", "maxAmt": "20", "discountRate": "0.98", "disCcyEq": "19.6"},
        {"tier": "2", "minAmt": "20", "maxAmt": "25", "discountRate": "0.9775", "disCcyEq": "24.4875"},
    ],
}
LET = [{"ccy": "BTC", "collateralEnabled": True}, {"ccy": "ETH", "collateralEnabled": False}]


def counted() -> OkxFacts:
    """Return what reads collateral of three assets."""
    return OkxFacts(ACCOUNT, [LINEAR, INVERSE], ["BTC", "ETH", "USDT"])


def test_coins_count_by_tiers_where_the_owner_lets_them_and_the_venue_lists_them() -> None:
    other = {**DISCOUNT, "ccy": "ETH"}
    (found,) = counted().collateral_of_rows([other, {**DISCOUNT, "ccy": "DOGE"}, DISCOUNT], LET)
    assert found.asset == "BTC"
    assert [(one.floor, one.cap, one.ratio) for one in found.tiers] == [
        (Decimal(0), Decimal(20), Decimal("0.98")),
        (Decimal(20), Decimal(25), Decimal("0.9775")),
    ]


def test_what_is_above_the_last_tier_counts_at_the_least_rate() -> None:
    (found,) = counted().collateral_of_rows([{**DISCOUNT, "minDiscountRate": "0.5"}], LET)
    assert (found.tiers[-1].floor, found.tiers[-1].cap, found.tiers[-1].ratio) == (Decimal(25), None, Decimal("0.5"))


@pytest.mark.parametrize(
    "row",
    [
        {"details": []},
        {"details": None},
        {"details": DISCOUNT["details"][1:]},
        {"details": DISCOUNT["details"][::-1]},
        {"minDiscountRate": "0.99"},
        {"minDiscountRate": "-1"},
    ],
)
def test_tiers_that_do_not_follow_each_other_are_refused(row: dict[str, Any]) -> None:
    with pytest.raises(FactIsMalformed):
        counted().collateral_of_rows([DISCOUNT | row], LET)


def test_an_owners_choice_that_is_neither_yes_nor_no_is_refused() -> None:
    with pytest.raises(FactIsMalformed):
        counted().collateral_of_rows([DISCOUNT], [{"ccy": "BTC", "collateralEnabled": "maybe"}])
