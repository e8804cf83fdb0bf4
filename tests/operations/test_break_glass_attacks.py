"""Nothing forged, stale or outward passes for a break-glass: the worker believes keys alone, the ledger says so."""

import asyncio
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from django.contrib.auth.models import Group, User
from django.db import IntegrityError, connection, transaction

from hedgeapp.access.signing import sign
from hedgeapp.access.signing import written as kept_as
from hedgeapp.core.events.break_glass import BreakGlassReviewed, BreakGlassSigned, GlassBroken
from hedgeapp.core.events.halts import EVERYWHERE
from hedgeapp.core.events.moves import MovePayload
from hedgeapp.eventlog.append import append, lock
from portfolio.core.move_payloads import break_glass_hash, payload_hash
from portfolio.core.move_states import Move
from portfolio.operations.halts import declare_halt
from portfolio.operations.work import Claim, open_work
from portfolio.queries.books import current_book
from portfolio.tasks.desk import Again, Done
from portfolio.tasks.moves import PATIENT_TRIES, carry_move
from portfolio.tasks.moves_desk import MovesDesk
from tests.builders.accounts import World, seeded
from tests.builders.moves import EMERGENCY
from tests.builders.moving import APPROVERS, D, MovesWorld, move_now, now, written

TRIES_MAX = 50


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


def carried(name: str) -> Done | Again:
    """Let a worker carry a move as far as it goes."""

    async def carry() -> Done | Again:
        desk = MovesDesk("moves")
        await desk.doors.look()
        try:
            claim = Claim(id=0, kind="move", subject=name, queue="moves", tries=PATIENT_TRIES, number=1)
            return await carry_move(claim, desk)
        finally:
            await desk.close()
            desk._threads.close()

    return asyncio.run(carry())


def refused(moves: MovesWorld, name: str) -> str:
    """Let a worker refuse a move, prove that no coin moved, and return the sentence."""
    orders, held = len(moves.state()["orders"]), moves.at_venue()
    said = carried(name).said
    assert (len(moves.state()["orders"]), moves.at_venue()) == (orders, held)
    assert move_now(name).state == "refused", said
    return said


def carried_out(moves: MovesWorld, name: str) -> Move:
    """Let a worker carry a move until both sides show it."""
    for _ in range(TRIES_MAX):
        carried(name)
        moves.state_both()
        if (found := move_now(name)).is_final:
            assert found.state == "done", found.because
            return found
        time.sleep(0.1)
    raise AssertionError(f"{name} is {move_now(name).state}")


def signature(
    moves: MovesWorld, name: str, of: MovePayload, *, signs: bytes | None = None, reason: str = EMERGENCY
) -> BreakGlassSigned:
    """Let a person's device sign a break-glass; `signs` is what it is really shown."""
    user, device = moves.people[name]
    challenge = signs or break_glass_hash(of, reason)
    with transaction.atomic(durable=True):
        kept = kept_as(sign(user, challenge, device.assertion(challenge), at=now()))
    digest = payload_hash(of).hex()
    return BreakGlassSigned(at=now(), move_id=of.move_id, payload_hash=digest, by=name, reason=reason, assertion=kept)


def breaking(of: MovePayload, signed: list[BreakGlassSigned], *names: str) -> str:
    """Write signatures and what they come to, and open the work of it, as a web process may."""
    by, agreed_by = names or [one.by for one in signed]
    digest = payload_hash(of).hex()
    broken = GlassBroken(
        at=now(), move_id=of.move_id, payload_hash=digest, by=by, agreed_by=agreed_by, reason=signed[0].reason
    )
    with transaction.atomic(durable=True):
        connection.ensure_connection()
        lock(connection.connection)
        append(connection.connection, [*signed, broken], at=now())
        open_work("move", of.move_id, "moves", at=now())
    return of.move_id


def homeward(moves: MovesWorld, amount: str = "100", *, by: str = "ann") -> MovePayload:
    """Return the payload of a move home that was proposed and waits for two."""
    of = moves.payload(amount, "undelegate")
    moves.propose(of, by=by)
    return of


def both(moves: MovesWorld, of: MovePayload, **how: Any) -> list[BreakGlassSigned]:
    return [signature(moves, name, of, **how) for name in ("bob", "cay")]


# What it is for -------------------------------------------------------------------------------------------------------


def test_two_people_bring_it_home_through_a_halt(moves: MovesWorld) -> None:
    carried_out(moves, moves.approved("500"))
    before = moves.at_venue()
    declare_halt(EVERYWHERE, by="ann", reason="the venue is failing", at=now())
    of = homeward(moves, "200")
    found = carried_out(moves, breaking(of, both(moves, of)))
    assert found.intended is not None
    assert found.intended.approved_by == ("bob", "cay")
    assert len(moves.orders_of(found.intended.request_id)) == 1
    assert moves.at_venue() == before - 200
    assert [one.move_id for one in current_book().moves.unreviewed] == [of.move_id]


# What is forged -------------------------------------------------------------------------------------------------------


def test_rows_without_any_signature(moves: MovesWorld) -> None:
    """A web process that was taken over writes all that the database counts; no device has signed."""
    of, other = homeward(moves), moves.payload("100", "undelegate")
    caught = both(moves, other)  # signatures of another move, caught on their way
    digest = payload_hash(of).hex()
    name = breaking(of, [replace(one, move_id=of.move_id, payload_hash=digest) for one in caught])
    assert "a signature over this that was kept expected, found none" in refused(moves, name)


def test_signatures_of_approvals(moves: MovesWorld) -> None:
    """People who approved a move have not broken its glass, though the page had shown them that."""
    of = homeward(moves)
    name = breaking(of, both(moves, of, signs=payload_hash(of)))
    assert "a signature over this" in refused(moves, name)


