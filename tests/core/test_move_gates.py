"""The gate changes by two people, by versions, after a cool-off; who changed what of late is remembered."""

from dataclasses import replace
from datetime import timedelta

import pytest

from hedgeapp.core.events import Event
from hedgeapp.core.events.approvals import GateChangeAgreed, GateChangeDropped, PolicyRule
from portfolio.core.book import Book
from portfolio.core.move_gates import COOL_OFF, OPEN_MAX
from portfolio.core.row_changes import FIRST_SWEPT_AT, KEPT_FOR, RowChanges
from tests.builders.books import limit, recorded
from tests.builders.moves import ALL_CAP, LARGE, agreed, gate, gate_change
from tests.builders.orders import AT

ALLOW = PolicyRule(name="allow", outcome="allow")
COOL_OFF_S = int(COOL_OFF.total_seconds())


def book_of(*events: Event) -> Book:
    book = Book()
    for one in recorded(events):
        book.apply(one)
    return book


def faults(book: Book) -> list[str]:
    return [fault.because for fault in book.faults]


FIRST = gate_change("policy", rules=(LARGE,))
SECOND = gate_change("policy", 2, rules=(ALLOW,))


def test_nothing_is_in_force_before_two_people_agreed() -> None:
    book = book_of(FIRST)
    assert book.gate.rules(AT) == ()
    assert book.gate.policy_version(AT) == 0
    assert book.gate.waiting == (FIRST,)


@pytest.mark.parametrize("by", ["dan", ""])
def test_nobody_agrees_to_his_own_change(by: str) -> None:
    book = book_of(FIRST, agreed(FIRST, by=by))
    assert book.gate.rules(AT) == ()
    assert "another person than dan expected" in faults(book)[0]


def test_the_first_version_may_hold_at_once_and_each_later_one_after_its_cool_off() -> None:
    book = book_of(FIRST, agreed(FIRST))
    assert book.gate.rules(AT) == (LARGE,)
    hasty = book_of(FIRST, agreed(FIRST), SECOND, agreed(SECOND, hold_s=COOL_OFF_S - 1))
    assert hasty.gate.version("policy", 2) is None
    assert "that holds from" in faults(hasty)[0]
    patient = book_of(FIRST, agreed(FIRST), SECOND, agreed(SECOND, hold_s=COOL_OFF_S))
    assert patient.gate.rules(AT) == (LARGE,)
    assert patient.gate.rules(AT + COOL_OFF) == (ALLOW,)
    assert patient.gate.policy_version(AT + COOL_OFF) == 2


def test_a_change_of_a_version_that_is_not_the_next_is_not_taken() -> None:
    skipped = gate_change("policy", 3, rules=(ALLOW,))
    book = book_of(FIRST, agreed(FIRST), skipped, agreed(skipped, hold_s=COOL_OFF_S))
    assert book.gate.version("policy", 3) is None
    assert "version 2 of policy expected, found 3" in faults(book)[0]


def test_a_change_cannot_bring_another_part_along() -> None:
    book = book_of(replace(FIRST, caps=(ALL_CAP,)), agreed(FIRST))
    assert book.gate.rules(AT) == ()
    assert len(faults(book)) == 2


def test_agreeing_to_what_nobody_proposed_changes_nothing() -> None:
    book = book_of(agreed(FIRST))
    assert "a change that waits expected" in faults(book)[0]


def test_a_change_is_dropped_until_it_holds_and_not_after() -> None:
    drop = GateChangeDropped(at=AT, change_id="policy-2", by="fay", reason="a slip")
    agreement = agreed(SECOND, hold_s=COOL_OFF_S)
    waiting = book_of(FIRST, agreed(FIRST), SECOND, drop)
    assert waiting.gate.waiting == ()
    cooling = book_of(FIRST, agreed(FIRST), SECOND, agreement, drop)
    assert cooling.gate.rules(AT + 2 * COOL_OFF) == (LARGE,)
    late = book_of(FIRST, agreed(FIRST), SECOND, agreement, replace(drop, at=AT + 2 * COOL_OFF))
    assert late.gate.rules(AT + 2 * COOL_OFF) == (ALLOW,)
    assert "does not hold yet expected" in faults(late)[0]


def test_the_version_after_a_dropped_one_has_a_number_of_its_own() -> None:
    drop = GateChangeDropped(at=AT, change_id="policy-2", by="fay", reason="a slip")
    third = gate_change("policy", 3, rules=(ALLOW,))
    first_two: list[Event] = [FIRST, agreed(FIRST), SECOND, agreed(SECOND, hold_s=COOL_OFF_S), drop]
    book = book_of(*first_two, third, agreed(third, hold_s=COOL_OFF_S))
    assert book.gate.policy_version(AT + COOL_OFF) == 3


def test_changes_that_wait_are_bounded() -> None:
    many = [replace(FIRST, change_id=f"c{number}") for number in range(OPEN_MAX + 5)]
    assert len(book_of(*many).gate.waiting) == OPEN_MAX


def test_both_who_changed_the_gate_are_remembered_as_of_when_it_holds() -> None:
    book = book_of(FIRST, agreed(FIRST), SECOND, agreed(SECOND, by="fay", hold_s=30 * 3_600))
    since = AT + timedelta(hours=30)
    assert book.row_changes.by_whom({"policy"}, since) == {"dan": "policy", "fay": "policy"}
    assert book.row_changes.by_whom({"caps"}, since) == {}
    assert isinstance(agreed(SECOND), GateChangeAgreed)


def test_who_changed_a_row_is_remembered_by_the_row_and_the_time_of_the_log() -> None:
    change = replace(limit("net_delta_band", "ETH", "30"), by="ann")
    book = book_of(change)
    name = f"limit:{change.limit.name}"
    assert book.row_changes.by_whom({name}, AT.replace(microsecond=0)) == {"ann": name}
    assert book.row_changes.by_whom({name}, AT + timedelta(seconds=1)) == {}
    assert book.row_changes.by_whom({"limit:other"}, AT - timedelta(days=1)) == {}


def test_no_flood_of_changes_washes_away_one_of_the_last_days() -> None:
    changes = RowChanges()
    changes.note("limit:one", "ann", AT)
    for number in range(FIRST_SWEPT_AT + 10):
        changes.note(f"limit:{number}", "mallory", AT + KEPT_FOR)
    assert changes.by_whom({"limit:one"}, AT) == {"ann": "limit:one"}
    changes.note("limit:last", "ann", AT + KEPT_FOR + timedelta(seconds=1))
    assert changes.by_whom({"limit:one"}, AT) == {}


def test_a_whole_gate_stands() -> None:
    book = book_of(*gate(LARGE))
    assert (book.gate.rules(AT), book.gate.caps(AT)) == ((LARGE,), (ALL_CAP,))
    assert len(book.gate.destinations(AT)) == 3
    assert faults(book) == []
