"""Whose a custodian's orders are: ours by name, ours by what they say, somebody else's, or older than the log."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hedgeapp.core.events import Event, Recorded
from hedgeapp.core.events.collateral import SettlementSeen
from hedgeapp.core.events.moves import MoveNeverArrived, MoveReported, UnintendedMoveSeen
from hedgeapp.core.events.reference import CustodianChanged
from hedgeapp.core.reference import Custodian
from marketdata.core.custody import PATIENCE, Custody, Order
from tests.builders.moves import (
    LINK,
    NAME,
    ORDER,
    REQUEST,
    WALLET,
    intended,
    payload,
    proposed,
    reported,
    submitted,
    until_submitted,
)
from tests.builders.orders import AT

BEFORE = AT - timedelta(days=1)
LATE = AT + PATIENCE + timedelta(seconds=1)


def introduced(name: str = "ceffu") -> CustodianChanged:
    row = Custodian(name=name, protocol="ceffu", url="http://127.0.0.1:1")
    return CustodianChanged(at=BEFORE, custodian=row, version=1, by="seed", reason="first")


def custody(*events: Event, begun: bool = True) -> Custody:
    found = Custody("ceffu")
    for seq, event in enumerate([introduced(), *events] if begun else events, 1):
        at = BEFORE if isinstance(event, CustodianChanged) else AT
        found.fold(Recorded(seq=seq, recorded_at=at, event=event))
    return found


def order(**given: Any) -> Order:
    """Return the custodian's row of the delegation of 100 stETH."""
    fields: dict[str, Any] = {
        "order_id": ORDER,
        "kind": "delegate",
        "asset": "stETH",
        "amount": Decimal(100),
        "source": WALLET,
        "route": LINK,
        "state": "success",
        "at": AT,
    }
    return Order(**{**fields, **given})


def transfer(**given: Any) -> Order:
    return order(**{"kind": "transfer", "route": "0xw2", "request_id": REQUEST, **given})


def test_the_state_of_a_known_order_is_news_once() -> None:
    known = custody(*until_submitted(), reported("pending"))
    (said,) = known.news([order()], AT)
    assert isinstance(said, MoveReported)
    assert (said.move_id, said.custodian_order_id, said.state) == (NAME, ORDER, "success")
    known.fold(Recorded(seq=99, recorded_at=AT, event=said))
    assert known.news([order()], LATE) == []


def test_an_order_that_may_be_a_move_without_word_waits_for_our_own_worker() -> None:
    assert custody(*until_submitted()).news([order()], AT + PATIENCE) == []


def test_and_is_taken_for_it_when_that_stays_silent() -> None:
    (said,) = custody(*until_submitted()).news([order()], LATE)
    assert isinstance(said, MoveReported)
    assert said.move_id == NAME


def test_two_moves_that_look_alike_get_one_order_each() -> None:
    other = payload("mv" + "b" * 26)
    known = custody(*until_submitted(), *until_submitted(other))
    said = known.news([order(), order(order_id="second")], LATE)
    assert sorted(one.move_id for one in said if isinstance(one, MoveReported)) == sorted([NAME, other.move_id])


def test_a_third_one_is_nobodys() -> None:
    known = custody(*until_submitted())
    said = known.news([order(), order(order_id="second")], LATE)
    assert [type(one) for one in said] == [MoveReported, UnintendedMoveSeen]


@pytest.mark.parametrize(
    "given",
    [
        {"kind": "undelegate"},
        {"asset": "USDT"},
        {"amount": Decimal("100.01")},
        {"route": "another link"},
        {"at": AT - timedelta(hours=1)},
    ],
)
def test_what_is_unlike_every_move_was_never_intended(given: dict[str, Any]) -> None:
    (alarm,) = custody(*until_submitted()).news([order(**given)], AT)
    assert isinstance(alarm, UnintendedMoveSeen)
    assert (alarm.source, alarm.reference) == ("ceffu", ORDER)
    assert (alarm.kind, alarm.asset, alarm.amount) == (order(**given).kind, order(**given).asset, order(**given).amount)


def test_an_alarm_is_raised_once() -> None:
    known = custody()
    (alarm,) = known.news([order()], AT)
    known.fold(Recorded(seq=99, recorded_at=AT, event=alarm))
    assert known.news([order(state="failed")], LATE) == []


@pytest.mark.parametrize("events", [[proposed()], [proposed(), intended()]])
def test_a_move_that_was_not_submitted_explains_nothing(events: list[Event]) -> None:
    (alarm,) = custody(*events).news([order()], LATE)
    assert isinstance(alarm, UnintendedMoveSeen)


