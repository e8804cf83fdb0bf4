"""Decisions: an approver says yes or no to exactly one payload, with one second factor, once.

Everything is asked under the log's lock, of the book and the people as they are: of two approvers at once, the second
sees the first. When nobody is missing any more, the approval and the work enter the log and the queue together.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

import structlog
from django.contrib.auth.models import User
from django.db import transaction

from hedgeapp.access.codes import count_code, use_code
from hedgeapp.access.signing import sign
from hedgeapp.core.events import Event
from hedgeapp.core.events.approvals import Assertion, FactorKind, MoveDecided, Verdict
from hedgeapp.core.records import record
from portfolio.core.approvals import Bench, Proof, conflict, objection, quorum
from portfolio.core.book import Book
from portfolio.core.move_checks import judged_now
from portfolio.core.move_judgments import approved
from portfolio.core.move_payloads import payload_hash, rejection_hash
from portfolio.core.move_states import WAITING, Move
from portfolio.core.move_values import Value, value
from portfolio.core.policies import Judgment
from portfolio.operations.moves.people import DECIDE, permitted
from portfolio.operations.moves.proofs import StoredProof, written, written_code
from portfolio.operations.moves.proposals import (
    MoveIsNotOpen,
    folded,
    known_move,
    open_work_of,
    required_reason,
)
from portfolio.operations.orders import append_now, lock_log
from portfolio.queries.books import FOLLOWING
from portfolio.queries.move_circumstances import circumstances

CODE_LENGTH_MAX: Final = 20  # characters
ADDRESS_LENGTH_MAX: Final = 100  # characters

log = structlog.get_logger()


class DecisionIsRefused(PermissionError):
    """Somebody's decision on a move does not count, for what he is, did or signed."""


class OneFactorIsNeeded(DecisionIsRefused):
    """A decision came without a second factor, or with two."""

    def __init__(self) -> None:
        super().__init__("a passkey's answer or a code expected, found neither or both: sign once")


class AnotherPayloadWasShown(DecisionIsRefused):
    """The screen showed another move than there is."""

    def __init__(self, name: str) -> None:
        super().__init__(f"a decision on {name} as it is expected, found one on another payload: load the page again")


class MoveIsPastItsTime(DecisionIsRefused):
    """A move has expired, and every approval with it."""

    def __init__(self, move: Move) -> None:
        until = f"{move.payload.expires_at:%Y-%m-%d %H:%M:%S} UTC"
        super().__init__(f"a move that has not expired expected, found {move.move_id} expired at {until}")


class ApproverIsProposer(DecisionIsRefused):
    """Who proposed a move, or changed of late what it rests on, wants to approve it."""


class PersonCountsOnce(DecisionIsRefused):
    """Somebody approves a move a second time."""

    def __init__(self, name: str, move_id: str) -> None:
        super().__init__(f"another person than {name} expected to approve {move_id}, found {name} again")


class PolicyRefusesNow(DecisionIsRefused):
    """The policy of now refuses a move that it once asked for."""


class ApprovalDoesNotCount(DecisionIsRefused):
    """An approval would not count, for the group, the factor or the person that it is of."""


@record
class Decision:
    """What a person decided on which payload (its SHA-256, hexadecimal, as the screen showed it), and how he proves it.

    `assertion` is AuthenticationResponseJSON over `payload_hash` to approve, over `rejection_hash` to reject; `code` is
    of six digits. One of the two. `seen_seq` is the event up to which the screen showed the book.
    """

    move_id: str
    verdict: Verdict
    payload_hash: str
    reason: str = ""
    assertion: str = ""
    code: str = ""
    seen_seq: int = 0
    from_address: str = ""


@record
class Scene:
    """What a decision is judged by: the move, the strictest of policy then and now, its worth, who is there."""

    move: Move
    judged: Judgment
    worth: Value
    bench: Bench
    policy_version: int


