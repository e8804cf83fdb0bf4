"""An order is intended once, sent by exactly one, and every word of the venue has its place."""

import threading
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.db.models import QuerySet

from hedgeapp.core.events.orders import HedgeProposed, OrderRefused, OrderSent
from hedgeapp.core.events.positions import PositionStated
from hedgeapp.eventlog.models import LoggedEvent
from portfolio.core.orders import HedgeOrder
from portfolio.models import Work
from portfolio.operations.orders import (
    INTENT_AGE_MAX,
    PATIENCE,
    RECV_WINDOW,
    MarksAreLate,
    OrderIsRefused,
    OrderIsUnknown,
    TicketIsMalformed,
    TicketWasUsed,
    ask_cancel,
    intend_order,
    send_order,
)
from portfolio.operations.words import SETTLE, note_not_there, note_rejected, note_seen, note_unknown
from portfolio.operations.work import claim_work, close_work
from portfolio.queries.books import current_book
from tests.builders.books import AT, BTC_LINEAR, LINEAR, USDM, D, collateral, opening
from tests.builders.desks import MARKS, history, ticket, written
from tests.builders.orders import seen

LATER = AT + timedelta(seconds=1)


@pytest.fixture(autouse=True)
def desk(log_url: str) -> None:
    Work.objects.all().delete()
    written(*history())


def kinds(*of: str) -> "QuerySet[LoggedEvent]":
    return LoggedEvent.objects.filter(kind__in=of)


def intended(**given: Any) -> HedgeOrder:
    return intend_order(ticket(**given), by="ann", at=AT)


def order(name: str) -> HedgeOrder:
    found = current_book().our_orders.get(name)
    assert found is not None
    return found


def sent(name: str, at: datetime = LATER, marks: Any = MARKS) -> OrderSent | OrderRefused | None:
    return send_order(name, marks, clock=lambda: at)


def really_sent(**given: Any) -> str:
    name = intended(**given).client_order_id
    assert isinstance(sent(name), OrderSent)
    return name


def test_an_intended_order_is_in_the_log_with_its_work() -> None:
    made = intended()
    assert made == order(made.client_order_id)
    work = Work.objects.get()
    assert (work.kind, work.subject, work.queue, work.closed_at) == ("order", made.client_order_id, "orders", None)


def test_what_reduces_only_is_urgent() -> None:
    held = PositionStated(at=AT, account=USDM, instrument=LINEAR, quantity=D(5), entry_price=D(3000))
    written(opening("5", "3000"), held)
    intended(reduce_only=True)
    assert Work.objects.get().queue == "urgent"


def test_the_same_ticket_again_is_the_same_order() -> None:
    first = intended()
    assert intend_order(ticket(), by="ann", at=LATER) == first
    assert kinds("OrderIntended").count() == Work.objects.count() == 1


def test_a_nonce_cannot_make_another_order() -> None:
    intended()
    with pytest.raises(TicketWasUsed):
        intended(quantity=D(6))


