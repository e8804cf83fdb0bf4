"""No forged row or task, no web process that was taken over and nothing stale moves a coin: the ledger says so."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from django.contrib.auth.models import Group, User

from hedgeapp.core.events.approvals import PolicyRule
from hedgeapp.core.events.halts import EVERYWHERE
from hedgeapp.core.events.moves import (
    MoveExpired,
    MoveIntended,
    MoveNeverArrived,
    MovePayload,
    MoveRefused,
    MoveSubmitted,
    Quota,
    UnintendedMoveSeen,
)
from hedgeapp.core.events.passkeys import CONSOLE
from hedgeapp.eventlog.append import append
from portfolio.core.move_payloads import payload_hash
from portfolio.models import Work
from portfolio.operations.halts import declare_halt
from portfolio.operations.move_life import MoveMustWait, ask_again, intend_move, submit_move
from portfolio.operations.move_words import note_never_arrived
from portfolio.operations.moves.people import SEED
from portfolio.operations.restored import open_what_is_not_over
from portfolio.operations.work import Claim
from portfolio.queries.books import FOLLOWING, current_book
from portfolio.queries.gate import unproven_now
from portfolio.tasks.desk import Again, Done
from portfolio.tasks.moves import PATIENT_TRIES, carry_move
from portfolio.tasks.moves_desk import MovesDesk
from tests.builders.accounts import World, seeded
from tests.builders.intruder import SIGNATURE, WORK
from tests.builders.moving import ALL, APPROVERS, CUSTODIAN, D, MovesWorld, move_now, now, written

SOON = timedelta(seconds=30)
STRICTER = PolicyRule(name="three", outcome="ask", quotas=(Quota(group=APPROVERS, needed=3),))


@pytest.fixture(scope="module")
def custodians(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A running sandbox."""
    found = World(tmp_path_factory.mktemp("world"))
    found.start()
    found.act("custody/latency", seconds="0.1")
    yield found
    found.kill()


@pytest.fixture
def moves(custodians: World, log_url: str) -> MovesWorld:
    """The sandbox, people with passkeys, and rules that two of them agreed on."""
    seeded(custodians)
    found = MovesWorld(custodians)
    found.begin()
    return found


def carried(moves: MovesWorld, name: str, *, waits: bool = False) -> str:
    """Let a worker carry a move as far as it goes, and prove that no coin moved; return how the move stands."""
    orders, held = len(moves.state()["orders"]), moves.at_venue()

    async def carry() -> Done | Again:
        desk = MovesDesk("moves")
        await desk.doors.look()
        try:
            claim = Claim(id=0, kind="move", subject=name, queue="moves", tries=PATIENT_TRIES, number=1)
            return await carry_move(claim, desk)
        finally:
            await desk.close()
            desk._threads.close()

    outcome = asyncio.run(carry())
    assert (len(moves.state()["orders"]), moves.at_venue()) == (orders, held)
    assert isinstance(outcome, Again if waits else Done), outcome.said
    return outcome.said


def refused(moves: MovesWorld, name: str) -> str:
    """Let a worker refuse a move and return the sentence."""
    said = carried(moves, name)
    assert move_now(name).state == "refused", said
    return said


# What is forged -------------------------------------------------------------------------------------------------------


def test_a_task_that_names_nothing_or_a_move_that_nobody_approved(moves: MovesWorld) -> None:
    assert "not known" in carried(moves, "mvforged")
    name = moves.propose(moves.payload())
    assert "an approved move expected" in carried(moves, name)
    assert move_now(name).state == "awaiting_approval"


def test_approvals_without_any_signature(moves: MovesWorld, app: psycopg.Connection[Any]) -> None:
    """A web process that was taken over writes decisions, a quorum and the work of it into the database."""
    of = moves.payload()
    name = moves.propose(of)
    forged = [replace(moves.decision(who, moves.payload()), move_id=name) for who in ("bob", "cay")]
    forged = [replace(one, payload_hash=payload_hash(of).hex()) for one in forged]
    moves.approve(of, forged)
    assert "a signature over this that was kept expected" in refused(moves, name)


def test_kept_signatures_that_are_forged(moves: MovesWorld, app: psycopg.Connection[Any]) -> None:
    """The rows that the web process may write are taken by the database, and not believed."""
    of, other = moves.payload(), moves.payload()
    name = moves.propose(of)
    decisions = []
    for who in ("bob", "cay"):
        signed = moves.decision(who, other)  # a signature of another move, caught on its way
        app.execute(SIGNATURE, (payload_hash(of), who))
        decisions.append(replace(signed, move_id=name, payload_hash=payload_hash(of).hex()))
    moves.approve(of, decisions)
    assert "the challenge" in refused(moves, name)


