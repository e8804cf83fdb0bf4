"""Halts: declared at once by anybody, lifted by two people, whoever asks for it otherwise."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from decimal import Decimal
from io import StringIO

import pytest
from django.contrib.auth.models import Group, User
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import IntegrityError, connection, transaction

from hedgeapp.core.events.halts import HaltLifted
from hedgeapp.core.events.orders import OrderRefused, OrderSent
from hedgeapp.core.events.positions import PositionStated
from hedgeapp.eventlog.append import append
from marketdata.models import Venue
from portfolio.models import Halt, Work
from portfolio.operations.halts import (
    ApproverIsAsker,
    HaltIsNotInForce,
    ReasonIsMalformed,
    ResumeIsAsked,
    ResumeIsNotAsked,
    ScopeIsUnknown,
    approve_resume,
    ask_resume,
    declare_halt,
    note_canceled,
    take_hold,
)
from portfolio.operations.orders import OrderIsRefused, intend_order, send_order
from portfolio.queries.books import current_book
from portfolio.queries.halts import in_force, past
from tests.builders.books import AT, LINEAR, USDM, opening
from tests.builders.desks import MARKS, history, ticket, written


@pytest.fixture(autouse=True)
def venues(log_url: str) -> Iterator[None]:
    Venue.objects.all().delete()
    Halt.objects.all().delete()
    Work.objects.all().delete()
    for name in ("binance-usdm", "binance-coinm"):
        Venue.objects.create(
            name=name, protocol=name, rest_url="", ws_url="", version=1, changed_by="seed", changed_at=AT
        )
    yield
    Venue.objects.all().delete()
    Halt.objects.all().delete()


def halted(scope: str = "*", by: str = "ann") -> Halt:
    return declare_halt(scope, by=by, reason="the venue looks wrong", at=AT)


def kinds() -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT kind FROM eventlog_event ORDER BY seq")
        return [kind for (kind,) in cursor]


def test_a_halt_is_in_the_log_in_the_book_and_in_the_work_at_once() -> None:
    halt = halted()
    assert kinds() == ["HaltDeclared"]
    found = current_book().halts.of("binance-usdm")
    assert found is not None
    assert found.halt_id == halt.halt_id
    work = Work.objects.get()
    assert (work.kind, work.subject, work.queue, work.closed_at) == ("halt", halt.halt_id, "urgent", None)


def test_halting_again_changes_nothing() -> None:
    assert halted().halt_id == halted(by="bob").halt_id
    assert kinds() == ["HaltDeclared"]


def test_halting_again_asks_the_venues_again() -> None:
    name = halted().halt_id
    take_hold(name, at=AT)
    Work.objects.update(closed_at=AT, tries=7)
    halted(by="bob")
    work = Work.objects.get()
    assert (work.subject, work.closed_at, work.tries) == (name, None, 0)


def test_many_who_halt_at_once_make_one_halt() -> None:
    def press(who: int) -> str:
        try:
            return halted(by=f"person {who}").halt_id
        finally:
            connection.close()

    with ThreadPoolExecutor(6) as threads:
        assert len(set(threads.map(press, range(6)))) == 1
    assert kinds() == ["HaltDeclared"]


def test_a_halt_of_one_venue_leaves_the_other() -> None:
    halted("binance-usdm")
    book = current_book()
    assert book.halts.of("binance-usdm")
    assert not book.halts.of("binance-coinm")


@pytest.mark.parametrize(
    ("scope", "reason", "refusal"),
    [("mt-gox", "why not", ScopeIsUnknown), ("*", "  ", ReasonIsMalformed), ("*", "x" * 501, ReasonIsMalformed)],
)
def test_what_cannot_be_halted_is_refused_by_name(scope: str, reason: str, refusal: type[Exception]) -> None:
    with pytest.raises(refusal):
        declare_halt(scope, by="ann", reason=reason, at=AT)
    assert kinds() == []


def test_two_people_lift_a_halt() -> None:
    name = halted().halt_id
    ask_resume(name, by="ann", reason="all is well", at=AT)
    assert in_force()
    approve_resume(name, by="bob", at=AT)
    assert kinds() == ["HaltDeclared", "ResumeAsked", "HaltLifted"]
    assert not in_force()
    assert not current_book().halts
    assert [(one.asked_by, one.approved_by) for one in past()] == [("ann", "bob")]


def test_one_person_cannot_be_both() -> None:
    name = halted(by="eve").halt_id
    ask_resume(name, by="ann", reason="all is well", at=AT)
    with pytest.raises(ApproverIsAsker, match="another person than ann expected"):
        approve_resume(name, by="ann", at=AT)
    assert in_force()


def test_nobody_approves_what_nobody_asked() -> None:
    name = halted().halt_id
    with pytest.raises(ResumeIsNotAsked):
        approve_resume(name, by="bob", at=AT)


def test_asking_again_changes_nothing_and_a_second_person_is_told_to_approve() -> None:
    name = halted().halt_id
    ask_resume(name, by="ann", reason="all is well", at=AT)
    ask_resume(name, by="ann", reason="really", at=AT)
    with pytest.raises(ResumeIsAsked, match="approve it instead"):
        ask_resume(name, by="bob", reason="me too", at=AT)
    assert kinds() == ["HaltDeclared", "ResumeAsked"]


def test_a_lifted_halt_is_not_lifted_again_and_a_new_one_can_be_declared() -> None:
    name = halted().halt_id
    ask_resume(name, by="ann", reason="all is well", at=AT)
    approve_resume(name, by="bob", at=AT)
    with pytest.raises(HaltIsNotInForce):
        approve_resume(name, by="bob", at=AT)
    assert declare_halt("*", by="ann", reason="again", at=datetime.now(UTC)).halt_id != name


def test_a_halt_takes_hold_once_with_what_was_canceled() -> None:
    name = halted().halt_id
    note_canceled(name, 2)
    note_canceled(name, 1)
    take_hold(name, at=AT)
    take_hold(name, at=AT)
    assert kinds() == ["HaltDeclared", "HaltTookHold"]
    found = current_book().halts.get(name)
    assert found is not None
    assert (found.canceled, found.held_at) == (3, AT)


@pytest.mark.parametrize(
    "by",
    [
        "asked_at = now(), asked_by = 'ann', approved_by = 'ann', lifted_at = now()",  # one person
        "approved_by = 'bob', lifted_at = now()",  # nobody asked
        "asked_at = now(), asked_by = 'ann', lifted_at = now()",  # nobody approved
        "asked_by = 'ann', approved_by = 'bob'",  # no times
    ],
)
def test_the_database_itself_asks_for_two_people(by: str) -> None:
    name = halted().halt_id
    with pytest.raises(IntegrityError), connection.cursor() as cursor:
        cursor.execute(f"UPDATE portfolio_halt SET {by} WHERE halt_id = %s", [name])


def test_the_database_keeps_one_halt_of_a_scope_in_force() -> None:
    halted()
    with pytest.raises(IntegrityError), connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO portfolio_halt (halt_id, scope, declared_at, declared_by, reason, canceled, asked_by,"
            " asked_because, approved_by) VALUES ('x', '*', now(), 'bob', 'b', 0, '', '', '')"
        )


@pytest.mark.parametrize(("asked_by", "approved_by"), [("ann", "ann"), ("bob", "eve"), ("ann", "")])
def test_the_book_itself_asks_for_two_people_whatever_the_log_says(asked_by: str, approved_by: str) -> None:
    name = halted().halt_id
    ask_resume(name, by="ann", reason="all is well", at=AT)
    forged = HaltLifted(at=AT, halt_id=name, asked_by=asked_by, approved_by=approved_by)
    with transaction.atomic():
        connection.ensure_connection()
        append(connection.connection, [forged], at=AT)
    book = current_book()
    assert book.halts.of("binance-usdm")
    assert any("lifted by two people expected" in fault.because for fault in book.faults)


def test_after_a_halt_an_order_is_refused_and_one_not_sent_yet_is_not_sent() -> None:
    written(*history())
    name = intend_order(ticket("n-1"), by="ann", at=AT).client_order_id
    halted("binance-usdm")
    decided = send_order(name, MARKS, clock=lambda: AT)
    assert isinstance(decided, OrderRefused)
    assert decided.rule == "halt"
    with pytest.raises(OrderIsRefused, match="no halt of binance-usdm expected"):
        intend_order(ticket("n-2"), by="ann", at=AT)


def test_after_a_halt_what_reduces_by_the_venue_s_word_is_sent() -> None:
    held = PositionStated(at=AT, account=USDM, instrument=LINEAR, quantity=Decimal(5), entry_price=Decimal(3000))
    written(*history(), opening("5", "3000"), held)
    halted()
    name = intend_order(ticket(reduce_only=True), by="ann", at=AT).client_order_id
    assert isinstance(send_order(name, MARKS, clock=lambda: AT), OrderSent)


def test_a_terminal_halts_and_two_people_resume_by_it() -> None:
    for name in ("ann", "bob"):
        User.objects.create_user(name).groups.add(Group.objects.get_or_create(name="approver")[0])
    from hedgeapp.access.roles import grant_roles

    grant_roles()
    out = StringIO()
    call_command("halt", reason="the venue looks wrong", by="ann", stdout=out)
    assert "all venues halted" in out.getvalue()
    name = Halt.objects.get().halt_id
    call_command("resume", stdout=out)
    assert "being carried out" in out.getvalue()
    call_command("resume", name, by="ann", reason="all is well", stdout=out)
    with pytest.raises(CommandError, match="another person than ann"):
        call_command("resume", name, by="ann", approve=True, stdout=out)
    call_command("resume", name, by="bob", approve=True, stdout=out)
    assert "approved by bob" in out.getvalue()


def test_a_terminal_resumes_only_for_people_who_may() -> None:
    User.objects.create_user("eve")
    name = halted().halt_id
    for who in ("eve", "nobody"):
        with pytest.raises(CommandError, match="who may lift halts"):
            call_command("resume", name, by=who, reason="all is well")
