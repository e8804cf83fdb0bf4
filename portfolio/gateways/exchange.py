"""Exchange: one account's orders at its venue: place, cancel, find; each call answered within a time of its own.

The venue itself is the fence: a request to place is signed with the time at which its order was marked as sent, in the
venue's clock, and with a short window. However late a stopped process sends it, the venue refuses it.
"""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, Final

import ccxt

from hedgeapp.core.events.orders import OrderIntended, OrderSent
from hedgeapp.core.events.trading import OrderSeen
from hedgeapp.core.instruments import Instrument
from hedgeapp.core.marks import Mark, MarkKind
from hedgeapp.core.reference import Account, Venue
from marketdata.feeds.ccxt.facts import FactIsMalformed, moment, number
from marketdata.feeds.ccxt.protocols import PROTOCOLS
from marketdata.feeds.ccxt.reads import milliseconds
from marketdata.queries.credentials import Keys
from marketdata.venues import Client, Lifetime
from portfolio.gateways.outcomes import CODES, NotKnown, NoWord, Rejected, refusal

PLACE_S_MAX: Final = 5.0  # an order whose answer takes longer is unknown; longer than the venue may take it
CANCEL_S_MAX: Final = 3.0
FIND_S_MAX: Final = 3.0
READ_S_MAX: Final = 5.0  # open orders
MARKS_S_MAX: Final = 1.0
CLOCK_S_MAX: Final = 3.0

_MARK_FIELDS: Final[tuple[tuple[MarkKind, str], ...]] = (("mark", "markPrice"), ("index", "indexPrice"))


class ExchangeGateway(ABC):
    """One account's door to its venue.

    A venue's own class says how it is asked.

    Every call raises NoWord when the venue did not answer in time, or not plainly; what it raises besides is said at
    each.
    """

    def __init__(self, account: Account, venue: Venue, instruments: Iterable[Instrument], keys: Keys) -> None:
        self.account = account
        self._client = Client(venue, keys, is_patient=False)
        self._protocol = PROTOCOLS[venue.protocol]
        self._facts = self._protocol.reads(self._client, account.name, instruments, ()).facts
        self._codes = CODES[venue.protocol]
        self.clock_read_at: datetime | None = None  # when the venue's clock was last compared with ours

    def trades(self, instrument: str) -> bool:
        """Tell whether the account trades an instrument, as far as this gateway knows."""
        return any(one.id == instrument for one in self._facts.instruments)

    async def read_clock(self) -> None:
        """Open the connection, if there is none, and compare the venue's clock with ours."""
        try:
            async with asyncio.timeout(CLOCK_S_MAX):
                await self._client.server_ms()
        except (ccxt.BaseError, OSError, TimeoutError, LookupError, ValueError) as error:
            raise NoWord(_because(error, CLOCK_S_MAX)) from error
        self.clock_read_at = datetime.now(UTC)

    @abstractmethod
    async def place(self, order: OrderIntended, sent: OrderSent) -> OrderSeen:
        """Send an order that was marked as sent, and return what the venue made of it; raises Rejected."""

    @abstractmethod
    async def find(self, instrument: str, client_order_id: str) -> OrderSeen:
        """Return an order as the venue has it, under our id; raises NotKnown."""

    @abstractmethod
    async def cancel(self, instrument: str, *, client_order_id: str = "", venue_order_id: str = "") -> OrderSeen:
        """Cancel an order by our id or the venue's and return how it ended; raises NotKnown when it is not open."""

    @abstractmethod
    async def cancel_all(self, instrument: str) -> None:
        """Cancel every open order of an instrument, whoever sent it."""

    @abstractmethod
    async def open_orders(self) -> list[OrderSeen]:
        """Return every open order of the account in its instruments, whoever sent it."""

    async def marks(self) -> list[Mark]:
        """Return mark and index price of the account's instruments."""
        try:
            async with asyncio.timeout(MARKS_S_MAX):
                rows = rows_of(await self._protocol.prices(self._client))
        except (ccxt.BaseError, OSError, TimeoutError, LookupError, TypeError, FactIsMalformed) as error:
            raise NoWord(_because(error, MARKS_S_MAX)) from error
        at, found = datetime.now(UTC), []
        for row in rows:
            instrument = self._facts.spelling.instruments.get(str(row.get("symbol")))
            if instrument is not None:
                found += [self._mark(instrument, row, kind, field, at) for kind, field in _MARK_FIELDS]
        return found

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()

    async def _asked(self, within_s: float, method: str, lifetime: Lifetime | None = None, **parameters: Any) -> Any:
        """Return the body of an answer that refuses nothing."""
        try:
            async with asyncio.timeout(within_s):
                answer = await self._client.answered(method, lifetime, **parameters)
        except (ccxt.BaseError, OSError, TimeoutError) as error:
            raise NoWord(_because(error, within_s)) from error
        if found := refusal(self._codes, answer):
            raise found
        return answer.body

    def _order(self, row: Any) -> OrderSeen:
        try:
            order = self._facts.order_of_row(row)
        except (FactIsMalformed, AttributeError) as error:
            raise NoWord(f"the venue's answer cannot be read: {error}") from error
        if order is None:
            raise NoWord(f"the venue answered about {row.get('symbol')}, which is not an instrument of the account")
        return order

    def _this(self, row: Any, instrument: str, *, client_order_id: str = "", venue_order_id: str = "") -> OrderSeen:
        """Return what the venue says of the order that it was asked about: its word on another one is none."""
        seen = self._order(row)
        is_named = client_order_id in ("", seen.client_order_id) and venue_order_id in ("", seen.venue_order_id)
        if seen.instrument != instrument or not is_named:
            asked = client_order_id or venue_order_id
            raise NoWord(f"the venue was asked about {asked} and answered about {seen.venue_order_id}")
        return seen

    def _symbol(self, instrument: str) -> str:
        return self._facts.spelling.theirs(instrument)

    def _lifetime(self, sent: OrderSent) -> Lifetime:
        """Return from when on, in the venue's clock, and how long a request may be taken."""
        behind_ms = int(self._client.exchange.options["timeDifference"])
        window_ms = milliseconds(sent.valid_until) - milliseconds(sent.at)
        return Lifetime(signed_ms=milliseconds(sent.at) - behind_ms, window_ms=window_ms)

    def _mark(self, instrument: Instrument, row: Any, kind: MarkKind, field: str, at: datetime) -> Mark:
        try:
            value, told_at = number("mark", row, field), moment(int(row["time"]))
        except (FactIsMalformed, LookupError, TypeError, ValueError) as error:
            raise NoWord(f"the venue's marks cannot be read: {error}") from error
        source = f"{self.account.venue} asked"
        return Mark(subject=instrument.id, kind=kind, value=value, at=told_at, received_at=at, source=source)


def rows_of(body: Any) -> list[Any]:
    """Return the rows of an answer, a single one as well; raises NoWord."""
    if isinstance(body, dict):
        return [body]
    if not isinstance(body, list):
        raise NoWord(f"a list expected of the venue, found {type(body).__name__}")
    return body


def _because(error: BaseException, within_s: float) -> str:
    if isinstance(error, TimeoutError | ccxt.RequestTimeout):
        return f"no answer of the venue within {within_s:g} s"
    # ccxt's texts name the URL, which is signed.
    return f"no answer of the venue: {type(error).__name__}"


__all__ = ["ExchangeGateway", "NoWord", "NotKnown", "Rejected"]
