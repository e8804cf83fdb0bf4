"""The pricer: the engine's prices, and the pauses of mint and redeem that follow from them."""

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import Final

import structlog

from hedgeapp.eventlog.append import AsyncLog, SameKeyOtherContent
from hedgeapp.services import Lease
from marketdata.board import AWAY, Board
from marketdata.core.board import Depth, FeedHealth
from portfolio.core.book import Book
from portfolio.core.capacity import capacities
from portfolio.core.fees import PaidRate
from portfolio.core.frames import Frame
from portfolio.core.minting import Standing, standing
from portfolio.core.minting_watch import Watch, decided, faults
from portfolio.core.price_market import Market
from portfolio.core.price_sheets import AssetPrices, PriceSheet, asset_ladder, asset_prices, offered, sheet_of
from portfolio.core.valuation import Marks, Valuation
from portfolio.queries.fees import taker_rates
from portfolio.screen import ladder_documents
from portfolio.screen.ladder_stream import CAPACITY, PRICES, LadderStream
from portfolio.screen.price_stream import PriceStream

PAID_S: Final = 30.0  # what the venues took of our latest fills is read this often

log = structlog.get_logger()


class Pricer:
    """What the engine knows of prices: the latest sheet, and since when something is wrong."""

    def __init__(self, lease: Lease, board: Board, events: AsyncLog) -> None:
        self.shown: PriceSheet | None = None
        self._lease, self._board, self._log = lease, board, events
        self._stream = PriceStream()
        self._ladders = LadderStream()
        self._watch = Watch()
        self._paid: dict[str, PaidRate] = {}
        self._paid_at: datetime | None = None
        self._appended = 0

    async def step(self, book: Book, marks: Marks, feeds: tuple[FeedHealth, ...], frame: Frame, at: datetime) -> None:
        """Price everything that is offered, show it, and append the pauses and resumptions that are due."""
        paid = await self._rates(book, at)
        depths = await self._depths()
        made = await _sheet(Market(Valuation(book, dict(marks), at, feeds), depths, paid))
        self.shown = made.bare()
        if book.seq >= self._appended:  # what we appended last must be in the book before it is decided again
            await self._decide(book, made, frame, at)
        await self._stream.publish(made, self._standing(book, frame))

    async def step_ladders(
        self, book: Book, marks: Marks, feeds: tuple[FeedHealth, ...], frame: Frame, at: datetime
    ) -> None:
        """Price every ladder that programs follow, and what the minting contracts still take, when that is wanted."""
        if not await self._ladders.is_due():
            return
        valuation = Valuation(book, dict(marks), at, feeds)
        market = Market(valuation, await self._depths(), await self._rates(book, at))
        made = await _sheet(market, asset_ladder)
        stands = self._standing(book, frame)
        told = ladder_documents.capacity(at, capacities(valuation, stands), stands)
        await self._ladders.publish({PRICES: ladder_documents.prices(made, stands), CAPACITY: told})

    async def _decide(self, book: Book, made: PriceSheet, frame: Frame, at: datetime) -> None:
        stands = self._standing(book, frame)
        found = faults(made, frame.exposure, frame.margin, frame.feeds, book, stands)
        events, self._watch = decided(book.minting, found, self._watch, at)
        if not events:
            return
        try:
            taken = await self._log.append(events)
        except SameKeyOtherContent as known:
            log.info("pricer.pause_known", reason=str(known))
            return
        self._appended = taken[-1].seq if taken else self._appended
        for event in events:
            log.warning("minting." + type(event).__name__.removeprefix("Minting").lower(), reason=event.reason)

    def _standing(self, book: Book, frame: Frame) -> Standing:
        return standing(book.minting, book.halts, frame.minting.starting)

    async def _rates(self, book: Book, at: datetime) -> dict[str, PaidRate]:
        if self._paid_at is None or (at - self._paid_at).total_seconds() >= PAID_S:
            self._paid_at = at
            self._paid = await self._lease.in_database(taker_rates, dict(book.catalogue.instruments))
        return self._paid

    async def _depths(self) -> dict[str, Depth]:
        try:
            return await self._board.read_depths()
        except AWAY:
            return {}  # each price says that it has no book


async def _sheet(market: Market, priced: Callable[[str, Market], AssetPrices] = asset_prices) -> PriceSheet:
    """Price one asset after the other, and let the engine go on in between: a breach must not wait for prices."""
    rows = []
    for asset in offered(market):
        rows.append(priced(asset, market))
        await asyncio.sleep(0)
    return sheet_of(market, rows)
