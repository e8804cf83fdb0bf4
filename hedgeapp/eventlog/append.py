"""Append: facts into the log, in one total order, each once.

`append` works in the caller's transaction. `AsyncLog` has a connection and short transactions of its own and survives
reconnects: an append whose commit was not answered is simply made again, because every event has a key.
"""

import asyncio
import contextlib
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, Final

import psycopg
import structlog
from psycopg import pq
from psycopg.rows import tuple_row

from hedgeapp.core.events import Event, Recorded
from hedgeapp.eventlog import witness
from hedgeapp.eventlog.fences import EpochIsOver as EpochIsOver
from hedgeapp.eventlog.fences import Fence as Fence
from hedgeapp.eventlog.steps import (
    BOUNDS,
    COPY,
    LOCK,
    LOCK_ID,
    LOCK_WAIT_MS_MAX,
    SILENCE_MS_MAX,
    Encoded,
    Request,
    Statement,
    Word,
    appending,
    encoded,
)
from hedgeapp.eventlog.steps import KeyIsMalformed as KeyIsMalformed
from hedgeapp.eventlog.steps import SameKeyOtherContent as SameKeyOtherContent
from hedgeapp.eventlog.steps import TooManyEvents as TooManyEvents

BATCH_EVENTS: Final = 1_000  # events in one transaction, to hold the lock shortly
AWAY_S_MAX: Final = 10.0  # how long PostgreSQL may be away before an append fails
PAUSE_S: Final = 0.2  # between two attempts
CONNECT_S_MAX: Final = 3
STATEMENT_MS_MAX: Final = 20_000

# Whoever holds the lock and keeps the server waiting for its next word (stopped, half open) is put out.
_PUT_OUT = f"""
SELECT activity.pid, pg_terminate_backend(activity.pid)
  FROM pg_locks AS held JOIN pg_stat_activity AS activity USING (pid)
 WHERE held.locktype = 'advisory' AND held.granted AND held.objsubid = 1
   AND held.database = (SELECT oid FROM pg_database WHERE datname = current_database())
   AND (held.classid::bigint << 32 | held.objid::bigint) = {LOCK_ID}
   AND activity.wait_event_type = 'Client'
   AND greatest(activity.query_start, activity.state_change)
       < clock_timestamp() - interval '{SILENCE_MS_MAX - 1_000} milliseconds'
"""

log = structlog.get_logger()


class NoTransaction(RuntimeError):
    """The log was locked outside of a transaction, where the lock would be released at once."""

    def __init__(self) -> None:
        super().__init__("an open transaction expected, found autocommit: begin one, then append")


class LogIsBusy(psycopg.errors.LockNotAvailable):
    """Somebody else held the log's lock for too long; nothing was written."""

    def __init__(self) -> None:
        wait_s = LOCK_WAIT_MS_MAX / 1000
        super().__init__(f"the log's lock expected within {wait_s:g} s, found it held: nothing was written, try again")


class LogIsAway(ConnectionError):
    """PostgreSQL could not be reached, or its lock not had, for too long."""

    def __init__(self, error: BaseException) -> None:
        super().__init__(f"the log expected to be back within {AWAY_S_MAX:.0f} s, found: {error}; append again later")


def lock(connection: psycopg.Connection[Any]) -> None:
    """Take the log's lock until the transaction ends: the first statement of an operation that loads, then appends.

    Refuses with LogIsBusy, NoTransaction.
    """
    _require_transaction(connection)
    try:
        _ask(connection, [(BOUNDS, ()), (LOCK, ())])
    except psycopg.errors.LockNotAvailable as error:
        raise LogIsBusy from error


def append(
    connection: psycopg.Connection[Any], events: Iterable[Event], *, at: datetime, fence: Fence | None = None
) -> list[Recorded]:
    """Append events in the caller's transaction and return those that were new, in log order.

    The word of whoever it is done for follows them (`witness`). `connection` is psycopg's (Django's is
    `connection.connection` inside `atomic`), `at` becomes `recorded_at`. Refuses with SameKeyOtherContent, EpochIsOver,
    NoTransaction, TooManyEvents; psycopg.errors.LockNotAvailable says that the lock could not be had within
    LOCK_WAIT_MS_MAX.
    """
    return append_encoded(connection, encoded(events), at=at, fence=fence, word=witness.word)


def append_encoded(
    connection: psycopg.Connection[Any],
    offered: Sequence[Encoded],
    *,
    at: datetime,
    fence: Fence | None = None,
    word: Word | None = None,
) -> list[Recorded]:
    """Append events that were encoded before, and what `word` says of their seqs behind them."""
    _require_transaction(connection)
    steps, answer = appending(offered, at, fence, word), None
    while True:
        try:
            request = steps.send(answer)
        except StopIteration as end:
            return end.value  # type: ignore[no-any-return]
        answer = _answered(connection, request)


def _require_transaction(connection: psycopg.Connection[Any]) -> None:
    if connection.autocommit and connection.info.transaction_status == pq.TransactionStatus.IDLE:
        raise NoTransaction