def test_a_key_that_nobody_signed_for(moves: MovesWorld, app: psycopg.Connection[Any]) -> None:
    """A key row that the web process inserted for somebody is refused by the database, or not believed."""
    insert = (
        "INSERT INTO access_passkey (credential_id, user_id, name, public_key, challenge, proof, first_count,"
        " sign_count, enrolled_at, enrolled_by_id, is_root, confirmed_at, valid_from, revoked_by, revoked_because)"
        " SELECT 'mine', id, 'mine', 'key', %s, '{}', 0, 0, now(), id, %s, %s, %s, '', '' FROM auth_user"
        " WHERE username = 'bob'"
    )
    at = datetime.now(UTC)
    for is_root, confirmed_at in ((True, at), (False, at)):
        with pytest.raises(psycopg.errors.IntegrityError):
            app.execute(insert, (bytes(32), is_root, confirmed_at, confirmed_at))
    with pytest.raises(psycopg.errors.IntegrityError):
        app.execute("UPDATE access_passkey SET public_key = 'mine'")


def test_a_payload_that_was_edited_after_it_was_signed(moves: MovesWorld) -> None:
    of = moves.payload("10")
    edited = replace(of, amount=D(10_000))
    moves.propose(edited)
    decisions = [moves.decision(who, edited, signs=of) for who in ("bob", "cay")]
    moves.approve(edited, decisions)
    assert "approval" in refused(moves, of.move_id)


def test_one_person_under_two_names(moves: MovesWorld) -> None:
    of = moves.payload()
    name = moves.propose(of)
    first = moves.decision("bob", of)
    User.objects.create_user("bill").groups.add(Group.objects.get(name=APPROVERS))
    moves.approve(of, [first, replace(first, by="bill", assertion=replace(first.assertion, key_id="another"))])
    assert "a signature over this" in refused(moves, name)


def test_a_gate_that_the_web_process_wrote(custodians: World, log_url: str) -> None:
    seeded(custodians)
    moves = MovesWorld(custodians)
    moves.begin(is_signed=False)
    said = refused(moves, moves.approved())
    assert "a gate that two people signed expected, found version 1 of the policy: a signature of dan" in said


def test_a_gate_that_calls_itself_the_seed_of_a_sandbox(custodians: World, log_url: str, settings: Any) -> None:
    seeded(custodians)
    moves = MovesWorld(custodians)
    moves.begin(is_signed=False, by=(SEED, CONSOLE))
    with FOLLOWING.held() as book:
        assert list(unproven_now(book.gate, now())) == []
        settings.ENVIRONMENT = settings.ENVIRONMENT.model_copy(update={"hedgeapp_env": "LIVE"})
        assert len(list(unproven_now(book.gate, now()))) == 3


def test_work_that_was_forged_past_the_trigger(moves: MovesWorld, owner: psycopg.Connection[Any]) -> None:
    name = moves.propose(moves.payload())
    owner.execute("ALTER TABLE portfolio_work DISABLE TRIGGER portfolio_require_quorum")
    try:
        owner.execute(WORK, (name,))
    finally:
        owner.execute("ALTER TABLE portfolio_work ENABLE TRIGGER portfolio_require_quorum")
    assert "an approved move expected" in carried(moves, name)


def test_an_intent_that_the_web_process_writes(moves: MovesWorld, app: psycopg.Connection[Any]) -> None:
    name = moves.approved()
    intent = MoveIntended(
        at=now(),
        move_id=name,
        request_id="1",
        payload_hash=payload_hash(move_now(name).payload).hex(),
        approved_by=("bob", "cay"),
        policy_version=1,
        amount_usd=None,
    )
    with pytest.raises(psycopg.errors.InsufficientPrivilege), app.transaction():
        append(app, [intent, MoveSubmitted(at=now(), move_id=name, valid_until=now() + SOON)], at=now())
    assert move_now(name).state == "approved"


# What changed after the approval --------------------------------------------------------------------------------------


def test_a_key_that_was_revoked(moves: MovesWorld) -> None:
    name = moves.approved()
    moves.revoke("cay")
    assert "was revoked by ann" in refused(moves, name)


def test_a_role_that_was_lost(moves: MovesWorld) -> None:
    name = moves.approved()
    moves.people["cay"][0].groups.clear()
    assert "somebody who is active expected, found that cay is not" in refused(moves, name).replace(
        "an approval by ", ""
    )


def test_a_person_who_left(moves: MovesWorld) -> None:
    name = moves.approved()
    User.objects.filter(username="cay").update(is_active=False)
    assert "somebody who is active" in refused(moves, name)


