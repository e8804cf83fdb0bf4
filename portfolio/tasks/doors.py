"""Doors: a gateway per account, open and warm before the first order, made anew when what it is made of changes."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import structlog

from hedgeapp.core.instruments import Instrument
from hedgeapp.core.marks import Mark
from hedgeapp.core.records import record
from hedgeapp.core.reference import Account, Venue
from hedgeapp.core.skew import Skew
from hedgeapp.logs import redacted
from marketdata.operations.credentials import FieldKeyIsMalformed, FieldKeysDoNotDecrypt, FieldKeysMissing
from marketdata.queries.credentials import CredentialMissing, Keys, keys_of, versions_of
from portfolio.core.book import Book
from portfolio.gateways.exchange import ExchangeGateway, NoWord
from portfolio.gateways.protocols import gateway_of
from portfolio.queries.books import FOLLOWING

LOOK_S: Final = 1.0  # how often accounts, venues and keys are looked at
CLOCK_EVERY: Final = timedelta(seconds=10)  # the venue's clock is compared; this also keeps a connection open
CLOCK_AGE_MAX: Final = timedelta(seconds=60)  # an older comparison is not signed with
CLOSE_AFTER_S: Final = 10.0  # a gateway that was replaced may still wait for an answer

log = structlog.get_logger()


class DoorIsShut(Exception):
    """An account's venue cannot be spoken to; `is_final` when only a person can change that."""

    def __init__(self, because: str, *, is_final: bool) -> None:
        self.because, self.is_final = because, is_final
        super().__init__(because)


@record
class Setup:
    """What a gateway is made of; `version` tells one set of keys from another."""

    account: Account
    venue: Venue
    instruments: tuple[Instrument, ...]
    version: str


class Doors:
    """The gateways of one process."""

    def __init__(self, in_database: Callable[..., Awaitable[Any]]) -> None:
        self._in_database = in_database
        self._skew = Skew(time.monotonic(), time.time())
        self._setups: dict[str, Setup] = {}
        self._open: dict[str, ExchangeGateway] = {}
        self._has_looked = False
        self._shut: dict[str, str] = {}  # accounts that have no gateway, and why

    async def keep(self) -> None:
        """Keep a gateway open and its clock read for every account, until canceled."""
        while True:
            try:
                await self.look()
            except Exception as error:  # the database is away: the gateways that are open stay so
                log.warning("doors.look_failed", error=redacted(str(error)), error_kind=type(error).__name__)
            await asyncio.sleep(LOOK_S)

    async def close(self) -> None:
        """Close every gateway."""
        await asyncio.gather(*(gateway.close() for gateway in self._open.values()), return_exceptions=True)

    async def look(self) -> None:
        """Make the gateways that are missing or have changed, and read the clocks that are due."""
        setups: dict[str, Setup] = await self._in_database(_setups)
        for name in self._setups.keys() - setups.keys():
            self._close(name)
            del self._setups[name]
        self._shut = {name: because for name, because in self._shut.items() if name in setups}
        for name, setup in setups.items():
            if setup != self._setups.get(name) or name not in self._open.keys() | self._shut.keys():
                await self._make(setup)
        self._has_looked = True
        if jumped_s := self._skew.jump_s(time.monotonic(), time.time()):
            log.warning("doors.clock_set", jumped_s=jumped_s)
            for gateway in self._open.values():
                gateway.clock_read_at = None  # what it was compared with is a clock that we no longer have
        await asyncio.gather(*(self._read_clock(name, gateway) for name, gateway in self._open.items()))

    def of(self, account: str) -> ExchangeGateway:
        """Return an account's gateway; raise DoorIsShut."""
        gateway = self._open.get(account)
        if gateway is None:
            known = "being opened" if account in self._setups else "not an enabled account of an enabled venue"
            because = self._shut.get(account, f"{account} is {known}")
            # One that is being made anew, for new keys or another address, is open again in a moment.
            is_opening = account in self._setups and account not in self._shut
            raise DoorIsShut(because, is_final=self._has_looked and not is_opening)
        read_at = gateway.clock_read_at
        if read_at is None or datetime.now(UTC) - read_at > CLOCK_AGE_MAX:
            venue = gateway.account.venue
            raise DoorIsShut(f"the clock of {venue} expected, found no answer of it: waiting", is_final=False)
        return gateway

    def all(self) -> dict[str, ExchangeGateway]:
        """Return the gateways that are open, by account, answering or not."""
        return dict(self._open)

    def instruments(self) -> set[str]:
        """Return the instruments of all accounts."""
        return {one.id for name in self._open for one in self._setups[name].instruments}

    async def marks(self) -> list[Mark]:
        """Ask every venue for its marks; one that does not answer tells none."""
        answers = await asyncio.gather(*(gateway.marks() for gateway in self._open.values()), return_exceptions=True)
        return [mark for answer in answers if not isinstance(answer, BaseException) for mark in answer]

    async def _make(self, setup: Setup) -> None:
        name = setup.account.name
        self._close(name)
        self._setups[name] = setup
        try:
            keys: Keys = await self._in_database(keys_of, name, "trade")
        except (CredentialMissing, FieldKeysDoNotDecrypt, FieldKeysMissing, FieldKeyIsMalformed) as missing:
            self._shut[name] = str(missing)
            return
        self._shut.pop(name, None)
        self._open[name] = gateway_of(setup.account, setup.venue, setup.instruments, keys)
        log.info("door.open", account=name, venue=setup.venue.name)

    def _close(self, name: str) -> None:
        gateway = self._open.pop(name, None)
        if gateway is not None:
            _later(CLOSE_AFTER_S, gateway.close)

    async def _read_clock(self, name: str, gateway: ExchangeGateway) -> None:
        read_at = gateway.clock_read_at
        if read_at is not None and datetime.now(UTC) - read_at < CLOCK_EVERY:
            return
        try:
            await gateway.read_clock()
        except NoWord as silence:
            log.warning("door.clock_unread", account=name, because=silence.because)


_closing: set[asyncio.Task[None]] = set()


def _later(after_s: float, close: Callable[[], Awaitable[None]]) -> None:
    async def wait() -> None:
        await asyncio.sleep(after_s)
        await close()

    task = asyncio.create_task(wait())
    _closing.add(task)
    task.add_done_callback(_closing.discard)


def _setups() -> dict[str, Setup]:
    with FOLLOWING.held() as book:
        found = list(_described(book))
    versions = versions_of("trade")
    return {
        account.name: Setup(
            account=account, venue=venue, instruments=instruments, version=versions.get(account.name, "")
        )
        for account, venue, instruments in found
    }


def _described(book: Book) -> Iterable[tuple[Account, Venue, tuple[Instrument, ...]]]:
    catalogue = book.catalogue
    for account in catalogue.accounts.values():
        venue = catalogue.venues.get(account.venue)
        if account.is_enabled and venue is not None and venue.is_enabled:
            ids = (f"{venue.name}:{symbol}" for symbol in account.instruments)
            yield account, venue, tuple(catalogue.instruments[id_] for id_ in ids if id_ in catalogue.instruments)
