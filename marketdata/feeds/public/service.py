"""The public feed of a venue: sockets in, marks on the board, health every second.  Runs as `feed:<venue>`."""

import asyncio
import contextlib
import random
import time
from datetime import UTC, datetime, timedelta
from typing import Final

import structlog

from hedgeapp.core.instruments import Instrument
from hedgeapp.core.marks import MarkKind
from hedgeapp.core.records import record
from hedgeapp.core.reference import Venue
from hedgeapp.database import conninfo
from hedgeapp.ending import end, together
from hedgeapp.eventlog.append import AsyncLog
from hedgeapp.services import Lease
from marketdata.board import Board
from marketdata.core.distrust import LIMITS
from marketdata.feeds.public.connection import Connection, ConnectionIsLost
from marketdata.feeds.public.depths import Depths
from marketdata.feeds.public.market import Market
from marketdata.feeds.public.protocol import Connected
from marketdata.feeds.public.specifications import Specifications, public_protocol
from marketdata.pulse import Pulse
from marketdata.queries.catalogue import reference
from marketdata.tape import keep_tape

POST_S: Final = 0.01  # from one post of marks to the next
REPOST_S: Final = 1.0  # all marks are posted again this often
REPORT_S: Final = 0.25  # counters reach the pulse this often
CHECK_S: Final = 5.0  # between two looks whether the venue or its instruments changed
WAIT_S: Final = 0.5  # between two looks while there are no instruments yet
BACKOFF_S: Final = (0.2, 4.0)  # first and longest pause before dialing again
QUIET_MAX: Final = timedelta(seconds=3)  # a venue that says nothing for longer is stale

log = structlog.get_logger()


@record
class Setup:
    """What one connection is made of."""

    venue: Venue
    instruments: tuple[Instrument, ...]


def setup_of(name: str) -> Setup:
    """Return a venue and the instruments that its accounts trade; blocking."""
    catalogue = reference()
    instruments = tuple(
        instrument
        for instrument in catalogue.instruments.values()
        if instrument.venue == name and instrument.is_trading
    )
    return Setup(venue=catalogue.venues[name], instruments=instruments)


async def run(lease: Lease) -> None:
    """Keep the board up to date with one venue's public data for as long as the lease lasts."""
    board = Board.from_settings()
    try:
        async with AsyncLog(conninfo(), fence=lease.fence) as events:
            pulse = Pulse(lease.name, lease.epoch, board, events, quiet_max=QUIET_MAX, tolerance=LIMITS)
            await together(pulse.keep(), _follow(lease, pulse, board))
    finally:
        await board.close()


async def _follow(lease: Lease, pulse: Pulse, board: Board) -> None:
    """Dial again after each loss, with growing pauses; begin anew when reference data changed."""
    pause_s, specifications = BACKOFF_S[0], Specifications(lease)
    while True:
        setup: Setup = await lease.in_database(setup_of, lease.subject)
        if await specifications.take(setup.venue):
            continue
        if not setup.instruments:
            because = specifications.complaint or "its account feeds load them"
            pulse.failed(f"no instruments of {lease.subject} are known yet: {because}")
            await asyncio.sleep(WAIT_S)
            continue
        began = asyncio.get_running_loop().time()
        try:
            await _while_current(lease, setup, pulse, board, specifications)
            continue
        except ConnectionIsLost as lost:
            pulse.failed(str(lost))
        if asyncio.get_running_loop().time() - began > BACKOFF_S[1]:
            pause_s = BACKOFF_S[0]
        await asyncio.sleep(pause_s * random.uniform(0.5, 1.0))
        pause_s = min(2 * pause_s, BACKOFF_S[1])


async def _while_current(
    lease: Lease, setup: Setup, pulse: Pulse, board: Board, specifications: Specifications
) -> None:
    """Run one connection until it is lost, or until its setup is no longer the latest."""
    protocol = public_protocol(setup.venue)
    market = protocol.market(lease.subject, setup.instruments)
    connect = protocol.connect or Connection
    connection = connect(setup.venue, setup.instruments, market, protocol)
    others = [
        asyncio.create_task(_post(market, board)),
        asyncio.create_task(Depths(market).post(board)),
        asyncio.create_task(_report(market, connection, pulse, protocol.mark_ms_max)),
        asyncio.create_task(keep_tape(lease.name, market.roll, board)),
        asyncio.create_task(specifications.keep(setup.venue)),
    ]
    running = asyncio.create_task(connection.run())
    try:
        while not running.done():
            await asyncio.wait({running, *others}, timeout=CHECK_S, return_when=asyncio.FIRST_COMPLETED)
            for task in others:
                if task.done():
                    task.result()
            if not running.done() and setup != await lease.in_database(setup_of, lease.subject):
                log.info("feed.reference_changed", feed=lease.name)
                return
        running.result()
    finally:
        await end({running, *others})


async def _post(market: Market, board: Board) -> None:
    """Post what changed at once, and everything now and then: a board that lost its memory has it again."""
    clock = asyncio.get_running_loop().time
    news, repost_at = asyncio.Event(), clock() + REPOST_S
    market.listener = news.set
    while True:
        news.clear()
        changed = market.changed()
        if clock() >= repost_at:
            repost_at = clock() + REPOST_S
            changed = market.marks()
        await board.post(changed)
        await asyncio.sleep(POST_S)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout_at(repost_at):
                await news.wait()


async def _report(market: Market, connection: Connected, pulse: Pulse, mark_ms_max: int | None) -> None:
    """Carry what the market counted over to the pulse, and doubt a venue that errs too often."""
    before = dict(market.counters)
    messages, budgets = 0, dict[MarkKind, int]()
    if mark_ms_max is not None:
        budgets["mark"] = mark_ms_max
    pulse.channels, pulse.unproven = market.channels, market.unproven
    while True:
        if connection.is_up:
            pulse.connected()
        if market.message_count > messages and market.last_message_ms is not None:
            at = datetime.fromtimestamp(market.last_message_ms / 1000, UTC)
            pulse.heard(at, market.message_count - messages)
            messages = market.message_count
        for name, count in market.counters.items():
            pulse.counters[name] += count - before.get(name, 0)
        pulse.judge()
        market.doubt(pulse.quarantined)
        pulse.last_fault, pulse.requests = market.last_fault or pulse.last_fault, connection.requests
        pulse.drift_ms = market.drift.read(time.time_ns() // 1_000_000)
        complaint = market.stale(time.time_ns() // 1_000_000, budgets)
        if complaint and connection.snapshot_error:
            complaint += f" ({connection.snapshot_error})"
        pulse.missing(complaint)
        if market.counters["refused"] > before.get("refused", 0) or market.counters["gaps"] > before.get("gaps", 0):
            log.warning("feed.refused", feed=pulse.feed, fault=market.last_fault)
        before = dict(market.counters)
        await asyncio.sleep(REPORT_S)
