"""Protocol: what the service of an account needs to know of how its venue speaks."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field
from datetime import datetime
from decimal import Decimal
from typing import Any, Protocol

from hedgeapp.core.events.trading import FillRecorded, OrderSeen
from hedgeapp.core.instruments import Instrument
from hedgeapp.core.records import record
from marketdata.feeds.ccxt.facts import Facts, PositionFound, Raw
from marketdata.feeds.ccxt.reads import Reads
from marketdata.venues import Client


@record
class Door:
    """Where the private stream is, and what is sent there first; each is answered before the stream counts as open.

    `pong` is what answers a ping where that is a bare text.
    """

    url: str
    greetings: Sequence[Mapping[str, Any]] = ()
    pong: str = ""


@record
class Told:
    """What a private message tells; `is_partial` when only REST tells the whole."""

    fills: Sequence[FillRecorded] = ()
    orders: Sequence[OrderSeen] = ()
    positions: Mapping[str, PositionFound] = field(default_factory=dict)
    balances: Mapping[str, Decimal] = field(default_factory=dict)
    at: datetime | None = None  # of positions and balances
    is_partial: bool = False


class AccountProtocol(Protocol):
    """One protocol's accounts."""

    def reads(self, client: Client, account: str, instruments: Iterable[Instrument], assets: Iterable[str]) -> Reads:
        """Return what reads an account's REST; its `facts` are the account's."""
        ...

    async def door(self, client: Client) -> Door:
        """Return where the account's private stream is."""
        ...

    async def renew(self, client: Client) -> None:
        """Keep the private stream from ending, until canceled."""
        ...

    def is_answer(self, message: Raw, greeting: Mapping[str, Any]) -> bool:
        """Tell whether a message answers a greeting; raise StreamBroke when it refuses it."""
        ...

    def is_pong(self, message: Raw) -> bool:
        """Tell whether a message answers a ping."""
        ...

    def told(self, message: Raw, facts: Facts) -> Told:
        """Read a private message; raise StreamBroke when it ends the stream, FactIsMalformed when it lacks a field."""
        ...

    async def prices(self, client: Client) -> list[dict[str, Any]]:
        """Ask the venue for its prices, without a key: rows with symbol, markPrice, indexPrice and time (ms)."""
        ...