def test_nor_does_one_that_never_arrived() -> None:
    gone = MoveNeverArrived(at=AT, move_id=NAME, said="not listed")
    (alarm,) = custody(*until_submitted(), gone).news([order()], LATE)
    assert isinstance(alarm, UnintendedMoveSeen)


def test_what_was_there_before_the_log_knew_the_custodian_is_history() -> None:
    assert custody().news([order(at=BEFORE - timedelta(seconds=1))], AT) == []
    assert custody(begun=False).news([order()], AT) == []


def test_another_custodians_moves_are_none_of_ours() -> None:
    elsewhere = payload(custodian="another")
    (alarm,) = custody(*until_submitted(elsewhere)).news([order()], LATE)
    assert isinstance(alarm, UnintendedMoveSeen)


def test_a_transfer_is_known_by_our_own_id_at_once() -> None:
    move = payload(kind="transfer")
    (said,) = custody(*until_submitted(move)).news([transfer()], AT)
    assert isinstance(said, MoveReported)


@pytest.mark.parametrize("given", [{"amount": Decimal(7)}, {"route": "elsewhere"}, {"source": "w9"}, {"asset": "ETH"}])
def test_another_transfer_under_our_id_is_an_alarm(given: dict[str, Any]) -> None:
    (alarm,) = custody(*until_submitted(payload(kind="transfer"))).news([transfer(**given)], LATE)
    assert isinstance(alarm, UnintendedMoveSeen)
    assert NAME in alarm.said


def test_a_transfer_under_another_id_is_not_ours_however_alike() -> None:
    (alarm,) = custody(*until_submitted(payload(kind="transfer"))).news([transfer(request_id="7")], LATE)
    assert isinstance(alarm, UnintendedMoveSeen)


def test_a_withdrawal_is_never_ours() -> None:
    (alarm,) = custody(*until_submitted()).news([order(kind="withdrawal", route="0xdead")], AT)
    assert isinstance(alarm, UnintendedMoveSeen)
    assert "0xdead" in alarm.said


@given(
    amounts=st.lists(st.sampled_from([1, 2, 3]), max_size=6),
    seen=st.lists(st.tuples(st.integers(0, 5), st.sampled_from([1, 2, 3])), max_size=8),
    wait=st.sampled_from([timedelta(0), PATIENCE + timedelta(seconds=1)]),
)
def test_no_order_is_two_moves_and_no_move_two_orders(
    amounts: list[int], seen: list[tuple[int, int]], wait: timedelta
) -> None:
    events: list[Event] = []
    for number, amount in enumerate(amounts):
        of = payload(f"mv{number:026d}", amount=Decimal(amount))
        events += [proposed(of), replace(intended(of), request_id=str(number)), submitted(of.move_id)]
    rows = {str(name): order(order_id=str(name), amount=Decimal(amount)) for name, amount in seen}
    known = custody(*events)
    orders: dict[str, str] = {}
    for at in (AT, AT + wait, AT + 2 * wait):
        for said in known.news(rows.values(), at):
            if isinstance(said, MoveReported):
                assert said.custodian_order_id not in orders
                assert said.move_id not in orders.values()
                orders[said.custodian_order_id] = said.move_id
            else:
                assert amounts.count(int(said.amount)) < sum(one.amount == said.amount for one in rows.values())
            known.fold(Recorded(seq=known.seq + 1, recorded_at=at, event=said))


def test_what_came_and_went_is_told_once_and_what_is_under_way_or_within_is_not() -> None:
    came = order(order_id="d", kind="deposit", route="0xbeef")
    known = custody().booked([came, order(order_id="w", kind="withdrawal", state="in_progress"), order()])
    assert [(one.key, one.amount) for one in known] == [("custody-flow:ceffu:d", Decimal(100))]
    assert custody(*known).booked([came]) == []


def test_what_came_before_the_custodian_was_introduced_is_history() -> None:
    assert custody().booked([order(kind="deposit", at=BEFORE - timedelta(seconds=1))]) == []


def test_a_settlement_is_told_with_its_sign() -> None:
    (told,) = custody().booked([order(kind="settlement", amount=Decimal("-3"), route="binance-usdm:main")])
    assert isinstance(told, SettlementSeen)
    assert (told.amount, told.account, told.wallet) == (Decimal(-3), "binance-usdm:main", WALLET)
