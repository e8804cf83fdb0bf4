"""Reads: what REST tells of an account, page by page; it closes every hole that a stream can have."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

import ccxt

from hedgeapp.core.events import Event
from hedgeapp.core.events.positions import PositionOpened
from hedgeapp.core.events.trading import FillRecorded, OrderSeen
from hedgeapp.core.instruments import Instrument
from marketdata.feeds.ccxt.facts import Facts, PositionFound, Raw, moment
from marketdata.venues import Client

TRADES_PAGE: Final = 1000  # rows in an answer, the venue's most
INCOME_PAGE: Final = 1000
PAGES_MAX: Final = 1000  # of one history; a longer one is refused
STABLE_TRIES: Final = 5  # readings of trades and position that may disagree, on first contact
INCOME_WINDOW: Final = timedelta(days=7)  # the venue's longest
INCOME_HISTORY: Final = timedelta(days=90)  # as far back as the venue remembers
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


class Reads:
    """One account's REST."""

    def __init__(self, client: Client, facts: Facts) -> None:
        self.client = client
        self.facts = facts

    async def trades(self, instrument: Instrument, from_id: int) -> list[FillRecorded]:
        """Return the account's fills from a trade id on, oldest first."""
        found: list[FillRecorded] = []
        for _ in range(PAGES_MAX):
            rows = await self.client.call("trades", symbol=instrument.venue_symbol, fromId=from_id, limit=TRADES_PAGE)
            found += [fill for row in rows if (fill := self.facts.fill_of_row(row))]
            if len(rows) < TRADES_PAGE:
                return found
            from_id = int(rows[-1]["id"]) + 1
        raise HistoryIsTooLong(f"trades of {instrument.id}")

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

    async def positions(self) -> dict[str, PositionFound]:
        """Return the account's positions by instrument id."""
        return self.facts.positions_of_rows(await self.client.call("positions"))

    async def account(self) -> Raw:
        """Return the account's assets as the venue tells them."""
        answer: Raw = await self.client.call("account")
        return answer

    async def orders(self, open_before: dict[str, OrderSeen]) -> tuple[list[OrderSeen], dict[str, OrderSeen]]:
        """Return the open orders and how those ended that were open before; and those that are to be asked for next.

        No more than MISSING_ORDERS_MAX are asked for in one reading.
        """
        found: dict[str, OrderSeen] = {}
        for instrument in self.facts.instruments:
            for row in await self.client.call("open_orders", symbol=instrument.venue_symbol):
                if order := self.facts.order_of_row(row):
                    found[order.venue_order_id] = order
        missing = [order for id_, order in open_before.items() if id_ not in found]
        for order in missing[:MISSING_ORDERS_MAX]:
            symbol = self.facts.spelling.theirs(order.instrument)
            try:
                row = await self.client.call("order", symbol=symbol, orderId=order.venue_order_id)
            except ccxt.OrderNotFound:
                continue  # the venue has forgotten it
            if ended := self.facts.order_of_row(row):
                found[ended.venue_order_id] = ended
        return list(found.values()), {order.venue_order_id: order for order in missing[MISSING_ORDERS_MAX:]}

    async def income(self, known_at: datetime | None, now: datetime) -> list[Event]:
        """Return fundings and transfers since shortly before `known_at`; on first contact all that there are."""
        begin = now - INCOME_HISTORY
        if known_at is not None:
            begin = max(begin, known_at - INCOME_OVERLAP)
        found: list[Event] = []
        until = now
        while until > begin:
            since = max(begin, until - INCOME_WINDOW + timedelta(seconds=1))
            window = [event for kind in ("FUNDING_FEE", "TRANSFER") async for event in self._income(kind, since, until)]
            found += window
            if not window and known_at is None:
                break  # nothing so far back: the account is younger
            until = since
        return sorted(found, key=lambda event: event.at)

    async def _income(self, kind: str, since: datetime, until: datetime) -> AsyncIterator[Event]:
        for page in range(1, PAGES_MAX + 1):
            rows = await self.client.call(
                "income",
                incomeType=kind,
                startTime=_milliseconds(since),
                endTime=_milliseconds(until),
                limit=INCOME_PAGE,
                page=page,
            )
            for row in rows:
                if event := self.facts.income_of_row(row):
                    yield event
            if len(rows) < INCOME_PAGE:
                return
        raise HistoryIsTooLong(f"{kind} of {self.facts.account}")


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


def _milliseconds(at: datetime) -> int:
    return round(at.timestamp() * 1000)
