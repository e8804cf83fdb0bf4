"""Proposals: a person wants collateral moved, or no longer; the policy's word on it enters the log with it."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

import structlog
from django.contrib.auth.models import User
from django.db import transaction

from hedgeapp.core.events import Event, Recorded
from hedgeapp.core.events.break_glass import GlassBroken
from hedgeapp.core.events.moves import MoveApproved, MoveKind, MovePayload, MoveProposed, MoveWithdrawn
from hedgeapp.core.records import record
from hedgeapp.eventlog.append import LogIsBusy as LogIsBusy
from hedgeapp.eventlog.append import SameKeyOtherContent
from portfolio.core.book import Book
from portfolio.core.move_checks import available
from portfolio.core.move_judgments import hindrances, opening
from portfolio.core.move_prices import price_of
from portfolio.core.move_proposals import LIFE
from portfolio.core.move_references import rests_on
from portfolio.core.move_request_ids import move_id
from portfolio.core.move_states import WAITING, Move
from portfolio.core.move_steps import step
from portfolio.core.move_values import Value, value
from portfolio.core.order_references import Refusal, plain
from portfolio.core.valuation import Valuation
from portfolio.operations.moves.people import PROPOSE, WITHDRAW_OTHERS, permitted
from portfolio.operations.orders import append_now, lock_log
from portfolio.operations.work import open_work
from portfolio.queries.books import FOLLOWING
from portfolio.queries.books import BookIsBusy as BookIsBusy
from portfolio.queries.feeds import heard

REASON_LENGTH_MAX: Final = 500  # characters
NONCE_LENGTH_MAX: Final = 100  # characters

log = structlog.get_logger()


class MoveIsRefused(ValueError):
    """A move cannot be sent as it is, whoever agrees; `refusals` say why."""

    def __init__(self, refusals: Sequence[Refusal]) -> None:
        self.refusals = tuple(refusals)
        super().__init__("; ".join(refusal.said for refusal in refusals))


class TicketMadeAnotherMove(ValueError):
    """A ticket's nonce belongs to another move already."""

    def __init__(self, name: str) -> None:
        super().__init__(f"a fresh ticket expected, found one that made another move, {name}: open a new ticket")


class MoveTextIsMalformed(ValueError):
    """A nonce or a reason is empty, too long, or no text."""

    def __init__(self, what: str, length_max: int) -> None:
        super().__init__(f"a {what} of 1 to {length_max} printable characters expected, found something else")


class MoveIsUnknown(LookupError):
    """There is no such move, or it ended long ago."""

    def __init__(self, name: str) -> None:
        super().__init__(f"a move of ours expected, found {name[:50]!r}, which is not known or ended long ago")


class MoveIsNotOpen(ValueError):
    """Somebody wants to stop or to approve a move that is past that."""

    def __init__(self, move: Move, expected: str) -> None:
        super().__init__(f"a move that {expected} expected, found {move.move_id} {move.state.replace('_', ' ')}")


@record
class MoveTicket:
    """What somebody wants moved; `nonce` was given to the form, so that sending it twice makes one move.

    `amount` is in units of `asset`. `source` and `destination` are names of wallets at the custodian or of an account,
    `route` is one of those that two people agreed on for the destination. `rests_on` names rows that led to it.
    """

    kind: MoveKind
    custodian: str
    asset: str
    amount: Decimal
    source: str
    destination: str
    route: str
    reason: str
    nonce: str
    life: timedelta = LIFE
    rests_on: tuple[str, ...] = ()


def propose_move(ticket: MoveTicket, *, by: User, at: datetime) -> Move:
    """Write what a person wants moved and what the policy says of it; the same ticket again returns the same move.

    What the policy refuses is in the log as refused; what it allows by itself is approved, with its work. Refuses with
    MoveIsRefused, TicketMadeAnotherMove, MoveTextIsMalformed, PermissionIsMissing, LogIsBusy, BookIsBusy.
    """
    _require_text("nonce", ticket.nonce, NONCE_LENGTH_MAX)
    reason = required_reason(ticket.reason)
    with transaction.atomic(durable=True):
        lock_log()
        person = permitted(by, PROPOSE).get_username()
        with FOLLOWING.held() as book:
            payload = _payload(ticket, book, at)
            known = book.moves.get(payload.move_id)
            if known is not None:
                return _same(known, payload, person)
            worth = worth_now(payload, book, at)
            rests = tuple(sorted(rests_on(payload, ticket.rests_on, book.catalogue)))
            proposed = MoveProposed(at=at, payload=payload, by=person, reason=reason, rests_on=rests)
            if refusals := _refusals(proposed, book, worth, at):
                raise MoveIsRefused(refusals)
            events = opening(proposed, book, worth, at)
        try:
            move = folded(None, append_now(events, at))
        except SameKeyOtherContent:
            raise TicketMadeAnotherMove(payload.move_id) from None  # which the book has let go
        open_work_of(events, at)
    log.info("move.proposed", move=move.move_id, by=person, state=move.state)
    return move


