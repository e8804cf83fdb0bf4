"""Break-glass: two people with passkeys bring collateral home where policy or quorum cannot be had.

Each signs the payload with the word break-glass and the reason, which no approval signs. The first says why; the second
signs the same. With him the move, its work and a critical alert are there at once, until two others have reviewed it.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

import structlog
from django.contrib.auth.models import User
from django.db import transaction

from hedgeapp.access.signing import sign
from hedgeapp.core.events import Event
from hedgeapp.core.events.approvals import Assertion
from hedgeapp.core.events.break_glass import BreakGlassSigned, GlassBroken
from hedgeapp.core.records import record
from hedgeapp.eventlog.append import SameKeyOtherContent
from portfolio.core.approvals import Bench, Quorum
from portfolio.core.book import Book
from portfolio.core.break_glass import glass_quorum, overdue, unfit
from portfolio.core.move_checks import Circumstances
from portfolio.core.move_judgments import hindrances
from portfolio.core.move_payloads import break_glass_hash, payload_hash
from portfolio.core.move_states import Move
from portfolio.core.move_values import value
from portfolio.operations.moves.decisions import (
    ADDRESS_LENGTH_MAX,
    AnotherPayloadWasShown,
    DecisionIsRefused,
    MoveIsPastItsTime,
    PersonCountsOnce,
)
from portfolio.operations.moves.people import BREAK_GLASS, permitted
from portfolio.operations.moves.proofs import StoredProof, written
from portfolio.operations.moves.proposals import folded, known_move, open_work_of, required_reason
from portfolio.operations.orders import append_now, lock_log
from portfolio.queries.books import FOLLOWING
from portfolio.queries.move_circumstances import circumstances

log = structlog.get_logger()


class GlassStaysWhole(DecisionIsRefused):
    """A break-glass is for another move, or would not send it."""


class SignerIsUnfit(DecisionIsRefused):
    """Who proposed a move, changed of late what it rests on, or has no role for it wants to break its glass."""


class AnotherReasonWasSigned(DecisionIsRefused):
    """The second person signs another reason than the first."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"a signature for the reason of the first, {reason!r}, expected, found another: load it again")


@record
class BreakGlass:
    """What a person signs to bring a move home: its payload (SHA-256, hexadecimal, as shown) and why.

    `assertion` is AuthenticationResponseJSON over `break_glass_hash`. `seen_seq` is as of which event the book was
    shown.
    """

    move_id: str
    payload_hash: str
    reason: str
    assertion: str
    seen_seq: int = 0
    from_address: str = ""


def break_glass(given: BreakGlass, *, by: User, at: datetime) -> Move:
    """Sign a break-glass as somebody who may; the second of two sends the move on its way.

    Refuses with DecisionIsRefused, MoveIsUnknown, PermissionIsMissing, NameIsTaken, MoveTextIsMalformed,
    AssertionIsRefused, PasskeyIsNotInForce, PayloadIsSigned, LogIsBusy, BookIsBusy.
    """
    reason = required_reason(given.reason)
    proof = StoredProof()  # before the lock, for it takes a moment
    with transaction.atomic(durable=True):
        lock_log()
        person = permitted(by, BREAK_GLASS)
        name = person.get_username()
        with FOLLOWING.held() as book:
            move = known_move(book, given.move_id)
            now = circumstances(move, book, at)
            _require_open(given, reason, name, move, at)
            bench = Bench(people=now.people, changes=book.row_changes, catalogue=book.catalogue, at=at)
            if said := unfit(name, move, bench, now.breakers):
                raise SignerIsUnfit(f"{said}: ask a colleague to sign the break-glass of {move.move_id}")
            _require_use(move, book, now)
            kept = sign(person, break_glass_hash(move.payload, reason), given.assertion, at=at)
            signed = _signed(given, reason, name, written(kept), at)
            signing = replace(move, glass=(*move.glass, signed))
            events = _with_milestone(signed, glass_quorum(signing, bench, now.breakers, proof))
        try:
            after = folded(move, append_now(events, at))
        except SameKeyOtherContent:  # something else wrote it, in the name of somebody who signs only now
            said = f"no other word on the break-glass of {move.move_id} in the log expected, found one"
            raise GlassStaysWhole(f"{said}: propose the move again") from None
        open_work_of(events, at)
    log.warning("move.break_glass", move=move.move_id, by=name, state=after.state)
    return after


def _require_open(given: BreakGlass, reason: str, name: str, move: Move, at: datetime) -> None:
    if given.payload_hash != payload_hash(move.payload).hex():
        raise AnotherPayloadWasShown(move.move_id)
    if said := move.unbreakable:
        raise GlassStaysWhole(said)
    if move.payload.expires_at <= at:
        raise MoveIsPastItsTime(move)
    if any(one.by == name for one in move.glass):
        raise PersonCountsOnce(name, move.move_id)
    if move.glass and move.glass[0].reason != reason:
        raise AnotherReasonWasSigned(move.glass[0].reason)


def _require_use(move: Move, book: Book, now: Circumstances) -> None:
    """Refuse what no break-glass overrides, before a second factor is used up for it."""
    at, worth = now.valuation.at, value(move.payload.amount, now.price)
    found = [one.said for one in (*hindrances(move.payload, book, worth, at), *overdue(book.moves.unreviewed, "", at))]
    found += [f"a gate that two people signed expected, found {doubt}" for doubt in now.doubts]
    if found:
        raise GlassStaysWhole("; ".join(found))


def _signed(given: BreakGlass, reason: str, name: str, assertion: Assertion, at: datetime) -> BreakGlassSigned:
    return BreakGlassSigned(
        at=at,
        move_id=given.move_id,
        payload_hash=given.payload_hash,
        by=name,
        reason=reason,
        assertion=assertion,
        seen_seq=max(0, given.seen_seq),
        from_address=given.from_address[:ADDRESS_LENGTH_MAX],
    )


def _with_milestone(signed: BreakGlassSigned, met: Quorum) -> Sequence[Event]:
    """Return a signature, and the broken glass when it is that of the second who counts."""
    if not met.is_met:
        return [signed]
    by, agreed_by = met.people
    broken = GlassBroken(
        at=signed.at,
        move_id=signed.move_id,
        payload_hash=signed.payload_hash,
        by=by,
        agreed_by=agreed_by,
        reason=signed.reason,
    )
    return [signed, broken]
