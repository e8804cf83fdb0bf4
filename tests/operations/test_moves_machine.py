"""On the database, whatever people do at the same moments, no move is approved that a naive reading does not allow."""

from collections.abc import Callable
from itertools import count
from typing import Any, Final

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hedgeapp.core.events import Event
from hedgeapp.core.events.approvals import MoveDecided
from hedgeapp.core.events.moves import MoveApproved, MoveJudged, MoveProposed, MoveWithdrawn
from hedgeapp.database import conninfo
from hedgeapp.eventlog.read import read
from portfolio.core.move_payloads import payload_hash, rejection_hash
from portfolio.core.move_states import Move
from portfolio.models import Work
from portfolio.operations.moves.decisions import Decision, decide_move
from portfolio.operations.moves.proposals import MoveIsRefused, propose_move, withdraw_move
from portfolio.queries.books import current_book
from tests.builders.keyholders import now
from tests.builders.move_desk import Desk, Person, ticket
from tests.builders.phones import phone_of
from tests.builders.threads import at_once

pytestmark = pytest.mark.django_db(transaction=True)

NEEDED: Final = {"1": 0, "4": 1, "10": 1, "100": 2}  # approvers, by units of ETH
MAY_APPROVE: Final = frozenset({"ann", "bob", "cay", "dan"})
REFUSALS: Final = (PermissionError, ValueError, LookupError)
PEOPLE: Final = ("ann", "bob", "cay", "dan", "gil")

people = st.sampled_from(PEOPLE)
commands = st.one_of(
    st.tuples(st.just("approve"), people, st.sampled_from(["own", "own", "own", "edited", "caught", "no", "code"])),
    st.tuples(st.just("reject"), people, st.sampled_from(["own", "yes", "code"])),
    st.tuples(st.just("withdraw"), people, st.just("")),
)
# A move, and rounds of what happens to it, each at one moment.
lives = st.tuples(
    st.sampled_from(sorted(NEEDED)),
    st.sampled_from(["ann", "gil"]),
    st.lists(st.lists(commands, min_size=1, max_size=3), min_size=1, max_size=4),
)


class Room:
    """The desk's people at one move, with what they caught of each other's signatures."""

    def __init__(self, desk: Desk) -> None:
        self.people: dict[str, Person] = {name: getattr(desk, name) for name in PEOPLE}
        self.phone = phone_of(desk.dan[0], by=desk.ann)
        self.caught: list[str] = []
        self.numbers = count()

    def proposed(self, amount: str, by: str) -> Move:
        wanted = ticket(amount, f"life-{next(self.numbers)}")
        return propose_move(wanted, by=self.people[by][0], at=now())

    def act(self, move: Move, command: tuple[str, str, str]) -> Callable[[], object]:
        """Return what a person is about to do; signatures are made before, at his own device."""
        verb, name, how = command
        user, device = self.people[name]
        if verb == "withdraw":
            return lambda: withdraw_move(move.move_id, by=user, reason="no longer", at=now())
        yes, no = payload_hash(move.payload), rejection_hash(move.payload)
        own = yes if verb == "approve" else no
        signs = {"own": own, "edited": bytes(32), "no": no, "yes": yes}
        assertion = device.assertion(signs[how]) if how in signs else ""
        if how == "caught" and self.caught:
            assertion = self.caught[-1]
        if how == "own":
            self.caught.append(assertion)
        given: dict[str, Any] = {"code": self.phone.code(now())} if not assertion else {"assertion": assertion}
        decision = Decision(
            move_id=move.move_id,
            verdict="approve" if verb == "approve" else "reject",
            payload_hash=yes.hex(),
            reason="because",
            **given,
        )
        return lambda: decide_move(decision, by=user, at=now())


def events_of(move_id: str) -> list[Event]:
    with psycopg.connect(conninfo(), autocommit=True) as raw:
        found = [one.event for one in read(raw) if type(one.event).__name__.startswith("Move")]
    return [
        one
        for one in found
        if (one.payload.move_id if isinstance(one, MoveProposed) else getattr(one, "move_id", "")) == move_id
    ]


def hold_to_the_rules(move: Move, amount: str) -> None:
    """Read a move's events one by one, as a person would who knows the rules and not our code."""
    approvers: set[str] = set()
    is_over = is_approved = False
    for event in events_of(move.move_id):
        match event:
            case MoveProposed() | MoveJudged():
                continue
            case MoveDecided(verdict="approve"):
                assert not is_over
                assert not is_approved
                assert event.by in MAY_APPROVE - {move.proposed.by} - approvers
                if event.assertion.kind == "totp":
                    assert (event.by, amount) == ("dan", "4")
                approvers.add(event.by)
            case MoveDecided(verdict="reject"):
                assert event.by in MAY_APPROVE
                assert not is_over
                is_over = True
            case MoveWithdrawn():
                assert event.by in {move.proposed.by, "gil"}
                assert not is_over
                is_over = True
            case MoveApproved():
                assert not is_over
                assert len(approvers) == NEEDED[amount]
                assert set(event.approved_by) == approvers
                is_approved = True
            case _:
                raise AssertionError(f"found {event}")
    assert is_approved == (len(approvers) >= NEEDED[amount])
    assert Work.objects.filter(kind="move", subject=move.move_id).exists() == is_approved


@pytest.fixture
def room(log_url: str) -> Room:
    Work.objects.all().delete()
    return Room(Desk())


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(lives)
def test_no_interleaving_approves_what_the_rules_do_not_allow(
    room: Room, life: tuple[str, str, list[list[tuple[str, str, str]]]]
) -> None:
    amount, by, rounds = life
    move = room.proposed(amount, by)
    for commands_at_once in rounds:
        found = at_once(*[room.act(move, one) for one in commands_at_once])
        for one in found:
            assert isinstance(one, (Move, *REFUSALS)), one
            assert not isinstance(one, MoveIsRefused)
        hold_to_the_rules(move, amount)
    assert not list(current_book().faults)
