"""Moves: each step in its order and no other, whatever comes late, twice or from nowhere."""

from collections.abc import Sequence
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hedgeapp.core.events import Event
from hedgeapp.core.events.moves import (
    MoveDone,
    MoveExpired,
    MoveIntended,
    MoveNeverArrived,
    MoveOutcomeUnknown,
    MoveRefused,
    MoveRejected,
    MoveWithdrawn,
    UnintendedMoveReviewed,
    UnintendedMoveSeen,
)
from portfolio.core.book import Book
from portfolio.core.move_request_ids import move_id
from portfolio.core.move_states import FINAL, NEXT, UNSENT, Move
from portfolio.core.moves import ENDED_KEPT
from tests.builders.books import recorded, reference
from tests.builders.moves import (
    MOVES,
    NAME,
    ORDER,
    approved,
    decided,
    intended,
    judged,
    payload,
    proposed,
    reported,
    seen,
    submitted,
    until_approved,
    until_submitted,
    whole_life,
)
from tests.builders.orders import AT

WITHDRAWN = MoveWithdrawn(at=AT, move_id=NAME, by="ann", reason="not needed")
EXPIRED = MoveExpired(at=AT, move_id=NAME, said="too late")
REFUSED = MoveRefused(at=AT, move_id=NAME, rule="cap", said="too much")
UNKNOWN = MoveOutcomeUnknown(at=AT, move_id=NAME, because="no answer")
NEVER = MoveNeverArrived(at=AT, move_id=NAME, said="not there")
REJECTED = MoveRejected(at=AT, move_id=NAME, code="G20013", said="wallet permission")
DONE = MoveDone(at=AT, move_id=NAME)


def book_of(*events: Event) -> Book:
    book = Book()
    for one in recorded([*reference(), *events]):
        book.apply(one)
    return book


def faults(book: Book) -> list[str]:
    return [fault.because for fault in book.faults]


def move_of(book: Book, name: str = NAME) -> Move:
    move = book.moves.get(name)
    assert move is not None
    return move


LIVES: dict[str, list[Event]] = {
    "proposed": [proposed()],
    "awaiting_approval": [proposed(), judged()],
    "approved": until_approved(),
    "intended": [*until_approved(), intended()],
    "submitted": until_submitted(),
    "outcome_unknown": [*until_submitted(), UNKNOWN],
    "accepted": [*until_submitted(), reported("pending")],
    "confirmed": [*until_submitted(), reported("success")],
    "seen_at_venue": [*until_submitted(), reported("success"), seen()],
    "done": [*until_submitted(), reported("success"), seen(), DONE],
    "refused": [*until_approved(), REFUSED],
    "rejected": [proposed(), judged(), decided("bob", verdict="reject")],
    "withdrawn": [proposed(), WITHDRAWN],
    "expired": [proposed(), judged(), EXPIRED],
    "failed": [*until_submitted(), reported("failed")],
    "never_arrived": [*until_submitted(), UNKNOWN, NEVER],
}


def test_there_is_a_life_that_leads_to_each_state() -> None:
    assert LIVES.keys() == NEXT.keys()
    for state, life in LIVES.items():
        book = book_of(*life)
        assert move_of(book).state == state
        assert faults(book) == []
        assert not book.moves.alarms


@pytest.mark.parametrize("state", LIVES)
def test_ours_is_the_order_of_the_steps_and_what_breaks_it_changes_nothing_and_is_named(state: str) -> None:
    leads_to: dict[str, Event] = {
        "awaiting_approval": judged(),
        "approved": approved(None, "bob", "cay"),
        "withdrawn": WITHDRAWN,
        "expired": EXPIRED,
        "refused": REFUSED,
        "intended": intended(),
        "submitted": submitted(),
        "done": DONE,
    }
    for following, event in leads_to.items():
        book = book_of(*LIVES[state], event)
        if following in NEXT[state]:  # type: ignore[index]
            assert move_of(book).state == following
            assert faults(book) == []
        else:
            assert move_of(book).state == state
            assert bool(faults(book)) == (state != following or state not in FINAL)


def test_a_whole_life_leaves_nothing_in_flight_and_no_contradiction() -> None:
    for kind in ("delegate", "undelegate", "transfer"):
        book = book_of(*whole_life(payload(kind=kind)))
        assert move_of(book).state == "done"
        assert book.moves.in_flight() == ()
        assert faults(book) == []


def test_a_move_that_the_policy_refuses_ends_there() -> None:
    book = book_of(proposed(), judged(outcome="refuse"))
    assert (move_of(book).state, move_of(book).because) == ("refused", "rule large matches")


def test_an_unknown_outcome_is_a_state_from_which_the_custodians_word_leads_on() -> None:
    unknown: list[Event] = [*until_submitted(), UNKNOWN]
    assert move_of(book_of(*unknown)).is_in_flight
    assert move_of(book_of(*unknown, reported("in_progress"))).state == "accepted"
    assert move_of(book_of(*unknown, reported("success"))).state == "confirmed"
    assert move_of(book_of(*unknown, reported("failed"))).state == "failed"
    assert move_of(book_of(*unknown, REJECTED)).state == "failed"
    assert move_of(book_of(*unknown, NEVER)).state == "never_arrived"


def test_a_timeout_after_the_custodians_word_is_no_news() -> None:
    book = book_of(*until_submitted(), reported("success"), UNKNOWN)
    assert move_of(book).state == "confirmed"
    assert faults(book) == []


def test_a_venue_that_is_faster_than_the_custodian_is_waited_for() -> None:
    book = book_of(*until_submitted(), UNKNOWN, seen(), reported("pending"), reported("success"))
    assert move_of(book).state == "seen_at_venue"
    assert faults(book) == []