def test_many_threads_with_one_ticket_make_one_order() -> None:
    found: list[HedgeOrder] = []
    both = threading.Barrier(3)

    def post() -> None:
        both.wait()
        found.append(intended())
        connection.close()

    threads = [threading.Thread(target=post) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({one.client_order_id for one in found}) == 1
    assert len(found) == 3
    assert kinds("OrderIntended").count() == Work.objects.count() == 1


def test_a_refusal_leaves_nothing_behind_and_says_limit_value_and_unit() -> None:
    with pytest.raises(OrderIsRefused, match="at most 40 ETH expected, found 41 ETH") as refused:
        intended(quantity=D(41))
    assert {one.rule for one in refused.value.refusals} == {"order_size_max", "towards_flat"}
    assert not kinds("OrderIntended").exists()
    assert not Work.objects.exists()


def test_a_text_that_is_too_long_is_no_ticket() -> None:
    for wrong in ({"nonce": ""}, {"nonce": "n" * 101}, {"reason": "r" * 501}, {"reason": "a\nb"}):
        with pytest.raises(TicketIsMalformed):
            intended(**wrong)


def test_a_proposal_is_closed_by_the_order_that_was_made_of_it() -> None:
    proposal = HedgeProposed(
        at=AT, proposal_id="p-9", currency="ETH", account=USDM, instrument=LINEAR, side="sell", quantity=D(5),
        net=D(30), in_flight=D(0), band=D(25), because="out of its band",
    )  # fmt: skip
    written(proposal)
    intended(proposal_id="p-9")
    assert current_book().proposals == {}


def test_a_proposal_of_another_currency_goes_on_standing() -> None:
    proposal = HedgeProposed(
        at=AT, proposal_id="BTC-1", currency="BTC", account=USDM, instrument=BTC_LINEAR, side="sell", quantity=D(5),
        net=D(30), in_flight=D(0), band=D(25), because="out of its band",
    )  # fmt: skip
    written(proposal)
    intended(proposal_id="BTC-1")
    assert list(current_book().proposals) == ["BTC-1"]


def test_marks_that_are_late_in_the_log_are_left_to_the_sender() -> None:
    late = AT + timedelta(minutes=10)
    made = intend_order(ticket(), by="ann", at=late)
    with pytest.raises(MarksAreLate):
        send_order(made.client_order_id, MARKS, clock=lambda: late)


def test_an_intent_waits_a_little_for_fresh_marks() -> None:
    name = intended().client_order_id
    late = {key: replace(mark, at=AT - timedelta(hours=1)) for key, mark in MARKS.items()}
    with pytest.raises(MarksAreLate, match="a fresh mark of"):
        sent(name, LATER, late)
    assert order(name).state == "intended"
    assert isinstance(sent(name, AT + PATIENCE, late), OrderRefused)


def test_one_of_two_workers_may_send() -> None:
    name = intended().client_order_id
    found: list[OrderSent | OrderRefused | None] = []
    both = threading.Barrier(4)

    def send() -> None:
        both.wait()
        found.append(sent(name))
        connection.close()

    threads = [threading.Thread(target=send) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(isinstance(one, OrderSent) for one in found) == 1
    assert sum(one is None for one in found) == 3


def test_what_is_sent_says_what_it_was_checked_against_and_until_when_it_counts() -> None:
    name = intended().client_order_id
    told = sent(name)
    assert isinstance(told, OrderSent)
    assert (told.at, told.valid_until, told.mark, told.net) == (LATER, LATER + RECV_WINDOW, D(3000), D(30))
    assert order(name).state == "sent"


def test_all_checks_run_again_before_sending() -> None:
    name = intended(quantity=D(28)).client_order_id
    written(collateral("ETH", "3", LATER), at=LATER)
    told = sent(name)
    assert isinstance(told, OrderRefused)
    assert told.rule == "towards_flat"


def test_an_intent_that_grew_old_is_refused() -> None:
    name = intended().client_order_id
    at = AT + INTENT_AGE_MAX + timedelta(seconds=1)
    fresh = {key: replace(mark, at=at, received_at=at) for key, mark in MARKS.items()}
    told = sent(name, at, fresh)
    assert isinstance(told, OrderRefused)
    assert told.rule == "intent_age"


def test_an_order_that_is_canceled_before_it_is_sent_is_never_sent() -> None:
    name = intended().client_order_id
    ask_cancel(name, by="bob", reason="changed my mind", at=AT)
    told = sent(name)
    assert isinstance(told, OrderRefused)
    assert (told.rule, told.said) == ("canceled", "canceled by bob before it was sent")
    assert sent(name) is None


def test_a_cancel_is_asked_once_and_is_urgent() -> None:
    name = really_sent()
    ask_cancel(name, by="bob", reason="", at=LATER)
    ask_cancel(name, by="ann", reason="me too", at=LATER)
    assert kinds("CancelAsked").count() == 1
    assert Work.objects.get(kind="cancel").queue == "urgent"
    assert order(name).cancel_asked_by == "bob"


def test_a_cancel_that_was_carried_begins_anew_when_the_order_is_found_after_all() -> None:
    name = really_sent()
    ask_cancel(name, by="bob", reason="", at=LATER)
    late = LATER + timedelta(minutes=1)
    assert note_not_there(name, "Order does not exist.", asked_at=late, at=late)
    (claim,) = claim_work("urgent", by="one", count=10)
    close_work(claim, said="never_arrived", at=late)
    note_seen(name, seen(name), at=late)
    ask_cancel(name, by="bob", reason="", at=late)
    assert [one.subject for one in claim_work("urgent", by="two", count=10)] == [name]


def test_nobody_can_cancel_what_is_not_there_or_has_ended() -> None:
    with pytest.raises(OrderIsUnknown):
        ask_cancel("hg" + "x" * 26, by="bob", reason="", at=LATER)
    name = really_sent()
    note_rejected(name, "-2019", "Margin is insufficient.", at=LATER)
    assert ask_cancel(name, by="bob", reason="", at=LATER).state == "rejected"
    assert not kinds("CancelAsked").exists()


def test_the_venues_word_is_written_once() -> None:
    name = really_sent()
    word = seen(name, status="filled", filled="5")
    note_seen(name, word, at=LATER)
    note_seen(name, replace(word, at=LATER), at=LATER + timedelta(seconds=1))
    assert kinds("OrderAcknowledged").count() == kinds("OrderSeen").count() == 1
    assert order(name).state == "filled"


def test_an_order_that_the_venue_has_is_not_called_rejected() -> None:
    name = really_sent()
    note_seen(name, seen(name), at=LATER)
    note_rejected(name, "-2019", "Margin is insufficient.", at=LATER)
    note_unknown(name, "no answer", at=LATER)
    assert order(name).state == "working"
    assert not kinds("OrderRejected", "OrderOutcomeUnknown").exists()


def test_not_known_counts_only_after_the_deadline_and_the_settle_time() -> None:
    name = really_sent()
    note_unknown(name, "no answer within 5 s", at=LATER)
    valid_until = order(name).valid_until
    assert valid_until is not None
    too_early, late = valid_until + SETTLE - timedelta(milliseconds=1), valid_until + SETTLE
    assert not note_not_there(name, "Order does not exist.", asked_at=too_early, at=late)
    assert order(name).state == "unknown"
    assert note_not_there(name, "Order does not exist.", asked_at=late, at=late)
    assert order(name).state == "never_arrived"


def test_a_late_word_of_the_venue_is_believed_and_named() -> None:
    name = really_sent()
    late = LATER + timedelta(minutes=1)
    assert note_not_there(name, "Order does not exist.", asked_at=late, at=late)
    note_seen(name, seen(name, status="filled", filled="5"), at=late)
    book = current_book()
    found = book.our_orders.get(name)
    assert found is not None
    assert found.state == "filled"
    assert any("never_arrived expected" in fault.because for fault in book.faults)
