"""The recorder as a service: each second a sample of the board and what the feeds put on the tape, into the tables.

While the database is away the tape waits in Redis and samples wait here, both bounded; what falls out is counted.
"""

import asyncio
from collections import Counter, deque
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

import psycopg
import structlog
from django.conf import settings

from hedgeapp.database import conninfo
from hedgeapp.services import Lease
from marketdata.board import AWAY, Board
from marketdata.core.board import RecorderHealth
from marketdata.core.recorded import RECORDED, Kind, Rows, Sampler, Value, nothing, of_batch
from marketdata.core.tape import Losses
from marketdata.recorder.store import Place, Refusal, Store, days_kept

WRITE_S: Final = 1.0  # between two samples, and between two writes
DAYS_AGAIN: Final = timedelta(minutes=1)  # before tables that somebody reads are made and dropped
PAUSE_S: Final = 2.0  # before a database that is away is tried again
BATCHES_MAX: Final = 50  # of the tape, written at once
WAITING_MAX: Final = 20_000  # sampled rows of each kind that wait for the database; the oldest give way
ERROR_LENGTH_MAX: Final = 300  # characters of an error that reach the screen
DATABASE_FAULTS: Final = (psycopg.Error, OSError, TimeoutError)

log = structlog.get_logger()


async def run(lease: Lease) -> None:
    """Record for as long as the lease lasts."""
    board = Board.from_settings()
    recorder = Recorder(board, lease.epoch)
    sampling = asyncio.create_task(recorder.sample())
    try:
        await recorder.write()
    finally:
        sampling.cancel()
        with suppress(asyncio.CancelledError):
            await sampling
        await board.close()


class Recorder:
    """What is recorded by one holder of the service."""

    def __init__(self, board: Board, epoch: int) -> None:
        self.written: Counter[str] = Counter()
        self.lost: Counter[str] = Counter()
        self.error = ""
        self._board = board
        self._epoch = epoch
        self._sampler = Sampler()
        self._waiting: dict[Kind, deque[tuple[Value, ...]]] = {kind: deque() for kind in RECORDED}
        self._days: tuple[date, date] | None = None
        self._days_again_at: datetime | None = None
        self._since = datetime.now(UTC)
        self._written_at: datetime | None = None

    async def sample(self) -> None:
        """Sample the board each second and tell how the recorder does, until canceled."""
        while True:
            now = datetime.now(UTC)
            try:
                self._await(self._sampler.sample(await self._board.read(), now))
            except AWAY as error:
                self.error = f"the board is away: {error}"
            await self._board.post_recorder(self.health(datetime.now(UTC)))
            await asyncio.sleep(WRITE_S)

    async def write(self) -> None:
        """Write what waits, again and again; raise AnotherRecorderWrote when another one has taken over."""
        while True:
            try:
                async with Store(conninfo(), self._epoch) as store:
                    self._days = None
                    await self._write_on(store, await store.begin())
            except DATABASE_FAULTS as error:
                said = f"the database is away: {' '.join(str(error).split())}"
                if said != self.error:
                    log.warning("recorder.database_away", error=said)
                self.error = said
            await asyncio.sleep(PAUSE_S)

    def health(self, at: datetime) -> RecorderHealth:
        """Return how it does at a moment."""
        return RecorderHealth(
            since=self._since,
            posted_at=at,
            written_at=self._written_at,
            written=dict(self.written),
            lost=dict(self.lost),
            waiting=sum(map(len, self._waiting.values())),
            error=self.error[:ERROR_LENGTH_MAX],
        )

    async def _write_on(self, store: Store, place: Place) -> None:
        while True:
            await self._keep_days(store)
            place, is_more = await self._write_once(store, place)
            if not is_more:
                await asyncio.sleep(WRITE_S)

    async def _keep_days(self, store: Store) -> None:
        """Make and drop tables when a day begins; while somebody reads them for long, later: they are made ahead."""
        now = datetime.now(UTC)
        days = days_kept(now.date(), settings.MARKET_DATA_DAYS)
        if days == self._days and (self._days_again_at is None or now < self._days_again_at):
            return
        self._days, self._days_again_at = days, None
        try:
            await store.keep_days(*days)
        except psycopg.errors.LockNotAvailable as error:
            self._days_again_at = now + DAYS_AGAIN
            log.warning("recorder.days_later", error=" ".join(str(error).split()))

    async def _write_once(self, store: Store, before: Place) -> tuple[Place, bool]:
        """Write one batch of samples and tape; return the new place, and whether the tape holds more."""
        try:
            read = await self._board.read_tape(before.entry, BATCHES_MAX)
        except AWAY:
            read = []
        losses, rows, refused = Losses(dict(before.followed)), nothing(), list[Refusal]()
        for _, batch in read:
            try:
                if batch is None:
                    raise ValueError("expected a batch of the tape")
                _add(rows, of_batch(batch))
            except (ValueError, OverflowError):  # of another version of us, or with a time that is none
                losses.lost["unreadable"] = losses.lost.get("unreadable", 0) + 1
                continue
            losses.hear(batch)
            refused += [Refusal(feed=batch.feed, seen=one) for one in batch.refused]
        sampled = self._taken()
        _add(rows, sampled)
        outside = self._leave_outside(rows)
        after = Place(entry=read[-1][0] if read else before.entry, followed=losses.followed)
        try:
            await self._store(store, rows, refused, before, after)
        except BaseException:
            self._await(sampled, first=True)
            raise
        self._count(losses.lost, outside)
        if read:
            await self._board.trim_tape(after.entry)
        return after, len(read) == BATCHES_MAX

    async def _store(self, store: Store, rows: Rows, refused: list[Refusal], before: Place, after: Place) -> None:
        """Write; what PostgreSQL cannot hold is left out and counted, so that it is not tried for ever."""
        try:
            if before != after or any(rows.values()):
                await store.write(rows, refused, before, after)
        except psycopg.DataError as error:
            log.warning("recorder.unwritable", error=" ".join(str(error).split()))
            self.lost["unwritable"] += sum(map(len, rows.values())) + len(refused)
            await store.write(nothing(), [], before, after)
            return
        self.written.update({kind: len(found) for kind, found in rows.items()})
        self.written["refused"] += len(refused)

    def _count(self, lost: dict[str, int], outside: int) -> None:
        self.lost.update(lost)
        if outside:
            self.lost["too old"] += outside
        if lost:
            log.warning("recorder.lost", rows=lost)
        self._written_at, self.error = datetime.now(UTC), ""

    def _taken(self) -> Rows:
        taken = nothing()
        for kind, waiting in self._waiting.items():
            taken[kind] += waiting
            waiting.clear()
        return taken

    def _leave_outside(self, rows: Rows) -> int:
        """Take out rows of days that have no table; return how many."""
        assert self._days is not None
        first, last = self._days
        count = 0
        for kind, found in rows.items():
            kept = [row for row in found if first <= _day(row[0]) <= last]
            count += len(found) - len(kept)
            rows[kind] = kept
        return count

    def _await(self, rows: Rows, *, first: bool = False) -> None:
        """Let sampled rows wait, before all others if they are to be written first."""
        for kind, found in rows.items():
            waiting = self._waiting[kind]
            waiting.extendleft(reversed(found)) if first else waiting.extend(found)
            while len(waiting) > WAITING_MAX:
                waiting.popleft()
                self.lost["samples"] += 1


def _add(rows: Rows, more: Rows) -> None:
    for kind, found in more.items():
        rows[kind] += found


def _day(received_at: Any) -> date:
    return received_at.date()  # type: ignore[no-any-return]
