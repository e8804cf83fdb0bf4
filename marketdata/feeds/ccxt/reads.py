"""Reads: what REST tells of an account, page by page; it closes every hole that a stream can have."""

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Collection
from datetime import datetime, timedelta
from decimal import Decimal
from typing import ClassVar, Final

from hedgeapp.core.events import Event
from hedgeapp.core.events.balances import CollateralRatios
from hedgeapp.core.events.debts import BorrowRateStated
from hedgeapp.core.events.positions import PositionOpened
from hedgeapp.core.events.trading import FillRecorded, OrderSeen
from hedgeapp.core.instruments import Instrument
from marketdata.core.reference import Specified
from marketdata.feeds.ccxt.facts import Facts, PositionFound, moment
from marketdata.feeds.ccxt.settings import Settings
from marketdata.venues import Client

TRADES_REREAD: Final = 1000  # of the log, by a feed that begins
PAGES_MAX: Final = 1000  # of one history; a longer one is refused
STABLE_TRIES: Final = 5  # readings of trades and position that may disagree, on first contact
INCOME_WINDOW: Final = timedelta(days=7)  # the venues' longest
INCOME_HISTORY: Final = timedelta(days=90)  # as far back as a venue remembers
INCOME_OVERLAP: Final = timedelta(days=1)  # read again, because income is listed late
MISSING_ORDERS_MAX: Final = 100  # orders asked for one by one in a reading


class HistoryIsTooLong(RuntimeError):
    """A history has more pages than are read."""

    def __init__(self, what: str) -> None:
        super().__init__(f"{what}: at most {PAGES_MAX} pages expected, found more: read them in parts by hand")


class PositionWillNotHoldStill(RuntimeError):
    """Trades kept coming while the position was read."""

    def __init__(self, instrument: str) -> None:
        super().__init__(f"{instrument}: {STABLE_TRIES} readings without a new trade between them expected, found none")


class Reads(ABC):
    """One account's REST; a venue's own class asks its endpoints."""

    income_kinds: ClassVar[tuple[str, ...]]

    def __init__(self, client: Client, facts: Facts) -> None:
        self.client = client
        self.facts = facts

    async def verify(self) -> None:
        """Refuse an account that is not of the kind that is read here, in an exception with a sentence."""
        return

    @abstractmethod
    async def specified(self, symbols: Collection[str]) -> Specified:
        """Ask for the specifications of contracts (our symbols)."""

    @abstractmethod
    async def trades(self, instrument: Instrument, from_id: int) -> list[FillRecorded]:
        """Return the account's fills from a trade id on, oldest first."""

    @abstractmethod
    async def positions(self) -> dict[str, PositionFound]:
        """Return the account's positions by instrument id; what the venue does not list is flat."""

    @abstractmethod
    async def balances(self) -> dict[str, Decimal]:
        """Return the account's wallet balances by asset."""

    async def collateral(self) -> tuple[CollateralRatios, ...] | None:
        """Return what each asset counts for as margin: nothing where each settlement asset margins by itself.

        None where the venue's accounts know no other way, so that there is nothing to say.
        """
        return None

    async def borrow_rates(self) -> list[BorrowRateStated]:
        """Return what the account pays for what it borrows; nothing where the venue does not lend by itself."""
        return []

    @abstractmethod
    async def open_orders(self, instrument: Instrument) -> list[OrderSeen]:
        """Return the open orders of a contract."""

    @abstractmethod
    async def order(self, order: OrderSeen) -> OrderSeen | None:
        """Return an order as it is now; None when the venue has forgotten it."""

    @abstractmethod
    async def settings(self) -> Settings:
        """Return how the account holds positions and margin."""

    @abstractmethod
    def income_of(self, kind: str, since: datetime, until: datetime) -> AsyncIterator[Event]:
        """Yield the fundings, transfers or interest of a window."""

    def reread_from(self, last: FillRecorded) -> int:
        """Return from which trade id on fills are read after one of them."""
        return int(last.trade_id) + 1

    async def first_contact(self, instrument: Instrument) -> list[Event]:
        """Return how an instrument that the log does not know came to its position.

        These are its fills when all of them add up to the position; else the position, opened with what the venue says
        of it, with every trade until then inside.
        """
        fills = await self.trades(instrument, 0)
        for _ in range(STABLE_TRIES):
            at = moment(await self.client.server_ms())
            position = (await self.positions())[instrument.id]
            newer = await self.trades(instrument, int(fills[-1].trade_id) + 1 if fills else 0)
            if not newer:
                return list(_opened(self.facts.account, instrument.id, fills, position, at))
            fills += newer
        raise PositionWillNotHoldStill(instrument.id)

    async def orders(self, open_before: dict[str, OrderSeen]) -> tuple[list[OrderSeen], dict[str, OrderSeen]]:
        """Return the open orders and how those ended that were open before; and those that are to be asked for next.

        No more than MISSING_ORDERS_MAX are asked for in one reading.
        """
        found: dict[str, OrderSeen] = {}
        for instrument in self.facts.instruments:
            for listed in await self.open_orders(instrument):
                found[listed.venue_order_id] = listed
        missing = [order for id_, order in open_before.items() if id_ not in found]
        for order in missing[:MISSING_ORDERS_MAX]:
            if ended := await self.order(order):
                found[ended.venue_order_id] = ended
        return list(found.values()), {order.venue_order_id: order for order in missing[MISSING_ORDERS_MAX:]}

    async def income(self, known_at: datetime | None, now: datetime) -> list[Event]:
        """Return fundings, transfers and interest since shortly before `known_at`; on first contact all of them."""
        begin = now - INCOME_HISTORY
        if known_at is not None:
            begin = max(begin, known_at - INCOME_OVERLAP)
        found: list[Event] = []
        until = now
        while until > begin:
            since = max(begin, until - INCOME_WINDOW + timedelta(seconds=1))
            window = [event for kind in self.income_kinds async for event in self.income_of(kind, since, until)]
            found += window
            if not window and known_at is None:
                break  # nothing so far back: the account is younger
            until = since
        return sorted(found, key=lambda event: event.at)


def _opened(
    account: str, instrument: str, fills: list[FillRecorded], position: PositionFound, at: datetime
) -> list[Event]:
    held = sum(fill.quantity if fill.side == "buy" else -fill.quantity for fill in fills)
    if held == position.quantity:
        return list(fills)
    return [
        PositionOpened(
            at=at,
            account=account,
            instrument=instrument,
            quantity=position.quantity,
            entry_price=position.entry_price or Decimal(0),
            last_trade_id=fills[-1].trade_id if fills else "0",
        )
    ]


def milliseconds(at: datetime) -> int:
    """Return a time as venues are told it."""
    return round(at.timestamp() * 1000)