def test_signatures_of_a_smaller_amount(moves: MovesWorld) -> None:
    of = homeward(moves, "1000")
    name = breaking(of, both(moves, of, signs=break_glass_hash(replace(of, amount=D(1)), EMERGENCY)))
    assert "a signature over this" in refused(moves, name)


def test_signatures_of_another_reason(moves: MovesWorld) -> None:
    of = homeward(moves)
    name = breaking(of, both(moves, of, signs=break_glass_hash(of, "a drill")))
    assert "a signature over this" in refused(moves, name)


def test_kept_signatures_that_are_forged(moves: MovesWorld, app: psycopg.Connection[Any]) -> None:
    """The rows that the web process may write are taken by the database, and not believed."""
    of, other = homeward(moves), moves.payload("100", "undelegate")
    challenge, digest = break_glass_hash(of, EMERGENCY), payload_hash(of).hex()
    signed = both(moves, other)
    for who in ("bob", "cay"):
        app.execute(
            "INSERT INTO access_assertion (passkey_id, user_id, challenge, body, previous_count, sign_count, at)"
            " SELECT key.id, key.user_id, %s, kept.body, key.sign_count, key.sign_count + 1, now()"
            "   FROM access_passkey AS key JOIN access_assertion AS kept ON kept.passkey_id = key.id"
            "   JOIN auth_user AS person ON person.id = key.user_id"
            "  WHERE person.username = %s ORDER BY kept.id DESC LIMIT 1",
            (challenge, who),
        )
    name = breaking(of, [replace(one, move_id=of.move_id, payload_hash=digest) for one in signed])
    assert "the challenge" in refused(moves, name)


def test_one_person_under_two_names(moves: MovesWorld) -> None:
    of = homeward(moves)
    first = signature(moves, "bob", of)
    User.objects.create_user("bill").groups.add(Group.objects.get(name=APPROVERS))
    second = replace(first, by="bill", assertion=replace(first.assertion, key_id="another"))
    name = breaking(of, [first, second])
    assert "a signature over this" in refused(moves, name)


def test_a_person_who_was_only_given_a_role_has_no_key(moves: MovesWorld) -> None:
    """The web process may put people into groups where nothing is LIVE; a key it cannot give them."""
    of = homeward(moves)
    User.objects.create_user("mallory").groups.add(Group.objects.get(name=APPROVERS))
    first = signature(moves, "bob", of)
    second = replace(first, by="mallory", assertion=replace(first.assertion, key_id="mine"))
    name = breaking(of, [first, second])
    assert "found that of mallory" in refused(moves, name)


def test_a_proposer_who_signs(moves: MovesWorld) -> None:
    """The database refuses the work; the worker refuses the move even so."""
    of = homeward(moves, by="bob")
    signed = both(moves, of)
    with pytest.raises(IntegrityError, match="a move that was proposed, judged and approved in the log expected"):
        breaking(of, signed)
    digest = payload_hash(of).hex()
    broken = GlassBroken(at=now(), move_id=of.move_id, payload_hash=digest, by="bob", agreed_by="cay", reason=EMERGENCY)
    written([*signed, broken])
    assert "somebody else than the proposer expected, found bob" in refused(moves, of.move_id)


def test_an_outward_move(moves: MovesWorld) -> None:
    of = moves.payload("100", "delegate")
    moves.propose(of)
    signed = both(moves, of)
    with pytest.raises(IntegrityError, match="a move that was proposed, judged and approved in the log expected"):
        breaking(of, signed)
    digest = payload_hash(of).hex()
    broken = GlassBroken(at=now(), move_id=of.move_id, payload_hash=digest, by="bob", agreed_by="cay", reason=EMERGENCY)
    written([*signed, broken])
    assert "an approved move expected" in carried(of.move_id).said
    assert move_now(of.move_id).state == "awaiting_approval"


def test_a_route_to_somebody_else(moves: MovesWorld) -> None:
    """All is signed and well, but the way is none that two people agreed on."""
    of = replace(moves.payload("100", "undelegate"), destination="theirs")
    moves.propose(of)
    assert "theirs" in refused(moves, breaking(of, both(moves, of)))


# What changed after the second signature ------------------------------------------------------------------------------


def test_a_key_that_was_revoked(moves: MovesWorld) -> None:
    of = homeward(moves)
    name = breaking(of, both(moves, of))
    moves.revoke("cay")
    assert "was revoked by ann" in refused(moves, name)


def test_a_role_that_was_lost_and_a_person_who_left(moves: MovesWorld) -> None:
    of = homeward(moves)
    name = breaking(of, both(moves, of))
    moves.people["cay"][0].groups.clear()
    User.objects.filter(username="bob").update(is_active=False)
    said = refused(moves, name)
    assert "found that cay may not" in said
    assert "found that bob may not" in said


def test_the_cap(moves: MovesWorld) -> None:
    of = homeward(moves, "1000001")
    assert "at most 1000000 USD" in refused(moves, breaking(of, both(moves, of)))


def test_one_that_expired(moves: MovesWorld) -> None:
    of = moves.payload("100", "undelegate", life=timedelta(seconds=-1))
    moves.propose(of)
    name = breaking(of, both(moves, of))
    assert "sent before" in carried(name).said
    assert move_now(name).state == "expired"


def test_a_review_that_the_signers_write_ends_nothing(moves: MovesWorld) -> None:
    of = homeward(moves)
    name = breaking(of, both(moves, of))
    written([BreakGlassReviewed(at=now(), move_id=name, by="bob", agreed_by="cay", reason="fine")])
    assert [one.move_id for one in current_book().moves.unreviewed] == [name]
