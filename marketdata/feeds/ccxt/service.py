"""The service of one exchange account: stream first, then REST, then both, until something breaks; then again.

The stream is opened before REST is read, and what it brings meanwhile waits: so no fact falls between the two. What
both tell is the same event under the same key, and the log keeps it once.
"""

import asyncio
import contextlib
import random
from collections.abc import Coroutine, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import ccxt
import structlog

from hedgeapp.core.events import Event
from hedgeapp.core.events.balances import CollateralTermsStated
from hedgeapp.core.events.trading import OrderSeen
from hedgeapp.core.instruments import Instrument
from hedgeapp.core.records import record
from hedgeapp.core.reference import Account, Venue
from hedgeapp.database import conninfo
from hedgeapp.ending import end
from hedgeapp.eventlog.append import AsyncLog, SameKeyOtherContent
from hedgeapp.eventlog.codec import encode
from hedgeapp.services import Lease
from marketdata.board import Board
from marketdata.feeds.ccxt.complaints import EXPECTED, REFUSALS, sentence, understood
from marketdata.feeds.ccxt.facts import FactIsMalformed, Facts, moment
from marketdata.feeds.ccxt.protocol import AccountProtocol, Told
from marketdata.feeds.ccxt.protocols import PROTOCOLS
from marketdata.feeds.ccxt.reads import TRADES_REREAD, Reads
from marketdata.feeds.ccxt.statements import Statements
from marketdata.feeds.ccxt.stream import SILENCE_S_MAX, Stream
from marketdata.operations.instruments import symbols_of, take_instruments
from marketdata.pulse import Pulse
from marketdata.queries.catalogue import reference
from marketdata.queries.credentials import Keys, keys_of
from marketdata.queries.known import (
    income_known_at,
    last_borrow_rates,
    last_collateral_terms,
    last_statements,
    orders_still_open,
    trades_read_from,
)
from marketdata.venues import Client

READ_EVERY_S: Final = 30.0  # REST is read this often, whatever the stream says
HURRY_S: Final = 1.0  # and this soon after the stream told of something that only REST tells whole
INCOME_EVERY_S: Final = 300.0
INSTRUMENTS_EVERY_S: Final = 3600.0
READ_S_MAX: Final = 300.0  # a whole reading of REST that takes longer is given up
PAUSE_S: Final = 0.5  # before the first new attempt; doubled until
PAUSE_S_MAX: Final = 30.0
CONTRADICTIONS_MAX: Final = 1_000  # facts that the log has otherwise, of which each is told once

log = structlog.get_logger()


class SettingsChanged(Exception):
    """The account, its venue or its keys are not what they were when the connection was made."""


@record
class Setup:
    """What a connection is made of."""

    account: Account
    venue: Venue
    keys: Keys
    assets: tuple[str, ...]


async def run(lease: Lease) -> None:
    """Keep one account's facts flowing into the log for as long as the lease lasts."""
    board = Board.from_settings()
    events, told = AsyncLog(conninfo(), fence=lease.fence), AsyncLog(conninfo(), fence=lease.fence)
    pulse = Pulse(lease.name, lease.epoch, board, told, quiet_max=timedelta(seconds=SILENCE_S_MAX))
    try:
        await _first_end(pulse.keep(), AccountFeed(lease, events, pulse).follow())
    finally:
        await events.close()
        await told.close()
        await board.close()


