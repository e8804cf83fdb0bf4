"""Work: rows that workers claim and carry until the outcome; a claim is a lease, and a later claim ends it."""

import os
from collections.abc import Sequence
from datetime import datetime
from typing import Final, Literal

import psycopg
from django.db import connection, transaction
from psycopg.rows import tuple_row

from hedgeapp.core.records import record
from hedgeapp.wake import wake
from portfolio.models import Work

Kind = Literal["order", "cancel", "halt", "move"]
Queue = Literal["orders", "urgent", "moves"]

LEASE_S: Final = 20.0  # how long a claim lasts; longer than one step of carrying may take
HELP_S: Final = 2.0  # urgent work that nobody claimed for so long is taken by the workers of `orders` too
SAID_LENGTH_MAX: Final = 500  # characters

_TABLE: Final = Work._meta.db_table
# A commit that does not wait for the disk: if the server dies within the moment, the row is as it was before and is
# claimed again; what may not happen twice is in the log, which waits.
_UNHURRIED: Final = "(SELECT set_config('synchronous_commit', 'off', true)) AS unhurried"
# The database's clock counts, so that workers on several machines agree on who holds what.
_CLAIM: Final = f"""
UPDATE {_TABLE} AS work
   SET claims = work.claims + 1, claimed_by = %(by)s,
       claimed_until = clock_timestamp() + %(lease_s)s * interval '1 second'
  FROM {_UNHURRIED}
 WHERE work.id IN (
       SELECT id FROM {_TABLE}
        WHERE closed_at IS NULL AND due_at <= clock_timestamp()
          AND (claimed_until IS NULL OR claimed_until < clock_timestamp())
          AND (queue = %(queue)s
               OR (%(queue)s = 'orders' AND queue = 'urgent'
                   AND due_at < clock_timestamp() - %(help_s)s * interval '1 second'))
        ORDER BY due_at LIMIT %(count)s FOR UPDATE SKIP LOCKED)
RETURNING work.id, work.kind, work.subject, work.queue, work.tries, work.claims
"""
_PUT_OFF: Final = f"""
UPDATE {_TABLE} SET due_at = clock_timestamp() + %s * interval '1 second', tries = tries + 1, said = %s,
                    claimed_by = '', claimed_until = NULL
  FROM {_UNHURRIED}
 WHERE id = %s AND claims = %s AND closed_at IS NULL
"""
_CLOSE: Final = f"""
UPDATE {_TABLE} SET closed_at = %s, said = %s, claimed_by = '', claimed_until = NULL
  FROM {_UNHURRIED}
 WHERE id = %s AND closed_at IS NULL
"""


# A claim of a process of this machine that is no more.
_HELD_HERE: Final = f"SELECT DISTINCT claimed_by FROM {_TABLE} WHERE closed_at IS NULL AND claimed_by ^@ %s"
_FREE: Final = (
    f"UPDATE {_TABLE} SET claimed_by = '', claimed_until = NULL WHERE closed_at IS NULL AND claimed_by = ANY(%s)"
)


@record
class Claim:
    """Work that a worker holds until its lease ends or somebody claims it after; `number` tells the claims apart."""

    id: int
    kind: Kind
    subject: str
    queue: Queue
    tries: int
    number: int


def open_work(kind: Kind, subject: str, queue: Queue, *, at: datetime) -> None:
    """Add work in the caller's transaction, once per kind and subject, and wake its queue after the commit."""
    row = Work(kind=kind, subject=subject, queue=queue, opened_at=at, due_at=at)
    Work.objects.bulk_create([row], ignore_conflicts=True)
    transaction.on_commit(lambda: wake(queue))


def open_again(kind: Kind, subject: str, queue: Queue, *, at: datetime) -> None:
    """Add work in the caller's transaction, or begin anew with what was closed, and wake its queue after the commit."""
    closed = Work.objects.filter(kind=kind, subject=subject, closed_at__isnull=False)
    if closed.update(closed_at=None, due_at=at, tries=0):
        transaction.on_commit(lambda: wake(queue))
    else:
        open_work(kind, subject, queue, at=at)


def claim_work(queue: Queue, *, by: str, count: int, lease_s: float = LEASE_S) -> Sequence[Claim]:
    """Claim at most `count` rows that are due, the longest due first; passes over those that others are claiming."""
    given: dict[str, str | float] = {"queue": queue, "by": by, "count": count, "lease_s": lease_s, "help_s": HELP_S}
    connection.ensure_connection()
    # One statement, which commits itself and is prepared: an order waits for it.
    cursor = psycopg.Cursor(connection.connection, row_factory=tuple_row).execute(_CLAIM, given, prepare=True)
    return [
        Claim(id=id_, kind=kind, subject=subject, queue=of, tries=tries, number=number)
        for id_, kind, subject, of, tries, number in cursor
    ]


def free_work(by: str) -> int:
    """End the claims of dead processes of this machine and return how many; `by` is our own `host/pid`."""
    host = by.partition("/")[0]
    with transaction.atomic(durable=True), connection.cursor() as cursor:
        cursor.execute(_HELD_HERE, [f"{host}/"])
        dead = [holder for (holder,) in cursor.fetchall() if not _lives(holder)]
        if not dead:
            return 0
        cursor.execute(_FREE, [dead])
        return int(cursor.rowcount)


def _lives(holder: str) -> bool:
    try:
        os.kill(int(holder.partition("/")[2]), 0)
    except ProcessLookupError:
        return False
    except (OSError, ValueError):
        return True
    return True


def put_off(claim: Claim, *, for_s: float, said: str) -> bool:
    """Let go of work that is to be tried again; return False if the claim was lost meanwhile."""
    with connection.cursor() as cursor:
        cursor.execute(_PUT_OFF, [for_s, said[:SAID_LENGTH_MAX], claim.id, claim.number])
        return bool(cursor.rowcount == 1)


def close_work(claim: Claim, *, said: str, at: datetime) -> None:
    """Close work that has its outcome, whoever holds it."""
    with connection.cursor() as cursor:
        cursor.execute(_CLOSE, [at, said[:SAID_LENGTH_MAX], claim.id])
