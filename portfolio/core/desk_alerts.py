"""Desk alerts: what orders, moves, breaks, custodians and suspensions call somebody for.  Book x at -> readings"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Final

from hedgeapp.core.differences import Severity as Grade
from hedgeapp.core.events.alerts import Severity
from portfolio.core.alert_watch import Reading, Verdict
from portfolio.core.book import Book
from portfolio.core.move_states import Move
from portfolio.core.open_breaks import OpenBreak
from portfolio.core.orders import WITHOUT_WORD, HedgeOrder
from portfolio.core.suspensions import WHY

ORDER_WITHOUT_WORD: Final = timedelta(seconds=15)  # so long a venue may keep us without its word on an order
MOVE_AWAITS: Final = timedelta(minutes=10)  # so long a move may wait for its approvers
MOVE_UNSENT: Final = timedelta(minutes=1)  # an approved move is sent within
MOVE_WITHOUT_WORD: Final = timedelta(seconds=30)  # so long a custodian may keep us without its word on a move
MOVE_CARRIED: Final = timedelta(minutes=5)  # a custodian that carries a move for longer stands still
TOLD_FOR: Final = timedelta(minutes=10)  # what was rejected calls somebody for so long
BREAK_AGED: Final[Mapping[Grade, timedelta]] = {
    "minor": timedelta(hours=24),
    "major": timedelta(hours=1),
    "critical": timedelta(minutes=15),
}
NO_TIME: Final = timedelta(0)


def desk_readings(book: Book, at: datetime) -> Iterator[Reading]:
    """Yield what is said of orders, moves, custodians, breaks and suspensions."""
    for order in book.our_orders:
        yield _order(order, at)
        if order.state == "rejected":
            yield _rejected(order, at)
    for move in book.moves:
        yield from _move(move, at)
    yield from _unintended(book)
    yield from _broken_glass(book)
    yield from _custodians(book, at)
    yield from _breaks(book, at)
    yield from _suspensions(book)


def _order(order: HedgeOrder, at: datetime) -> Reading:
    waits = at - order.sent_at if order.state in WITHOUT_WORD and order.sent_at is not None else NO_TIME
    name = order.client_order_id
    said = f"the venue's word on order {name} within {ORDER_WITHOUT_WORD.total_seconds():g} s expected, found none"
    if order.because:
        said += f": {order.because}"
    return _reading("order", name, waits > ORDER_WITHOUT_WORD, "critical", said, f"/orders/{name}/")


def _rejected(order: HedgeOrder, at: datetime) -> Reading:
    name = order.client_order_id
    is_ill = order.ended_at is None or at - order.ended_at < TOLD_FOR
    said = f"order {name} taken by its venue expected, found it rejected: {order.because or 'without a reason'}"
    return _reading("order_rejected", name, is_ill, "warning", said, f"/orders/{name}/")


def _move(move: Move, at: datetime) -> Iterator[Reading]:
    """Yield what is said of a move that is not over, or that ended badly of late."""
    name, evidence = move.move_id, f"/moves/{move.move_id}/"
    if move.state == "awaiting_approval":
        since = move.judged.at if move.judged else move.proposed_at
        said = f"move {name} decided within {_minutes(MOVE_AWAITS)} expected, found it awaiting approval"
        yield _reading("move_awaits", name, at - since > MOVE_AWAITS, "warning", said, evidence)
    elif move.state in ("approved", "intended"):
        decided = [*(one.at for one in move.decisions), *(one.at for one in move.glass)]
        since = move.intended_at or max(decided, default=move.proposed_at)
        said = f"approved move {name} sent within {_minutes(MOVE_UNSENT)} expected, found it {move.state}"
        yield _reading("move_unsent", name, at - since > MOVE_UNSENT, "warning", said, evidence)
    elif move.state in ("submitted", "outcome_unknown"):
        since = move.submitted_at or move.proposed_at
        said = f"the custodian's word on move {name} expected, found none: {move.because or 'it was not answered'}"
        is_ill = move.state == "outcome_unknown" or at - since > MOVE_WITHOUT_WORD
        yield _reading("move", name, is_ill, "critical", said, evidence)
    elif move.state in ("rejected", "failed", "never_arrived"):
        is_ill = move.ended_at is None or at - move.ended_at < TOLD_FOR
        said = f"move {name} carried out expected, found it {move.state.replace('_', ' ')}: {move.because}"
        yield _reading("move_failed", name, is_ill, "warning", said, evidence)


def _unintended(book: Book) -> Iterator[Reading]:
    for seen in book.moves.alarms:
        said = f"no move but ours expected, found one of {seen.asset or 'an asset'} told by {seen.source}: {seen.said}"
        yield _reading("unintended_move", f"{seen.source} {seen.reference}", True, "critical", said, "/gate/")


def _broken_glass(book: Book) -> Iterator[Reading]:
    for one in book.moves.unreviewed:
        said = (
            f"a review of the break-glass of {one.move_id} by two others expected, found none since {one.by} and "
            f"{one.agreed_by} broke it at {one.at:%Y-%m-%d %H:%M} UTC: {one.reason}"
        )
        yield _reading("break_glass", one.move_id, True, "critical", said, "/gate/reviews/")


def _custodians(book: Book, at: datetime) -> Iterator[Reading]:
    """Yield whether each custodian does what it was asked for; one that carries a move for long stands still."""
    carried: dict[str, list[Move]] = defaultdict(list)
    for move in book.moves.in_flight():
        if move.state == "accepted" and at - (move.submitted_at or move.proposed_at) > MOVE_CARRIED:
            carried[move.payload.custodian].append(move)
    for name in book.catalogue.custodians:
        held, told = carried[name], book.custodians.get(name)
        if told is not None and told.state == "maintenance" and not held:
            yield _reading(
                "custodian", name, True, "critical", f"{name} open for moves expected: {told.said}", "/data/"
            )
            continue
        said = f"moves confirmed by {name} within {_minutes(MOVE_CARRIED)} expected, found {len(held)} that are not"
        evidence = f"/moves/{held[0].move_id}/" if held else "/data/"
        yield _reading("custodian", name, bool(held), "critical", said, evidence)


def _suspensions(book: Book) -> Iterator[Reading]:
    for one in book.suspensions:
        severity: Severity = "critical" if one.cause == "specification" else "warning"
        said = f"{one.instrument} open for new risk expected, found it suspended {WHY[one.cause]}: {one.reason}"
        yield _reading("suspension", f"{one.instrument} {one.cause}", True, severity, said, "/data/suspensions/")


def _breaks(book: Book, at: datetime) -> Iterator[Reading]:
    """Yield one reading for each venue: of breaks above their limit, and of breaks that stand for too long."""
    for blocked in book.blocking:
        said = f"every break of {blocked.venue} within its limit expected, found one above: {blocked.because}"
        yield _reading("break", blocked.venue, True, "critical", said, f"/breaks/?state=open&venue={blocked.venue}")
    aged: dict[str, list[OpenBreak]] = defaultdict(list)
    for one in book.open_breaks:
        if at - one.since > BREAK_AGED[one.severity]:
            aged[one.venue].append(one)
    for venue, breaks in aged.items():
        first = min(breaks, key=lambda one: one.since)
        age = _minutes(at - first.since)
        said = f"breaks of {venue} closed in time expected, found {len(breaks)}: {first.item} has stood for {age}"
        yield _reading("break_aged", venue, True, "warning", said, f"/breaks/{first.break_id}/")


def _reading(rule: str, subject: str, is_ill: bool, severity: Severity, said: str, evidence: str) -> Reading:
    verdict: Verdict = "ill" if is_ill else "well"
    return Reading(rule=rule, subject=subject, verdict=verdict, severity=severity, said=said, evidence=evidence)


def _minutes(span: timedelta) -> str:
    return f"{span.total_seconds() / 60:.0f} min"
