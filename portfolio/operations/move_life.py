"""Move life: intend a move that was approved, mark it as submitted; each in one transaction under the log's lock.

Both ask everything anew, on the book as it is then: that a move is called approved opens no door. A move is submitted
once: its `MoveSubmitted` is appended by exactly one worker, which may then send the request; whoever finds it appended
asks the custodian what became of it, by the same request under the same name, if all rules would let it go now. Only
the role that sends moves can write either (migration 0004 of the log).
"""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Final, TypeVar

import structlog
from django.db import transaction

from hedgeapp.core.events.moves import MoveExpired, MoveIntended, MoveRefused, MoveSubmitted
from portfolio.core.book import Book
from portfolio.core.figures import BADNESS
from portfolio.core.move_checks import Clearance, clearance
from portfolio.core.move_payloads import payload_hash
from portfolio.core.move_request_ids import ProtocolTakesNoMoves, request_id
from portfolio.core.move_states import WITHOUT_WORD, Move, State
from portfolio.core.order_references import Refusal
from portfolio.operations.moves.proofs import StoredProof
from portfolio.operations.orders import TEXT_LENGTH_MAX, append_now, lock_log
from portfolio.queries.books import FOLLOWING
from portfolio.queries.move_circumstances import circumstances

_OF_A_WORD: Final = ("available", "headroom", "cap")  # rules that want for a word or a price which is about to come

Unsent = MoveRefused | MoveExpired
Next = TypeVar("Next", MoveIntended | MoveRefused, MoveSubmitted)
Following = Callable[[Move, Book, Clearance, datetime], Next]

log = structlog.get_logger()


class MoveMustWait(RuntimeError):
    """Nothing but a fresh word, or the end of a settlement, is missing to decide about a move."""

    def __init__(self, refusals: Sequence[Refusal]) -> None:
        super().__init__("; ".join(refusal.said for refusal in refusals))


def intend_move(move_id: str, *, clock: Callable[[], datetime], is_patient: bool) -> MoveIntended | Unsent | None:
    """Write the intent of an approved move, or why it is not sent; None when it is not approved any more.

    Raises MoveMustWait while only time is missing and the caller is patient.
    """

    def intent(move: Move, book: Book, cleared: Clearance, at: datetime) -> MoveIntended | MoveRefused:
        custodian = book.catalogue.custodians[move.payload.custodian]
        try:
            ours = request_id(move.move_id, custodian.protocol)
        except ProtocolTakesNoMoves as refusal:
            return MoveRefused(at=at, move_id=move.move_id, rule="custodian", said=str(refusal))
        return MoveIntended(
            at=at,
            move_id=move.move_id,
            request_id=ours,
            payload_hash=payload_hash(move.payload).hex(),
            approved_by=cleared.quorum.people,
            policy_version=cleared.policy_version,
            amount_usd=cleared.worth.usd,
        )

    return _written(move_id, "approved", intent, clock, is_patient=is_patient)


def submit_move(
    move_id: str, valid_for: timedelta, *, clock: Callable[[], datetime], is_patient: bool
) -> MoveSubmitted | Unsent | None:
    """Mark an intended move as submitted, or write why it is not sent; None when it is not for the caller to send.

    Only the caller that is given the `MoveSubmitted` may send the request, and must sign it with its `at`; the
    custodian takes it for `valid_for` after that. Raises MoveMustWait as `intend_move` does.
    """

    def mark(move: Move, book: Book, cleared: Clearance, at: datetime) -> MoveSubmitted:
        return MoveSubmitted(at=at, move_id=move.move_id, valid_until=at + valid_for)

    return _written(move_id, "intended", mark, clock, is_patient=is_patient)


def ask_again(move_id: str, *, clock: Callable[[], datetime]) -> datetime | str:
    """Return the time with which the request of a move that has no word may be signed once more, or why it may not.

    It is the same request under the same name, which makes one order at most; but the custodian may take it only now.
    So everything is asked anew, as before the first time.
    """
    with transaction.atomic(durable=True):
        lock_log()
        at = clock()
        with FOLLOWING.held() as book:
            move = book.moves.get(move_id)
            if move is None or move.state not in WITHOUT_WORD:
                return "a move without a word expected, found one that has it"
            if (expired := _expired(move, at)) is not None:
                return expired.said
            cleared = clearance(move, book, circumstances(move, book, at), StoredProof())
    return "; ".join(one.said for one in cleared.refusals if one.rule != "state") or at


def _written(
    move_id: str, state: State, following: Following[Next], clock: Callable[[], datetime], *, is_patient: bool
) -> Next | Unsent | None:
    """Append what follows for a move that is in a state, if all rules let it go, else why it does not.

    The clock is read under the lock: a price or a role is of the moment in which it is looked at.
    """
    with transaction.atomic(durable=True):
        lock_log()
        at = clock()
        with FOLLOWING.held() as book:
            move = book.moves.get(move_id)
            if move is None or move.state != state:
                return None
            unsent: Unsent | None = _expired(move, at)
            if unsent is None:
                cleared = clearance(move, book, circumstances(move, book, at), StoredProof())
                unsent = _refused(move, cleared, at, is_patient=is_patient)
            found = unsent or following(move, book, cleared, at)
        append_now([found], at)
    log.info("move.written", move=move_id, kind=type(found).__name__)
    return found


def _expired(move: Move, at: datetime) -> MoveExpired | None:
    until = move.payload.expires_at
    if at < until:
        return None
    said = f"sent before {until:%Y-%m-%d %H:%M:%S} UTC expected, found {move.state} at {at:%H:%M:%S}: propose it again"
    return MoveExpired(at=at, move_id=move.move_id, said=said)


def _refused(move: Move, cleared: Clearance, at: datetime, *, is_patient: bool) -> MoveRefused | None:
    refusals = cleared.refusals
    if not refusals:
        return None
    if is_patient and all(map(_is_of_the_moment, refusals)):
        raise MoveMustWait(refusals)
    said = "; ".join(one.said for one in refusals)[:TEXT_LENGTH_MAX]
    return MoveRefused(at=at, move_id=move.move_id, rule=refusals[0].rule, said=said)


def _is_of_the_moment(refusal: Refusal) -> bool:
    """Tell whether time alone may resolve a refusal."""
    if refusal.rule == "settlement":
        return True
    return refusal.rule in _OF_A_WORD and (refusal.limit == "current" or refusal.value in BADNESS)