def _ask(connection: psycopg.Connection[Any], statements: list[Statement]) -> list[list[Any]]:
    # A cursor of our own class: Django's would put the parameters into the text.
    cursors = [psycopg.Cursor(connection, row_factory=tuple_row) for _ in statements]
    with connection.pipeline():
        for cursor, (text, parameters) in zip(cursors, statements, strict=True):
            cursor.execute(text, parameters, binary=True, prepare=True)
    # Once the pipeline has ended: asked for within, the answers would cost a round trip of their own.
    return [cursor.fetchall() for cursor in cursors]


def _answered(connection: psycopg.Connection[Any], request: Request) -> list[list[Any]] | None:
    if isinstance(request, list):
        return _ask(connection, request)
    with psycopg.Cursor(connection).copy(COPY) as copy:
        for block in request:
            copy.write(block)
    return None


async def lock_async(connection: psycopg.AsyncConnection[Any]) -> None:
    """Take the log's lock until the transaction ends, on an async connection."""
    await _ask_async(connection, [(BOUNDS, ()), (LOCK, ())])


async def append_async(
    connection: psycopg.AsyncConnection[Any], offered: Sequence[Encoded], *, at: datetime, fence: Fence | None = None
) -> list[Recorded]:
    """Append in the caller's transaction on an async connection, as `append_encoded` does."""
    if connection.autocommit and connection.info.transaction_status == pq.TransactionStatus.IDLE:
        raise NoTransaction
    steps, answer = appending(offered, at, fence), None
    while True:
        try:
            request = steps.send(answer)
        except StopIteration as end:
            return end.value  # type: ignore[no-any-return]
        if isinstance(request, list):
            answer = await _ask_async(connection, request)
        else:
            async with psycopg.AsyncCursor(connection).copy(COPY) as copy:
                for block in request:
                    await copy.write(block)
            answer = None


async def _ask_async(connection: psycopg.AsyncConnection[Any], statements: list[Statement]) -> list[list[Any]]:
    cursors = [psycopg.AsyncCursor(connection, row_factory=tuple_row) for _ in statements]
    async with connection.pipeline():
        for cursor, (text, parameters) in zip(cursors, statements, strict=True):
            await cursor.execute(text, parameters, binary=True, prepare=True)
    return [await cursor.fetchall() for cursor in cursors]


class AsyncLog:
    """The log as feeds and the engine append to it; one append at a time, safe to share within a loop."""

    def __init__(self, conninfo: str, *, fence: Fence | None = None) -> None:
        self._conninfo = conninfo
        self._fence = fence
        self._turn = asyncio.Lock()
        self._connection: psycopg.AsyncConnection[Any] | None = None

    async def __aenter__(self) -> "AsyncLog":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def append(
        self, events: Iterable[Event], *, at: datetime | None = None, fence: Fence | None = None
    ) -> list[Recorded]:
        """Append and commit events, BATCH_EVENTS at a time, and return those that were new.

        `at` is the time of recording (default: now). Refuses as `append.append` does; LogIsAway after AWAY_S_MAX.
        """
        offered = encoded(events)
        taken: list[Recorded] = []
        async with self._turn:
            for start in range(0, len(offered), BATCH_EVENTS):
                part = offered[start : start + BATCH_EVENTS]
                taken += await self._committed(part, at or datetime.now(UTC), fence or self._fence)
        return taken

    async def close(self) -> None:
        """Close the connection; the next append opens another."""
        if self._connection:
            with contextlib.suppress(psycopg.Error, OSError):
                await self._connection.close()
        self._connection = None

    async def _committed(self, offered: list[Encoded], at: datetime, fence: Fence | None) -> list[Recorded]:
        clock = asyncio.get_running_loop().time
        until = clock() + AWAY_S_MAX
        while True:
            try:
                connection = await self._open()
                async with connection.transaction():
                    return await append_async(connection, offered, at=at, fence=fence)
            except (psycopg.OperationalError, OSError) as error:
                log.warning("log.away", error=str(error).strip(), error_kind=type(error).__name__)
                await self._recover(error)
                if clock() > until:
                    raise LogIsAway(error) from error
                await asyncio.sleep(PAUSE_S)
            except BaseException:
                # A cancel in the middle of a COPY leaves nothing worth keeping on this connection.
                if self._connection and self._connection.info.transaction_status != psycopg.pq.TransactionStatus.IDLE:
                    await self.close()
                raise

    async def _open(self) -> psycopg.AsyncConnection[Any]:
        if self._connection is None or self._connection.closed:
            self._connection = await psycopg.AsyncConnection.connect(
                self._conninfo,
                autocommit=True,
                connect_timeout=CONNECT_S_MAX,
                application_name="log",
                options=f"-c statement_timeout={STATEMENT_MS_MAX}",
                tcp_user_timeout=STATEMENT_MS_MAX,
            )
        return self._connection

    async def _recover(self, error: BaseException) -> None:
        if isinstance(error, psycopg.errors.LockNotAvailable) and self._connection:
            with contextlib.suppress(psycopg.Error, OSError):
                put_out = await (await self._connection.execute(_PUT_OUT)).fetchall()
                log.warning("log.stuck_holder_put_out", backends=[pid for pid, _ in put_out])
        else:
            await self.close()
