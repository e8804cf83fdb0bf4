"""Epochs: who holds a service, since when, and which writes are still its own.

A holder has a session-level advisory lock on a connection of its own; taking it raises the service's epoch by one,
under the log's lock, so that no append of an older epoch can commit after it.
"""

import zlib
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import psycopg
from psycopg.rows import tuple_row

from hedgeapp.core.events.feeds import ServiceTaken
from hedgeapp.core.records import record
from hedgeapp.eventlog.append import append_async, lock_async
from hedgeapp.eventlog.fences import EpochIsOver as EpochIsOver
from hedgeapp.eventlog.fences import Fence as Fence
from hedgeapp.eventlog.steps import encoded

SERVICE_LOCKS: Final = 0x68656467  # first key of the advisory locks of services; the second is `lock_id`
ASK_S_MAX: Final = 3  # a wish for a service older than this is forgotten
SERVICE_NAME_MAX: Final = 100  # characters

_RAISE = """
INSERT INTO eventlog_epoch AS held (service, lock_id, epoch, holder, backend_pid, heartbeat_at, wanted_by, wanted_at)
VALUES (%s, %s, 1, %s, pg_backend_pid(), clock_timestamp(), '', clock_timestamp())
ON CONFLICT (service) DO UPDATE
   SET epoch = held.epoch + 1, holder = excluded.holder, backend_pid = excluded.backend_pid,
       heartbeat_at = excluded.heartbeat_at, wanted_by = ''
RETURNING epoch
"""
_HEARTBEAT = f"""
UPDATE eventlog_epoch SET heartbeat_at = clock_timestamp() WHERE service = %s AND epoch = %s
RETURNING CASE WHEN wanted_at > clock_timestamp() - interval '{ASK_S_MAX} seconds' THEN wanted_by ELSE '' END
"""
_HOLDERS = f"""
SELECT held.service, held.epoch, held.holder, coalesce(taken.pid, held.backend_pid), taken.pid IS NOT NULL,
       clock_timestamp() - greatest(held.heartbeat_at, activity.backend_start)
  FROM eventlog_epoch AS held
  LEFT JOIN pg_locks AS taken
    ON taken.locktype = 'advisory' AND taken.granted AND taken.objsubid = 2 AND taken.classid = {SERVICE_LOCKS}
   AND taken.objid::bigint = held.lock_id
   AND taken.database = (SELECT oid FROM pg_database WHERE datname = current_database())
  -- Who has just taken the lock has had no time for a heartbeat: it is as old as its connection.
  LEFT JOIN pg_stat_activity AS activity ON activity.pid = taken.pid
 ORDER BY held.service
"""


@record
class Holder:
    """Who holds a service; `is_held` is false when its lock is free, `backend_pid` is the lock's connection."""

    service: str
    epoch: int
    holder: str
    backend_pid: int
    is_held: bool
    silent_for: timedelta


def lock_id(service: str) -> int:
    """Return the second key of a service's advisory lock, 31 bits."""
    return zlib.crc32(service.encode()) & 0x7FFFFFFF


async def take(connection: psycopg.AsyncConnection[Any], service: str, holder: str) -> int | None:
    """Take a service on this (autocommit) connection and return its new epoch, or None if another holds it.

    It stays taken for as long as the connection lives.
    """
    cursor = await connection.execute("SELECT pg_try_advisory_lock(%s, %s)", (SERVICE_LOCKS, lock_id(service)))
    if not await _one(cursor):
        return None
    async with connection.transaction():
        await lock_async(connection)
        cursor = await connection.execute(_RAISE, (service, lock_id(service), holder))
        epoch: int = await _one(cursor)
        at = datetime.now(UTC)
        taken = ServiceTaken(at=at, service=service, epoch=epoch, holder=holder)
        await append_async(connection, encoded([taken]), at=at)
    return epoch


async def heartbeat(connection: psycopg.AsyncConnection[Any], fence: Fence) -> str:
    """Prove that the holder lives; return who wants the service, if anyone; refuse with EpochIsOver."""
    cursor = await connection.execute(_HEARTBEAT, (fence.service, fence.epoch))
    wanted_by: str | None = await _one(cursor)
    if wanted_by is None:
        cursor = await connection.execute("SELECT epoch FROM eventlog_epoch WHERE service = %s", (fence.service,))
        raise EpochIsOver(fence, await _one(cursor))
    return wanted_by


async def holders(connection: psycopg.AsyncConnection[Any]) -> Sequence[Holder]:
    """Return the holder of every service that was ever taken."""
    cursor = connection.cursor(row_factory=tuple_row)
    await cursor.execute(_HOLDERS)
    return _read_holders(await cursor.fetchall())


def holders_now(connection: psycopg.Connection[Any]) -> Sequence[Holder]:
    """Return the holder of every service that was ever taken, on a connection that blocks."""
    cursor = psycopg.Cursor(connection, row_factory=tuple_row)
    return _read_holders(cursor.execute(_HOLDERS).fetchall())


def _read_holders(rows: Sequence[tuple[Any, ...]]) -> Sequence[Holder]:
    return [
        Holder(service=service, epoch=epoch, holder=holder, backend_pid=pid, is_held=is_held, silent_for=silent_for)
        for service, epoch, holder, pid, is_held, silent_for in rows
    ]


async def hosts(connection: psycopg.AsyncConnection[Any], presence: str) -> int:
    """Return how many connections bear the name of a host."""
    cursor = await connection.execute(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = %s",
        (presence,),
    )
    return int(await _one(cursor))


async def ask_for(connection: psycopg.AsyncConnection[Any], service: str, holder: str) -> None:
    """Tell a service's holder that a worker which is meant for it is there."""
    await connection.execute(
        "UPDATE eventlog_epoch SET wanted_by = %s, wanted_at = clock_timestamp() WHERE service = %s", (holder, service)
    )


async def put_out(connection: psycopg.AsyncConnection[Any], held: Holder) -> None:
    """End the connection of a holder that has gone silent, if it still is the one that holds the service."""
    await connection.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND granted AND objsubid = 2"
        " AND classid = %s AND objid = %s AND pid = %s",
        (SERVICE_LOCKS, lock_id(held.service), held.backend_pid),
    )


async def _one(cursor: psycopg.AsyncCursor[Any]) -> Any:
    row = await cursor.fetchone()
    return row[0] if row else None
