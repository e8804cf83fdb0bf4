"""Move judgments: what the rules of now make of a proposal, and of time that has passed.  MoveProposed x Book -> events

A proposal and its judgment enter the log together; where the policy asks nobody, the approval with them. What could
not be sent as it is, however many approve, is refused at once.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime

from hedgeapp.core.events.moves import (
    MoveApproved,
    MoveExpired,
    MoveJudged,
    MovePayload,
    MoveProposed,
    MoveRefused,
)
from portfolio.core.book import Book
from portfolio.core.caps import excesses, flows
from portfolio.core.move_payloads import payload_hash
from portfolio.core.move_references import contradictions, undirected
from portfolio.core.move_states import WAITING, Move
from portfolio.core.move_values import Value
from portfolio.core.order_references import Refusal
from portfolio.core.policies import Asked, judgment

Opening = MoveProposed | MoveJudged | MoveApproved | MoveRefused


def hindrances(payload: MovePayload, book: Book, worth: Value, at: datetime) -> Iterator[Refusal]:
    """Return why a move cannot be sent as it is, whoever agrees: reference data, destinations, caps."""
    yield from contradictions(payload, book.catalogue, at)
    yield from undirected(payload, book.gate.destinations(at))
    yield from excesses(book.gate.caps(at), payload, worth, flows(book.moves), at)


def judged(proposed: MoveProposed, book: Book, worth: Value, at: datetime) -> MoveJudged:
    """Return the word of the policy in force on a proposal."""
    asked = Asked(payload=proposed.payload, value=worth, by=proposed.by, at=at)
    found = judgment(book.gate.rules(at), asked, flows(book.moves))
    return MoveJudged(
        at=at,
        move_id=proposed.payload.move_id,
        policy_version=book.gate.policy_version(at),
        rule=found.rule,
        outcome=found.outcome,
        quotas=found.quotas,
        amount_usd=worth.usd,
        trust=worth.trust,
        totp_usd_max=found.totp_usd_max,
        said=found.said,
    )


def approved(payload: MovePayload, by: tuple[str, ...], at: datetime) -> MoveApproved:
    """Return the milestone that nobody more is asked."""
    return MoveApproved(at=at, move_id=payload.move_id, payload_hash=payload_hash(payload).hex(), approved_by=by)


def opening(proposed: MoveProposed, book: Book, worth: Value, at: datetime) -> tuple[Opening, ...]:
    """Return a proposal with the policy's word on it, and its approval where the policy asks nobody."""
    word = judged(proposed, book, worth, at)
    if word.outcome != "allow":
        return proposed, word
    return proposed, word, approved(proposed.payload, (), at)


def opening_or_end(proposed: MoveProposed, book: Book, worth: Value, at: datetime) -> tuple[Opening, ...]:
    """Return the same of a proposal that nobody can correct; what cannot be sent as it is ends at once."""
    found = tuple(hindrances(proposed.payload, book, worth, at))
    if not found:
        return opening(proposed, book, worth, at)
    said = "; ".join(one.said for one in found)
    return proposed, MoveRefused(at=at, move_id=proposed.payload.move_id, rule=found[0].rule, said=said)


def expired(moves: Iterable[Move], at: datetime) -> tuple[MoveExpired, ...]:
    """Return the ends of moves that were not sent in their time."""
    return tuple(
        MoveExpired(at=at, move_id=move.move_id, said=f"not sent until {move.payload.expires_at:%Y-%m-%d %H:%M} UTC")
        for move in moves
        if move.state in WAITING and move.payload.expires_at <= at
    )