def withdraw_move(move_id: str, *, by: User, reason: str, at: datetime) -> Move:
    """Cancel a move that was not sent: one's own, or as somebody who may withdraw those of others.

    Refuses with MoveIsUnknown, MoveIsNotOpen, MoveTextIsMalformed, PermissionIsMissing, LogIsBusy, BookIsBusy.
    """
    reason = required_reason(reason)
    with transaction.atomic(durable=True):
        lock_log()
        with FOLLOWING.held() as book:
            move = known_move(book, move_id)
        is_own = move.proposed.by == by.get_username()
        person = permitted(by, PROPOSE if is_own else WITHDRAW_OTHERS).get_username()
        if move.state not in WAITING:
            raise MoveIsNotOpen(move, "was not sent")
        event = MoveWithdrawn(at=at, move_id=move_id, by=person, reason=reason)
        move = folded(move, append_now([event], at))
    log.info("move.withdrawn", move=move_id, by=person)
    return move


def known_move(book: Book, name: str) -> Move:
    """Return a move of the book; refuse with MoveIsUnknown."""
    move = book.moves.get(name)
    if move is None:
        raise MoveIsUnknown(name)
    return move


def worth_now(payload: MovePayload, book: Book, at: datetime) -> Value:
    """Return what a move is worth by the log's marks; blocking, for the health of the feeds."""
    return value(payload.amount, price_of(payload.asset, book, book.marks, at, heard(book)))


def open_work_of(events: Sequence[Event], at: datetime) -> None:
    """Add the work of each move that these events approve, in the caller's transaction, and wake its queue."""
    for event in events:
        if isinstance(event, MoveApproved | GlassBroken):
            open_work("move", event.move_id, "moves", at=at)


def folded(move: Move | None, recorded: Sequence[Recorded]) -> Move:
    """Return a move after events of its own that were just appended."""
    for one in recorded:
        seq, at, event = one.seq, one.recorded_at, one.event
        if isinstance(event, MoveProposed):
            move = Move(proposed=event, state="proposed", seq=seq, proposed_seq=seq, proposed_at=at)
        else:
            assert move is not None
            move = step(move, event, seq, at).move  # type: ignore[arg-type]  # of a move, all of them
    assert move is not None
    return move


def required_reason(reason: str) -> str:
    """Return a reason in one line; refuse with MoveTextIsMalformed."""
    reason = " ".join(reason.split())
    _require_text("reason", reason, REASON_LENGTH_MAX)
    return reason


def _require_text(what: str, text: str, length_max: int) -> None:
    if not 0 < len(text) <= length_max or not text.isprintable():
        raise MoveTextIsMalformed(what, length_max)


def _payload(ticket: MoveTicket, book: Book, at: datetime) -> MovePayload:
    account = {"delegate": ticket.destination, "undelegate": ticket.source}.get(ticket.kind, "")
    known = book.catalogue.accounts.get(account)
    return MovePayload(
        move_id=move_id(f"ticket:{ticket.nonce}"),
        kind=ticket.kind,
        custodian=ticket.custodian,
        asset=ticket.asset,
        amount=ticket.amount,
        source=ticket.source,
        destination=ticket.destination,
        venue=known.venue if known else "",
        route=ticket.route,
        expires_at=at + ticket.life,
    )


def _refusals(proposed: MoveProposed, book: Book, worth: Value, at: datetime) -> tuple[Refusal, ...]:
    """Return why a move cannot be sent as it is; what nobody can say now is asked again when it is sent."""
    payload = proposed.payload
    found = tuple(hindrances(payload, book, worth, at))
    if found:
        return found
    would_be = Move(proposed=proposed, state="proposed", seq=0, proposed_seq=0, proposed_at=at)
    there = available(would_be, book, Valuation(book, book.marks, at, heard(book)))
    if there.value is None or not there.is_current or payload.amount <= there.value:
        return ()
    left, wanted, unit = plain(there.value), plain(payload.amount), payload.asset
    said = f"at most {left} {unit} from {payload.source} expected, found {wanted} {unit}: propose less"
    return (Refusal(rule="available", limit=left, value=wanted, unit=unit, said=said),)


def _same(known: Move, payload: MovePayload, by: str) -> Move:
    fields = ("kind", "custodian", "asset", "amount", "source", "destination", "route")
    if known.proposed.by != by or any(getattr(known.payload, one) != getattr(payload, one) for one in fields):
        raise TicketMadeAnotherMove(known.move_id)
    return known
