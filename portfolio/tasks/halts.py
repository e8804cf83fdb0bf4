"""Halts: cancel at the venues what works within a halt's scope, until their own word is that nothing is left."""

import asyncio
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Final

import structlog

from hedgeapp.core.events.trading import OrderSeen
from hedgeapp.core.records import record
from portfolio.core.book import Book
from portfolio.core.halting import to_cancel, without_word
from portfolio.gateways.exchange import ExchangeGateway, NotKnown, NoWord, Rejected
from portfolio.operations.halts import HaltIsNotInForce, note_canceled, take_hold
from portfolio.operations.words import note_seen
from portfolio.operations.work import Claim
from portfolio.queries.books import FOLLOWING
from portfolio.tasks.desk import Again, Done
from portfolio.tasks.doors import DoorIsShut
from portfolio.tasks.orders_desk import OrdersDesk as Desk

LIFTED: Final = "lifted before it took hold"
ACCOUNT_S_MAX: Final = 12.0  # one account's part of a pass; shorter than one try at a row may take
CANCELS_AT_ONCE_MAX: Final = 8  # requests to one account
AGAIN_S: Final = 0.3  # between two passes while something is left
AGAIN_S_MAX: Final = 2.0  # the same, once it takes long
PATIENT_TRIES: Final = 10  # passes after which it takes long

log = structlog.get_logger()


@record
class Scene:
    """What a pass begins with: the enabled accounts of the scope, and our orders of it without the venue's word."""

    accounts: tuple[str, ...]
    wordless: tuple[str, ...]


@record
class Found:
    """What a pass left at one account: orders, and what hindered it."""

    account: str
    left: int
    hindrance: str = ""


async def carry_halt(claim: Claim, desk: Desk) -> Done | Again:
    """Cancel what is left of a halt's scope once; it is done when nothing is."""
    scene = await desk.in_database(_scene, claim.subject)
    if scene is None:
        return Done(said=LIFTED)
    found = await asyncio.gather(*(_cleared(account, claim.subject, desk) for account in scene.accounts))
    if hindered := _hindered(scene, found):
        return Again(after_s=AGAIN_S if claim.tries < PATIENT_TRIES else AGAIN_S_MAX, said=hindered)
    return Done(said=await desk.in_database(_take_hold, claim.subject))


def _hindered(scene: Scene, found: list[Found]) -> str:
    """Return what keeps a halt from taking hold, in a sentence; nothing when nothing does."""
    said = [f"{one.left} left at {one.account}" for one in found if one.left]
    said += [f"{one.account}: {one.hindrance}" for one in found if one.hindrance]
    if scene.wordless:
        said.append(f"no word yet of {', '.join(scene.wordless[:3])}")
    return "; ".join(said)


async def _cleared(account: str, halt_id: str, desk: Desk) -> Found:
    """Cancel one account's orders, then ask the venue what is left."""
    try:
        async with asyncio.timeout(ACCOUNT_S_MAX):
            gateway = desk.doors.of(account)
            doomed = await _doomed(gateway, desk)
            if doomed:
                await _cancel(gateway, doomed, halt_id, desk)
                doomed = await _doomed(gateway, desk)
    except (DoorIsShut, NoWord) as hindrance:
        return Found(account=account, left=0, hindrance=hindrance.because)
    except (Rejected, TimeoutError) as hindrance:
        return Found(account=account, left=0, hindrance=str(hindrance) or f"no answer within {ACCOUNT_S_MAX:g} s")
    return Found(account=account, left=len(doomed))


async def _doomed(gateway: ExchangeGateway, desk: Desk) -> tuple[OrderSeen, ...]:
    working = await gateway.open_orders()
    if not working:
        return ()
    return await desk.in_database(_to_cancel, gateway.account.venue, working)


async def _cancel(gateway: ExchangeGateway, doomed: tuple[OrderSeen, ...], halt_id: str, desk: Desk) -> None:
    """Cancel orders and write how they ended; what hindered one is seen at the next look."""
    turns = asyncio.Semaphore(CANCELS_AT_ONCE_MAX)

    async def one(order: OrderSeen) -> None:
        async with turns:
            try:
                ended = await gateway.cancel(order.instrument, venue_order_id=order.venue_order_id)
            except (NotKnown, NoWord, Rejected) as hindrance:
                log.warning("halt.cancel_hindered", order=order.venue_order_id, because=str(hindrance))
                return
        await desk.in_database(note_canceled, halt_id, 1)
        await desk.in_database(note_seen, order.client_order_id, ended, at=datetime.now(UTC))

    await asyncio.gather(*map(one, doomed))


def _scene(halt_id: str) -> Scene | None:
    with FOLLOWING.held() as book:
        halt = book.halts.get(halt_id)
        if halt is None:
            return None
        accounts = sorted(name for name in _enabled(book) if halt.covers(book.catalogue.accounts[name].venue))
        wordless = tuple(one.client_order_id for one in without_word(book, halt))
        return Scene(accounts=tuple(accounts), wordless=wordless)


def _enabled(book: Book) -> Iterable[str]:
    for account in book.catalogue.accounts.values():
        venue = book.catalogue.venues.get(account.venue)
        if account.is_enabled and venue is not None and venue.is_enabled:
            yield account.name


def _to_cancel(venue: str, working: list[OrderSeen]) -> tuple[OrderSeen, ...]:
    with FOLLOWING.held() as book:
        return to_cancel(book, venue, working)


def _take_hold(halt_id: str) -> str:
    try:
        halt = take_hold(halt_id, at=datetime.now(UTC))
    except HaltIsNotInForce:
        return LIFTED
    return f"nothing is left working; {halt.canceled} canceled"
