"""Stream: the log as it grows, from any seq on, across restarts of PostgreSQL, nothing lost and nothing twice."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any, Final

import psycopg
import structlog
from psycopg import sql
from psycopg.rows import tuple_row

from hedgeapp.core.events import Recorded
from hedgeapp.eventlog.read import BATCH_ROWS, BATCH_SQL, END
from hedgeapp.eventlog.steps import CHANNEL
from hedgeapp.eventlog.unpack import Unpack

POLL_S: Final = 1.0  # the log is looked at no less often, announced or not
PAUSE_S: Final = 0.2  # between two attempts to connect
CONNECT_S_MAX: Final = 3
STATEMENT_MS_MAX: Final = 10_000

log = structlog.get_logger()


async def follow(
    conninfo: str, after: int, *, batch_rows: int = BATCH_ROWS, verify: bool = False, gather_s: float = 0.0
) -> AsyncIterator[list[Recorded]]:
    """Yield the events after a seq in lists of up to `batch_rows`, then whatever is appended, without end.

    A lost connection is opened again and reading goes on after the last event that was yielded. Nothing is read ahead:
    a slow reader holds back only itself. After an announcement the reader waits `gather_s` for what comes with it, so
    that one who is in no hurry is not woken for each event. Refuses with ChainIsBroken if `verify`, UnknownKind,
    UnknownField.
    """
    unpack = Unpack(verify=verify)
    while True:
        try:
            async with await _listening(conninfo) as connection:
                while True:
                    blob, before, last = await _batch(connection, after, batch_rows)
                    is_more = last - after == batch_rows
                    if blob is not None:
                        batch, after = unpack(blob, before, after), last
                        yield batch
                    if not is_more:
                        await _announced(connection, after)
                        await asyncio.sleep(gather_s)
        except (psycopg.OperationalError, psycopg.InterfaceError, OSError) as error:
            log.warning("stream.away", after=after, error=str(error).strip())
            await asyncio.sleep(PAUSE_S)


async def _listening(conninfo: str) -> psycopg.AsyncConnection[Any]:
    connection = await psycopg.AsyncConnection.connect(
        conninfo,
        autocommit=True,
        connect_timeout=CONNECT_S_MAX,
        application_name="log-stream",
        options=f"-c statement_timeout={STATEMENT_MS_MAX}",
        keepalives_idle=5,
        keepalives_interval=2,
        keepalives_count=3,
    )
    await connection.execute(sql.SQL("LISTEN {}").format(sql.Identifier(CHANNEL)))
    return connection


async def _batch(
    connection: psycopg.AsyncConnection[Any], after: int, batch_rows: int
) -> tuple[bytes | None, bytes | None, int]:
    cursor = connection.cursor(row_factory=tuple_row)
    await cursor.execute(BATCH_SQL, {"after": after, "until": END, "rows": batch_rows}, binary=True)
    blob, before, last = await cursor.fetchone() or (None, None, None)
    return blob, before, last or after


async def _announced(connection: psycopg.AsyncConnection[Any], after: int) -> None:
    """Wait until something after a seq is announced, at most POLL_S; what was announced since we read counts."""
    async with contextlib.aclosing(connection.notifies(timeout=POLL_S)) as announcements:
        async for announcement in announcements:
            told = announcement.payload
            if not told.isdecimal() or int(told) > after:
                return
