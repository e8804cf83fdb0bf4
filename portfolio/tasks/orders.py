"""Orders: send one once, find out what became of it, cancel it.  Claim -> outcome

The steps of the send path, in order: `Desk.marks`, `send_order`, `ExchangeGateway.place`, then one of `note_seen`,
`note_rejected`, `note_unknown`; after an unknown outcome `ExchangeGateway.find`, then `note_seen` or `note_not_there`.
Whatever ends between two of them, the next worker goes on from the order's state in the log.
"""

from datetime import UTC, datetime
from typing import Final

import structlog

from hedgeapp.core.events.orders import OrderRefused, OrderSent
from hedgeapp.core.events.trading import OrderSeen
from portfolio.core.orders import FINAL, WITHOUT_WORD, HedgeOrder
from portfolio.core.valuation import Marks
from portfolio.gateways.exchange import ExchangeGateway, NotKnown, NoWord, Rejected
from portfolio.operations.orders import INTENT_AGE_MAX, MarksAreLate, refuse_order, send_order
from portfolio.operations.words import SETTLE, note_not_there, note_rejected, note_seen, note_unknown
from portfolio.operations.work import Claim
from portfolio.tasks.desk import Again, Done, backoff_s
from portfolio.tasks.doors import DoorIsShut
from portfolio.tasks.orders_desk import OrdersDesk as Desk

ABANDONED: Final = "the worker that sent it did not say what came of it"

log = structlog.get_logger()


async def carry_order(claim: Claim, desk: Desk) -> Done | Again:
    """Send an order that is only intended, resolve one whose outcome is not known; the rest has its word."""
    order, marks = await desk.order_and_marks(claim.subject)
    if order is None:
        return Done(said="not known, or ended long ago")
    try:
        gateway = desk.doors.of(order.intent.account)
    except DoorIsShut as shut:
        return await _behind_a_shut_door(order, shut, desk, claim)
    if order.state == "intended":
        return await _send(order, marks, gateway, desk, claim)
    if order.state in WITHOUT_WORD:
        return await _resolve(order, gateway, desk, claim)
    return Done(said=order.state)


async def carry_cancel(claim: Claim, desk: Desk) -> Done | Again:
    """Cancel an order until it has ended, by the venue's word or before it was sent."""
    order = await desk.order(claim.subject)
    if order is None or order.is_final:
        return Done(said=order.state if order else "not known, or ended long ago")
    name, instrument = order.client_order_id, order.intent.instrument
    if order.state == "intended":
        said = f"canceled by {order.cancel_asked_by} before it was sent"
        await desk.in_database(refuse_order, name, "canceled", said, at=_now())
        return Again(after_s=0, said=said)
    try:
        gateway = desk.doors.of(order.intent.account)
        try:
            seen = await gateway.cancel(instrument, client_order_id=name)
        except NotKnown:
            # It has ended, or has not come yet: its own state speaks.
            seen = await gateway.find(instrument, name)
    except (DoorIsShut, NotKnown, Rejected, NoWord) as error:
        return Again(after_s=_pause_s(claim, error), said=str(error))
    await desk.in_database(note_seen, name, seen, at=_now())
    return Done(said=seen.status) if seen.status in FINAL else Again(after_s=backoff_s(claim.tries), said=seen.status)


async def _send(order: HedgeOrder, marks: Marks, gateway: ExchangeGateway, desk: Desk, claim: Claim) -> Done | Again:
    name = order.client_order_id
    if not gateway.trades(order.intent.instrument):
        return Again(after_s=backoff_s(claim.tries), said=f"{order.intent.instrument} is not known to the gateway yet")
    try:
        decided = await desk.in_database(send_order, name, await desk.marks(marks), clock=_now)
    except MarksAreLate as late:
        return Again(after_s=backoff_s(claim.tries), said=str(late))
    match decided:
        case OrderSent():
            return await _place(order, decided, gateway, desk)
        case OrderRefused():
            log.info("order.refused", order=name, rule=decided.rule)
            return Done(said=decided.said)
        case None:
            return Again(after_s=0, said="another worker sent it")


async def _place(order: HedgeOrder, sent: OrderSent, gateway: ExchangeGateway, desk: Desk) -> Done | Again:
    """Send the request: the only place from which an order goes out, and once for each `OrderSent`."""
    name = order.client_order_id
    try:
        seen = await gateway.place(order.intent, sent)
    except Rejected as refusal:
        log.warning("order.rejected", order=name, code=refusal.code, said=refusal.said)
        await desk.in_database(note_rejected, name, refusal.code, refusal.said, at=_now())
        return Done(said=str(refusal))
    except (NoWord, NotKnown) as silence:
        log.warning("order.outcome_unknown", order=name, because=str(silence))
        await desk.in_database(note_unknown, name, str(silence), at=_now())
        return Again(after_s=backoff_s(0), said=str(silence))
    return await _seen(name, seen, desk)


async def _resolve(order: HedgeOrder, gateway: ExchangeGateway, desk: Desk, claim: Claim) -> Done | Again:
    """Ask the venue, under our own id, what became of an order; only its word ends this."""
    name, valid_until = order.client_order_id, order.valid_until
    if order.state == "sent":
        await desk.in_database(note_unknown, name, ABANDONED, at=_now())
    asked_at = _now()
    try:
        seen = await gateway.find(order.intent.instrument, name)
    except NotKnown as answer:
        if await desk.in_database(note_not_there, name, answer.said, asked_at=asked_at, at=_now()):
            log.warning("order.never_arrived", order=name)
            return Done(said=str(answer))
        left_s = (valid_until + SETTLE - _now()).total_seconds() if valid_until else 0.0
        return Again(after_s=max(0.01, min(backoff_s(claim.tries), left_s + 0.01)), said=str(answer))
    except (NoWord, Rejected) as silence:
        return Again(after_s=_pause_s(claim, silence), said=str(silence))
    return await _seen(name, seen, desk)


async def _seen(name: str, seen: OrderSeen, desk: Desk) -> Done:
    await desk.in_database(note_seen, name, seen, at=_now())
    log.info("order.acknowledged", order=name, status=seen.status)
    return Done(said=seen.status)


async def _behind_a_shut_door(order: HedgeOrder, shut: DoorIsShut, desk: Desk, claim: Claim) -> Done | Again:
    """Refuse what cannot be sent by any patience, or not in time; what was sent waits for the venue's word."""
    is_old = _now() - order.intended_at > INTENT_AGE_MAX
    if order.state == "intended" and (shut.is_final or is_old):
        await desk.in_database(refuse_order, order.client_order_id, "door", shut.because, at=_now())
        return Done(said=shut.because)
    return Again(after_s=backoff_s(claim.tries), said=shut.because)


def _pause_s(claim: Claim, error: Exception) -> float:
    asked_for_s = error.retry_after_s if isinstance(error, NoWord) else None
    return max(backoff_s(claim.tries), asked_for_s or 0.0)


def _now() -> datetime:
    return datetime.now(UTC)
