"""The engine: events and marks in; exposure, proposals and frames out.

It holds the book (a fold of the log) and the latest marks, measures exposure whenever one of them changed, gives the
presenter a frame four times a second, and writes the marks in use into the log once a second. When an exposure leaves
its band it proposes a hedge; it sends nothing. Once a second it prices what is minted against, pauses that when it
must, calls for people, and says what collateral it wants moved.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import structlog

from hedgeapp.core.events.marks import MarksTaken
from hedgeapp.core.events.orders import HedgeProposed
from hedgeapp.core.marks import Mark
from hedgeapp.database import conninfo
from hedgeapp.ending import together
from hedgeapp.eventlog.append import AsyncLog, SameKeyOtherContent
from hedgeapp.eventlog.stream import follow
from hedgeapp.services import Lease
from marketdata.board import Board
from marketdata.core.board import FeedHealth
from portfolio.core.book import Book
from portfolio.core.exposure import exposure
from portfolio.core.frames import Frame, frame
from portfolio.core.hedging import proposals
from portfolio.core.latency import Latency
from portfolio.core.rows import ExposureRow
from portfolio.core.workings import Workings
from portfolio.inspector import Inspector
from portfolio.mover import Mover
from portfolio.operations.books import restored_book
from portfolio.operations.frames import keep_frame
from portfolio.pricer import Pricer
from portfolio.screen.handover import Handover
from portfolio.watchman import Watchman, looking

MEASURE_S = 0.01  # marks alone change the exposure no more often; a fact is measured at once
PROPOSE_S = 0.25  # from one change of the proposals to the next
AGAIN_S = 0.1  # while a currency is out of its band or a proposal stands, it is decided again this often
FRAME_S = LADDER_S = 0.25  # the screen and the ladders that programs follow change this often
EPOCH = datetime.fromtimestamp(0, UTC)
SECOND_S = 1.0  # marks enter the log, frames are kept and feeds' health is read this often
# After the full second: midway between frames, which wait for nothing.
KEEP_AT_S, PRICE_AT_S, MOVE_AT_S = 0.125, 0.375, 0.625
LADDER_AT_S = 0.0625

log = structlog.get_logger()


async def run(lease: Lease) -> None:
    """Keep the book, the exposure and its frames live for as long as the lease lasts."""
    book = await lease.in_database(restored_book)
    engine = Engine(lease, book)
    async with contextlib.aclosing(engine):
        await together(
            engine.follow_log(),
            engine.follow_board(),
            engine.measure(),
            engine.propose(),
            engine.show(),
            engine.each_second(),
            engine.price(),
            engine.quote(),
            engine.move(),
        )


class Engine:
    """The state of the loop: book, marks, health, and what was measured last."""

    def __init__(self, lease: Lease, book: Book) -> None:
        self.lease = lease
        self.book = book
        self.marks: dict[tuple[str, str], Mark] = {}
        self.feeds: tuple[FeedHealth, ...] = ()
        self.exposure: tuple[ExposureRow, ...] = ()
        self.shown: Frame | None = None
        self._workings = Workings()
        self._latency = Latency()
        self._changed = asyncio.Event()
        self._is_fact = asyncio.Event()  # what changed is not only marks
        self._measured = asyncio.Event()
        self._again_at: dict[str, float] = {}
        self._board = Board.from_settings()
        self._log = AsyncLog(conninfo(), fence=lease.fence)
        self._handover = Handover()
        self._pricer = Pricer(lease, self._board, self._log)
        self._inspector = Inspector(self._log)
        self._watchman = Watchman(self._log, looking(lease))
        self._mover = Mover(lease)
        # Frames of a later holder must come after those of an earlier one.
        self._number = lease.epoch << 32

    async def aclose(self) -> None:
        """Close the connections to the log, the board and the presenter."""
        await self._handover.aclose()
        await self._log.close()
        await self._board.close()

    async def follow_log(self) -> None:
        """Fold what the log takes."""
        async for batch in follow(conninfo(), after=self.book.seq):
            self.book.fold(batch)
            self._changed.set()
            if not all(isinstance(recorded.event, MarksTaken) for recorded in batch):
                self._is_fact.set()

    async def follow_board(self) -> None:
        """Take the latest marks as they come."""
        async for marks in self._board.follow():
            # Feeds post everything again now and then, for a board that lost its memory: only news is timed.
            self._latency.arrived(mark for mark in marks if self.marks.get((mark.subject, mark.kind)) != mark)
            self.marks.update({(mark.subject, mark.kind): mark for mark in marks})
            self._changed.set()

    async def measure(self) -> None:
        """Measure exposure at once after each fact, and after changes of marks at most every `MEASURE_S`."""
        while True:
            await self._changed.wait()
            self._changed.clear()
            self._is_fact.clear()
            self.exposure = exposure(self.book, self.marks, _now(), self.feeds, self._workings)
            self._latency.measured(_now())
            self._measured.set()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(MEASURE_S):
                    await self._is_fact.wait()

    async def propose(self) -> None:
        """Propose hedges and close proposals as soon as the exposure asks for it, at most every `PROPOSE_S`."""
        appended = 0
        while True:
            await self._measured.wait()
            self._measured.clear()
            # What we appended last must be in the book before it is decided again.
            if self.book.seq >= appended and (seq := await self._propose()):
                appended = seq
                await asyncio.sleep(PROPOSE_S)

    async def _propose(self) -> int:
        """Append what ought to be in the log now; return the last seq of it, 0 when there is nothing new."""
        rows = self._to_decide()
        events = proposals(self.book, rows, self.marks, _now(), self.feeds) if rows else ()
        if not events:
            return 0
        try:
            taken = await self._log.append(events)
        except SameKeyOtherContent as known:
            # Somebody else said the same of this proposal; the book will know in a moment.
            log.info("engine.proposal_known", reason=str(known))
            await asyncio.sleep(PROPOSE_S)
            return 0
        for event in events:
            log.info("engine.proposed" if isinstance(event, HedgeProposed) else "engine.proposal_closed", key=event.key)
        return taken[-1].seq if taken else 0

    def _to_decide(self) -> list[ExposureRow]:
        """Return the rows to decide on: at once when one leaves its band, then every `AGAIN_S`."""
        now = asyncio.get_running_loop().time()
        hedged = {one.currency for one in self.book.proposals.values()}
        rows = [row for row in self.exposure if row.band_state == "outside" or row.currency in hedged]
        due = [row for row in rows if self._again_at.get(row.currency, now) <= now]
        self._again_at = {row.currency: self._again_at.get(row.currency, now) for row in rows}
        self._again_at |= dict.fromkeys((row.currency for row in due), now + AGAIN_S)
        return due

    async def show(self) -> None:
        """Give a frame to the presenter every `FRAME_S`, changed or not: ages and states change by themselves."""
        async for at in _ticks(FRAME_S):
            self._number += 1
            made = frame(self.book, self.marks, self.feeds, number=self._number, at=at, workings=self._workings)
            self.shown = replace(made, prices=self._pricer.shown)
            await self._handover.give(self.shown)

    async def each_second(self) -> None:
        """Read the feeds' health, put the marks in use into the log, keep the frame that was shown."""
        async for at in _ticks(SECOND_S, KEEP_AT_S):
            self.feeds = await self._board.read_health()
            await self._board.post_latency(self._latency.summary())
            if self.marks:
                await self._take_marks(at.replace(microsecond=0))
            if self.shown:
                await self.lease.in_database(keep_frame, self.shown)

    async def price(self) -> None:
        """Price what is offered, pause or resume mint and redeem, suspend what is off, call for people, each second."""
        async for at in _ticks(SECOND_S, PRICE_AT_S):
            if self.shown:
                await self._pricer.step(self.book, self.marks, self.feeds, self.shown, at)
                await self._inspector.step(self.book, self.marks, self.feeds, at)
                await self._watchman.step(self.book, self.shown, at)

    async def quote(self) -> None:
        """Price the ladders that programs follow from whatever the market is by now, at most every `LADDER_S`."""
        async for at in _ticks(LADDER_S, LADDER_AT_S):
            if self.shown:
                await self._pricer.step_ladders(self.book, self.marks, self.feeds, self.shown, at)

    async def move(self) -> None:
        """Say what collateral ought to be moved, and what of that is over, every second."""
        async for at in _ticks(SECOND_S, MOVE_AT_S):
            if self.shown:
                await self._mover.step(self.book, self.marks, self.feeds, self.shown, at)

    async def _take_marks(self, at: datetime) -> None:
        taken = tuple(self.marks[key] for key in sorted(self.marks))
        try:
            await self._log.append([MarksTaken(at=at, marks=taken)])
        except SameKeyOtherContent:
            # The holder before us took the marks of this second; one a second is enough.
            log.info("engine.marks_taken_already", at=at.isoformat())


async def _ticks(period_s: float, after_s: float = 0.0) -> AsyncIterator[datetime]:
    """Yield the time so long after each multiple of a period, once each, skipping those that were missed."""
    period, first = timedelta(seconds=period_s), EPOCH + timedelta(seconds=after_s)
    last = first
    while True:
        now = _now()
        # A sleep may end a little early: the same tick must not come twice.
        last = max(now - (now - first) % period, last) + period
        await asyncio.sleep((last - now).total_seconds())
        yield max(_now(), last)


def _now() -> datetime:
    return datetime.now(UTC)
