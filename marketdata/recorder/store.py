"""Store: the tables of recorded market data, written by COPY, a batch with its place on the tape in one transaction."""

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from types import TracebackType
from typing import Any, Final, Self

import psycopg
from psycopg import sql
from psycopg.types.json import Jsonb

from hedgeapp.core.records import record
from marketdata.core.recorded import RECORDED, Rows
from marketdata.core.tape import TEXT_MAX, RefusedSeen

CONNECT_S_MAX: Final = 3
STATEMENT_MS_MAX: Final = 5_000
DAYS_AHEAD: Final = 2  # whose tables are made before they are needed
REFUSED_ROWS_MAX: Final = 1_000  # refused messages that are kept, over all feeds
_TYPES: Final = {"time": "timestamptz", "text": "text", "number": "float8"}


class AnotherRecorderWrote(RuntimeError):
    """The place on the tape is not where this recorder left it: another one has taken over."""


@record
class Place:
    """How far the tape is written: its last entry, and of each feed the run and the number that comes next."""

    entry: str
    followed: Mapping[str, tuple[str, int]]


BEGINNING: Final = Place(entry="0-0", followed={})


@record
class Refusal:
    """A refused message and the feed that would not take it."""

    feed: str
    seen: RefusedSeen


def days_kept(today: date, days: int) -> tuple[date, date]:
    """Return the first and the last day that have tables, when so many days before today are kept."""
    return today - timedelta(days=days), today + timedelta(days=DAYS_AHEAD)


class Store:
    """A connection that writes; what is written need not survive the loss of the machine's last second."""

    def __init__(self, conninfo: str, epoch: int) -> None:
        self._conninfo = conninfo
        self._epoch = epoch
        self._connection: psycopg.AsyncConnection[Any] | None = None

    async def __aenter__(self) -> Self:
        options = f"-c statement_timeout={STATEMENT_MS_MAX} -c synchronous_commit=off"
        self._connection = await psycopg.AsyncConnection.connect(
            self._conninfo,
            autocommit=True,
            connect_timeout=CONNECT_S_MAX,
            application_name="recorder",
            options=options,
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._connection is not None:
            await self._connection.close()

    @property
    def _open(self) -> psycopg.AsyncConnection[Any]:
        assert self._connection is not None
        return self._connection

    async def keep_days(self, first: date, last: date) -> None:
        """Make the tables of these days, and drop those before."""
        await self._open.execute("SELECT marketdata_keep_days(%s, %s)", [first, last])

    async def begin(self) -> Place:
        """Take the place over from whoever wrote last; return it."""
        await self._open.execute(
            "INSERT INTO marketdata_recording VALUES (1, 0, %s, '{}') ON CONFLICT DO NOTHING", [BEGINNING.entry]
        )
        found = await self._open.execute(
            "UPDATE marketdata_recording SET epoch = %s WHERE epoch <= %s RETURNING entry, followed",
            [self._epoch, self._epoch],
        )
        row = await found.fetchone()
        if row is None:
            raise AnotherRecorderWrote(f"expected a recorder of epoch {self._epoch} at most, found a later one")
        return Place(entry=row[0], followed={feed: (run, number) for feed, (run, number) in row[1].items()})

    async def write(self, rows: Rows, refused: Iterable[Refusal], before: Place, after: Place) -> None:
        """Write rows and refused messages with the new place; raise AnotherRecorderWrote when it is not ours to."""
        async with self._open.transaction(), self._open.cursor() as cursor:
            await cursor.execute(
                "UPDATE marketdata_recording SET entry = %s, followed = %s WHERE epoch = %s AND entry = %s",
                [after.entry, Jsonb(dict(after.followed)), self._epoch, before.entry],
            )
            if cursor.rowcount != 1:
                raise AnotherRecorderWrote(f"expected the tape at {before.entry} under epoch {self._epoch}")
            for kind, recorded in RECORDED.items():
                if not rows[kind]:
                    continue
                names = sql.SQL(", ").join(sql.Identifier(column.name) for column in recorded.columns)
                into = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT BINARY)").format(sql.Identifier(recorded.table), names)
                async with cursor.copy(into) as copy:
                    copy.set_types([_TYPES[column.holds] for column in recorded.columns])
                    for row in rows[kind]:
                        await copy.write_row(row)
            await self._quarantine(cursor, refused)

    async def _quarantine(self, cursor: psycopg.AsyncCursor[Any], refused: Iterable[Refusal]) -> None:
        given = [
            (
                datetime.fromtimestamp(one.seen.received_ms / 1000, UTC),
                one.feed,
                one.seen.kind,
                one.seen.fault[:TEXT_MAX].replace("\0", "�"),
                one.seen.raw,
            )
            for one in refused
        ]
        if not given:
            return
        await cursor.executemany(
            "INSERT INTO marketdata_refused (received_at, feed, kind, fault, raw) VALUES (%s, %s, %s, %s, %s)", given
        )
        await cursor.execute(
            "DELETE FROM marketdata_refused WHERE id <= (SELECT max(id) - %s FROM marketdata_refused)",
            [REFUSED_ROWS_MAX],
        )