def test_what_the_venue_shows_cannot_have_failed() -> None:
    book = book_of(*until_submitted(), UNKNOWN, seen(), NEVER, REJECTED)
    assert move_of(book).state == "outcome_unknown"
    assert all("after it was seen" in said for said in faults(book))
    assert len(faults(book)) == 2


def test_late_and_repeated_words_of_the_custodian_change_nothing() -> None:
    words: list[Event] = [reported("pending"), reported("success"), reported("in_progress"), reported("success")]
    book = book_of(*until_submitted(), *words)
    assert move_of(book).state == "confirmed"
    assert faults(book) == []


@pytest.mark.parametrize("state", sorted(UNSENT))
def test_a_custodian_that_moves_what_we_did_not_send_is_believed_and_stops_moves(state: str) -> None:
    book = book_of(*LIVES[state], reported("success"))
    assert move_of(book).state == "confirmed"
    assert move_of(book).is_in_flight
    assert [alarm.reference for alarm in book.moves.alarms] == [ORDER]
    assert f"where {state} expected" in faults(book)[0]


def test_a_move_that_we_had_given_up_and_that_comes_back_is_believed_and_stops_moves() -> None:
    for ended in ("failed", "never_arrived"):
        book = book_of(*LIVES[ended], reported("success"))
        assert move_of(book).state == "confirmed"
        assert len(book.moves.alarms) == 1


def test_two_orders_for_one_move_stop_moves() -> None:
    book = book_of(*until_submitted(), reported("success"), reported("success", order="other"))
    assert [alarm.reference for alarm in book.moves.alarms] == ["other"]


def test_a_move_of_which_nobody_knows_stops_moves_until_two_people_have_looked() -> None:
    book = book_of(reported("success", name="mv-unheard-of"))
    assert len(book.moves.alarms) == 1

    def review(by: str, agreed_by: str) -> UnintendedMoveReviewed:
        return UnintendedMoveReviewed(
            at=AT, source="ceffu", reference=ORDER, by=by, agreed_by=agreed_by, reason="portal"
        )

    for one, other in (("ann", "ann"), ("ann", ""), ("", "ann")):
        assert book_of(reported("success", name="mv-unheard-of"), review(one, other)).moves.alarms
    assert not book_of(reported("success", name="mv-unheard-of"), review("ann", "bob")).moves.alarms


def test_an_alarm_stands_until_it_is_reviewed_by_its_own_name() -> None:
    alarm = UnintendedMoveSeen(
        at=AT, source="ceffu", reference="1", kind="delegate", asset="ETH", amount=payload().amount, said="?"
    )
    other = UnintendedMoveReviewed(at=AT, source="ceffu", reference="2", by="ann", agreed_by="bob", reason="")
    book = book_of(alarm, other)
    assert book.moves.alarms == (alarm,)
    assert "an open alarm expected" in faults(book)[0]


def test_a_decision_about_another_payload_does_not_count() -> None:
    edited = payload(amount=payload().amount + 1)
    book = book_of(proposed(), judged(), decided("bob", edited))
    assert move_of(book).decisions == ()
    assert "another payload" in faults(book)[0]


def test_an_intent_of_another_payload_is_not_taken() -> None:
    edited = payload(destination="binance-coinm:main")
    book = book_of(*until_approved(), intended(edited))
    assert move_of(book).state == "approved"


def test_any_approver_ends_a_move_until_it_is_submitted_and_nobody_after() -> None:
    no = decided("cay", verdict="reject")
    for state in ("awaiting_approval", "approved", "intended"):
        rejected = move_of(book_of(*LIVES[state], no))
        assert (rejected.state, rejected.because) == ("rejected", "cay: not now")
    late = book_of(*LIVES["submitted"], no)
    assert move_of(late).state == "submitted"
    assert faults(late)


def test_an_approval_after_the_end_does_not_count() -> None:
    book = book_of(*LIVES["withdrawn"], decided("bob"))
    assert move_of(book).decisions == ()
    assert "does not count" in faults(book)[0]


def test_one_request_id_is_one_move() -> None:
    other = payload(move_id("ticket:2"))
    stolen: MoveIntended = intended(other, request_id=intended().request_id)
    book = book_of(*until_submitted(), *until_approved(other), stolen)
    assert move_of(book, other.move_id).state == "approved"
    assert "one request id for one move" in faults(book)[0]
    assert book.moves.of_request("ceffu", intended().request_id) == move_of(book)


def test_a_second_proposal_under_one_name_changes_nothing() -> None:
    book = book_of(proposed(), proposed(payload(amount=payload().amount + 1)))
    assert move_of(book).payload == payload()
    assert faults(book)


def test_ended_moves_are_let_go_but_never_one_that_counts_in_a_cap() -> None:
    done = whole_life()
    many = [
        event
        for number in range(ENDED_KEPT + 5)
        for event in (
            proposed(payload(f"mv{number}")),
            MoveWithdrawn(at=AT + timedelta(seconds=number), move_id=f"mv{number}", by="ann", reason=""),
        )
    ]
    book = book_of(*done, *many)
    assert len(book.moves) == ENDED_KEPT
    assert move_of(book).state == "done"


@settings(max_examples=80)
@given(st.lists(st.sampled_from([*MOVES, *until_submitted(), reported("failed")]), max_size=40))
def test_any_events_in_any_order_fold_and_only_legal_steps_are_taken(events: Sequence[Event]) -> None:
    book = Book()
    state = ""
    for one in recorded([*reference(), *events]):
        alarms = len(book.moves.alarms)
        book.apply(one)
        move = book.moves.get(NAME)
        now = move.state if move else ""
        if state and now != state and now not in NEXT[state]:  # type: ignore[index]
            assert len(book.moves.alarms) >= max(alarms, 1)
        state = now