def decide_move(decision: Decision, *, by: User, at: datetime) -> Move:
    """Approve or reject a move as somebody who may; the approval that was missing last sends it on its way.

    Refuses with DecisionIsRefused, MoveIsUnknown, MoveIsNotOpen, PermissionIsMissing, MoveTextIsMalformed,
    AssertionIsRefused, PasskeyIsNotInForce, PayloadIsSigned, NoCodes, CodeIsWrong, TooManyAttempts, LogIsBusy,
    BookIsBusy.
    """
    if bool(decision.assertion) == bool(decision.code) or len(decision.code) > CODE_LENGTH_MAX:
        raise OneFactorIsNeeded
    if decision.verdict == "reject" or decision.reason:
        decision = replace(decision, reason=required_reason(decision.reason))
    proof = StoredProof()  # before the lock, for it takes a moment
    if decision.code:
        count_code(by, decision.from_address or None, at=at)
    with transaction.atomic(durable=True):
        lock_log()
        person = permitted(by, DECIDE)
        with FOLLOWING.held() as book:
            scene = _scene(known_move(book, decision.move_id), book, at)
            _require_open(decision, scene, at)
            if decision.verdict == "approve":
                _require_right(decision, person, scene)
            event = _decided(decision, person, scene, _signed(decision, person, scene.move, at), at)
            events = _with_milestone(event, scene, proof)
        move = folded(scene.move, append_now(events, at))
        open_work_of(events, at)
    log.info("move.decided", move=move.move_id, by=person.get_username(), verdict=decision.verdict, state=move.state)
    return move


def _scene(move: Move, book: Book, at: datetime) -> Scene:
    now = circumstances(move, book, at)
    worth = value(move.payload.amount, now.price)
    return Scene(
        move=move,
        judged=judged_now(move, book, worth, now),
        worth=worth,
        bench=Bench(people=now.people, changes=book.row_changes, catalogue=book.catalogue, at=at),
        policy_version=book.gate.policy_version(at),
    )


def _require_open(decision: Decision, scene: Scene, at: datetime) -> None:
    move = scene.move
    if decision.payload_hash != payload_hash(move.payload).hex():
        raise AnotherPayloadWasShown(move.move_id)
    if move.state not in (WAITING if decision.verdict == "reject" else ("awaiting_approval",)):
        raise MoveIsNotOpen(move, "was not sent" if decision.verdict == "reject" else "awaits approval")
    if move.payload.expires_at <= at:
        raise MoveIsPastItsTime(move)


def _require_right(decision: Decision, person: User, scene: Scene) -> None:
    """Refuse an approval that would not count, before its second factor is used up."""
    move, name = scene.move, person.get_username()
    if scene.judged.outcome == "refuse":
        raise PolicyRefusesNow(f"a move that the policy of now takes expected, found that {scene.judged.said}")
    if said := conflict(name, move, scene.bench):
        raise ApproverIsProposer(f"{said}: ask a colleague to approve {move.move_id}")
    if any(one.by == name and one.verdict == "approve" for one in move.decisions):
        raise PersonCountsOnce(name, move.move_id)
    kind: FactorKind = "totp" if decision.code else "passkey"
    would_be = _decided(decision, person, scene, Assertion(kind=kind, key_id=""), scene.bench.at)
    if said := objection(would_be, move, scene.judged, scene.worth, scene.bench, lambda _, __: ""):
        raise ApprovalDoesNotCount(said)


def _signed(decision: Decision, person: User, move: Move, at: datetime) -> Assertion:
    """Use the second factor up and return it as the log keeps it."""
    if decision.code:
        return written_code(use_code(person, decision.code, at=at))
    hash_of = payload_hash if decision.verdict == "approve" else rejection_hash
    return written(sign(person, hash_of(move.payload), decision.assertion, at=at))


def _decided(decision: Decision, person: User, scene: Scene, assertion: Assertion, at: datetime) -> MoveDecided:
    name = person.get_username()
    return MoveDecided(
        at=at,
        move_id=decision.move_id,
        payload_hash=decision.payload_hash,
        verdict=decision.verdict,
        by=name,
        groups=tuple(sorted(scene.bench.people.get(name, frozenset()))),
        reason=decision.reason,
        assertion=assertion,
        policy_version=scene.policy_version,
        seen_seq=max(0, decision.seen_seq),
        from_address=decision.from_address[:ADDRESS_LENGTH_MAX],
    )


def _with_milestone(event: MoveDecided, scene: Scene, proof: Proof) -> Sequence[Event]:
    """Return a decision, and the approval of its move when nobody is missing with it."""
    if event.verdict == "reject":
        return [event]
    move = replace(scene.move, decisions=(*scene.move.decisions, event))
    met = quorum(move, scene.judged, scene.worth, scene.bench, proof)
    return [event, approved(move.payload, met.people, event.at)] if met.is_met else [event]