class AccountFeed:
    """One account: what was read so far, across connections."""

    def __init__(self, lease: Lease, events: AsyncLog, pulse: Pulse) -> None:
        self.lease = lease
        self.events = events
        self.pulse = pulse
        self.statements: Statements
        self._read_from: dict[str, int] = {}  # trade id from which each instrument is read on
        self._open_orders: dict[str, OrderSeen] | None = None  # by the venue's id; None until the log was asked
        self._income_at: datetime | None = None
        self._client: Client | None = None
        self._frame = b""  # of the stream, that is being read
        self._contradictions: set[str] = set()

    async def follow(self) -> None:
        """Connect, read and listen, again and again."""
        pause_s = PAUSE_S
        while True:
            try:
                await self._connection()
            except (*EXPECTED, SettingsChanged) as error:
                if self.pulse.is_connected:
                    pause_s = PAUSE_S
                if isinstance(error, REFUSALS):
                    self.pulse.refused("malformed", sentence(error), self._raw(error))
                self.pulse.failed(sentence(error))
                self.pulse.count("resyncs")
            await asyncio.sleep(pause_s * random.uniform(0.5, 1.5))
            pause_s = min(2 * pause_s, PAUSE_S_MAX)

    def _raw(self, error: Exception) -> bytes | str:
        """Return what the venue sent that was refused: a frame of the stream, or else REST's last answer."""
        frame = getattr(error, "raw", b"") or self._frame
        self._frame = b""
        return frame or (self._client.exchange.last_http_response if self._client else None) or b""

    async def _connection(self) -> None:
        """Live through one connection, from its dial to whatever ends it."""
        setup = await self.lease.in_database(_setup, self.lease.subject)
        self.statements = Statements(await self.lease.in_database(last_statements, setup.account.name))
        client = self._client = Client(setup.venue, setup.keys)
        try:
            with understood("an answer of the venue"):
                await self._live(client, setup)
        finally:
            await client.close()

    async def _live(self, client: Client, setup: Setup) -> None:
        await client.server_ms()
        protocol = PROTOCOLS[setup.venue.protocol]
        instruments = await self._instruments(protocol, client, setup)
        reads = protocol.reads(client, setup.account.name, instruments, setup.assets)
        await reads.verify()
        await self._collateral(reads)
        await self._borrow_rates(reads)
        stream = Stream(client, protocol, await protocol.door(client))
        await stream.open()
        async with asyncio.timeout(READ_S_MAX):
            await self._read(reads)
        self.pulse.connected()
        hurry = asyncio.Event()
        listening = self._listen(stream, protocol, reads.facts, hurry)
        await _first_end(listening, self._reread(protocol, reads, setup, hurry), protocol.renew(client))

    async def _instruments(self, protocol: AccountProtocol, client: Client, setup: Setup) -> list[Instrument]:
        """Load the venue's specifications and return the account's own."""
        venue, asking = setup.venue.name, protocol.reads(client, setup.account.name, (), ())
        specified = await asking.specified(await self.lease.in_database(symbols_of, venue))
        changed = await self.lease.in_database(
            take_instruments, venue, specified, by=self.lease.name, at=datetime.now(UTC)
        )
        for event in changed:
            log.info("instrument.changed", instrument=event.instrument.id, version=event.version)
        known = (await self.lease.in_database(reference)).instruments
        return [known[f"{venue}:{symbol}"] for symbol in setup.account.instruments]

    async def _collateral(self, reads: Reads) -> None:
        """State what assets count for as margin, where an account may choose that and it is news."""
        account, assets = reads.facts.account, await reads.collateral()
        if assets is None:
            return
        known = await self.lease.in_database(last_collateral_terms, account)
        if known is None or known.assets != assets:
            at = moment(await reads.client.server_ms())
            await self._append([CollateralTermsStated(at=at, account=account, assets=assets)])

    async def _borrow_rates(self, reads: Reads) -> None:
        """State what borrowing costs, where the venue lends by itself and it is news."""
        try:
            with understood("borrow rates"):
                told = await reads.borrow_rates()
        except (ccxt.ExchangeError, FactIsMalformed) as error:  # no fact of the account waits for them
            self.pulse.refused("malformed", sentence(error), self._raw(error))
            return
        if told:
            known = await self.lease.in_database(last_borrow_rates, reads.facts.account)
            await self._append([one for one in told if known.get(one.asset) != one.hourly_rate])

    async def _read(self, reads: Reads) -> None:
        """Read trades, positions, balances and orders, and append what is new."""
        facts = reads.facts
        for instrument in facts.instruments:
            await self._trades(reads, instrument)
        at = moment(await reads.client.server_ms())
        positions = self.statements.positions(facts, await reads.positions(), at)
        balances = self.statements.balances(facts, await reads.balances(), at)
        # What ended while nobody listened is asked for by name: the venue lists only what is open.
        orders, self._open_orders = await reads.orders(await self._known_open(facts.account))
        await self._append([*positions, *balances, *orders])
        for order in orders:
            self._note_order(order)
        self.pulse.counters["strangers"] = len(facts.strangers)
        self.pulse.heard(datetime.now(UTC), messages=0)

    async def _trades(self, reads: Reads, instrument: Instrument) -> None:
        """Append the fills that the log may not have, oldest first."""
        account, id_ = reads.facts.account, instrument.id
        if id_ not in self._read_from:
            known = await self.lease.in_database(trades_read_from, account, id_, overlap=TRADES_REREAD)
            if known is None:
                await self._append(await reads.first_contact(instrument))
                known = await self.lease.in_database(trades_read_from, account, id_, overlap=1)
            self._read_from[id_] = known or 0
        fills = await reads.trades(instrument, self._read_from[id_])
        await self._append(fills)
        if fills:
            self._read_from[id_] = reads.reread_from(fills[-1])

    async def _reread(self, protocol: AccountProtocol, reads: Reads, setup: Setup, hurry: asyncio.Event) -> None:
        """Read income, and all of REST again, every while; sooner when the stream asks for it."""
        clock = asyncio.get_running_loop().time
        income_due, instruments_due = clock(), clock() + INSTRUMENTS_EVERY_S
        while True:
            async with asyncio.timeout(READ_S_MAX):
                if clock() >= income_due:
                    await self._read_income(reads)
                    income_due = clock() + INCOME_EVERY_S
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(READ_EVERY_S):
                    await hurry.wait()
                    await asyncio.sleep(HURRY_S)
                    income_due = clock()
            hurry.clear()
            if await self.lease.in_database(_setup, self.lease.subject) != setup:
                raise SettingsChanged("the account's settings or keys changed: connecting again")
            if clock() >= instruments_due:
                await self._instruments(protocol, reads.client, setup)
                await self._collateral(reads)
                await self._borrow_rates(reads)
                instruments_due = clock() + INSTRUMENTS_EVERY_S
            async with asyncio.timeout(READ_S_MAX):
                await self._read(reads)

    async def _read_income(self, reads: Reads) -> None:
        now = moment(await reads.client.server_ms())
        if self._income_at is None:
            self._income_at = await self.lease.in_database(income_known_at, reads.facts.account)
        await self._append(await reads.income(self._income_at, now))
        self._income_at = now

    async def _listen(self, stream: Stream, protocol: AccountProtocol, facts: Facts, hurry: asyncio.Event) -> None:
        """Append what the stream tells, until it breaks."""
        while True:
            messages = await stream.batch()
            if stream.heard_at:
                self.pulse.heard(stream.heard_at, len(messages))
            told = list[Told]()
            try:
                with understood("a private message"):
                    for message, self._frame in zip(messages, stream.frames, strict=True):
                        told.append(protocol.told(message, facts))
                self._frame = b""
            finally:  # what came before a message that nobody understands is a fact all the same
                await self._append([event for one in told for event in self._events(one, facts, hurry)])

    def _events(self, told: Told, facts: Facts, hurry: asyncio.Event) -> list[Event]:
        if told.is_partial:
            hurry.set()
        for order in told.orders:
            self._note_order(order)
        events: list[Event] = [*told.fills, *told.orders]
        if told.at is not None:
            events += self.statements.positions(facts, told.positions, told.at)
            events += self.statements.balances(facts, told.balances, told.at)
        return events

    async def _known_open(self, account: str) -> dict[str, OrderSeen]:
        if self._open_orders is None:
            known = await self.lease.in_database(orders_still_open, account)
            self._open_orders = {order.venue_order_id: order for order in known}
        return self._open_orders

    def _note_order(self, order: OrderSeen) -> None:
        if self._open_orders is None:
            return
        if order.status in ("working", "partially_filled"):
            self._open_orders[order.venue_order_id] = order
        else:
            self._open_orders.pop(order.venue_order_id, None)

    async def _append(self, events: Sequence[Event]) -> None:
        """Append events; one that contradicts the log is refused by itself, and the rest goes in."""
        if not events:
            return
        try:
            await self.events.append(events)
        except SameKeyOtherContent:
            for event in events:
                await self._append_alone(event)

    async def _append_alone(self, event: Event) -> None:
        try:
            await self.events.append([event])
        except SameKeyOtherContent as refusal:
            # An order's state may come with another time from REST than from the stream: the first word stands.
            if isinstance(event, OrderSeen) or event.key in self._contradictions:
                return
            if len(self._contradictions) < CONTRADICTIONS_MAX:
                self._contradictions.add(event.key)
            self.pulse.refused("contradicts the log", f"{event.key}: {refusal}", encode(event)[1])


def _setup(name: str) -> Setup:
    """Return what a connection of an account is made of; blocking."""
    known = reference()
    account = known.accounts[name]
    venue, assets = known.venues[account.venue], tuple(sorted(known.assets))
    return Setup(account=account, venue=venue, keys=keys_of(name), assets=assets)


async def _first_end(*coroutines: Coroutine[Any, Any, None]) -> None:
    """Run coroutines until one ends or fails, cancel the others, and raise what the first raised."""
    tasks = [asyncio.create_task(coroutine) for coroutine in coroutines]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        await end(tasks)