def test_a_policy_that_was_tightened(moves: MovesWorld) -> None:
    name = moves.approved(life=timedelta(hours=5))
    moves.agree("policy", version=2, holds_in=timedelta(hours=1, minutes=1), rules=(STRICTER,))
    later = now() + timedelta(hours=2)
    found = intend_move(name, clock=lambda: later, is_patient=False)
    assert isinstance(found, MoveRefused)
    assert "1 of approver more" in found.said


def test_a_cap_that_others_in_flight_have_filled(moves: MovesWorld) -> None:
    first = moves.approved("600000")
    second = moves.approved("600000")
    found = intend_move(first, clock=now, is_patient=False)
    assert isinstance(found, MoveIntended), found
    assert "at most 1000000 USD" in refused(moves, second)
    assert ALL.usd_max == 1_000_000


@pytest.mark.parametrize("is_intended", [False, True])
def test_a_halt(moves: MovesWorld, *, is_intended: bool) -> None:
    name = moves.approved()
    if is_intended:
        assert isinstance(intend_move(name, clock=now, is_patient=True), MoveIntended)
    declare_halt(EVERYWHERE, by="ann", reason="something is wrong", at=now())
    assert "no halt expected" in refused(moves, name)


def test_a_move_that_nobody_intended(moves: MovesWorld) -> None:
    name = moves.approved()
    written(
        [
            UnintendedMoveSeen(
                at=now(),
                source=CUSTODIAN,
                reference="99",
                kind="delegate",
                asset="USDT",
                amount=D(1),
                said="request id unknown to us",
            )
        ]
    )
    assert "no move that we never intended" in refused(moves, name)


def test_words_that_are_stale_are_waited_for_and_then_it_is_refused(moves: MovesWorld) -> None:
    name = moves.approved(life=timedelta(hours=5))
    later = now() + timedelta(minutes=30)
    with pytest.raises(MoveMustWait, match="a current word on what"):
        intend_move(name, clock=lambda: later, is_patient=True)
    assert move_now(name).state == "approved"
    found = intend_move(name, clock=lambda: later, is_patient=False)
    assert isinstance(found, MoveRefused)
    assert found.rule == "available"


def test_a_price_that_nobody_knows(moves: MovesWorld) -> None:
    of: MovePayload = replace(moves.payload("1"), asset="stETH")
    name = moves.propose(of)
    moves.approve(of, [moves.decision(who, of) for who in ("bob", "cay")])
    assert "a worth in USD expected" in refused(moves, name)


def test_a_move_that_expired_between_intent_and_request(moves: MovesWorld) -> None:
    name = moves.approved(life=timedelta(minutes=1))
    assert isinstance(intend_move(name, clock=now, is_patient=True), MoveIntended)
    later = now() + timedelta(minutes=2)
    assert isinstance(submit_move(name, SOON, clock=lambda: later, is_patient=True), MoveExpired)


def test_a_halt_while_nobody_knows_what_became_of_a_request(moves: MovesWorld) -> None:
    """The same request is not sent again, for the custodian might take it only now."""
    name = moves.approved()
    intend_move(name, clock=now, is_patient=True)
    submit_move(name, SOON, clock=now, is_patient=True)
    assert isinstance(ask_again(name, clock=now), datetime)
    declare_halt(EVERYWHERE, by="ann", reason="something is wrong", at=now())
    assert "no halt expected" in str(ask_again(name, clock=now))
    assert "no halt expected" in carried(moves, name, waits=True)
    assert move_now(name).state == "outcome_unknown"


def test_that_a_move_never_arrived_counts_after_its_expiry_only(moves: MovesWorld) -> None:
    name = moves.approved(life=timedelta(minutes=5))
    intend_move(name, clock=now, is_patient=True)
    submit_move(name, SOON, clock=now, is_patient=True)
    told = MoveNeverArrived(at=now(), move_id=name, said="not in the lists")
    assert not note_never_arrived(told, asked_at=now() + timedelta(minutes=4), at=now())
    assert move_now(name).state == "submitted"
    assert note_never_arrived(told, asked_at=now() + timedelta(minutes=7), at=now())
    assert move_now(name).state == "never_arrived"


def test_a_move_is_submitted_once(moves: MovesWorld) -> None:
    name = moves.approved()
    intend_move(name, clock=now, is_patient=True)
    assert isinstance(submit_move(name, SOON, clock=now, is_patient=True), MoveSubmitted)
    assert submit_move(name, SOON, clock=now, is_patient=True) is None
    assert intend_move(name, clock=now, is_patient=True) is None


def test_a_restored_log_opens_the_work_of_moves_again_but_not_of_forged_ones(moves: MovesWorld) -> None:
    known, forged = moves.approved(), moves.payload()
    moves.propose(forged)
    moves.approve(forged, [], opens=False)
    Work.objects.all().delete()
    open_what_is_not_over(current_book(), now())
    assert list(Work.objects.values_list("kind", "subject", "queue")) == [("move", known, "moves")]
