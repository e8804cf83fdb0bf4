"""Events as the desk reads them: newest first, filtered, a page at a time."""

import sys
from datetime import datetime
from typing import Any, Final

from django.db import OperationalError, connection, transaction

from hedgeapp.core.events import Recorded
from hedgeapp.core.records import record
from hedgeapp.eventlog import codec
from portfolio.core.headlines import headline

PAGE: Final = 100  # events on a page
READ_MS_MAX: Final = 3_000  # a search that takes longer is given up


class SearchIsTooWide(Exception):
    """The search would read too much of the log."""

    def __init__(self) -> None:
        super().__init__(
            f"events that match expected within {READ_MS_MAX / 1000:.0f} s, found too few in that time: "
            "give a longer beginning of the key, or another kind"
        )


@record
class EventLine:
    """One row of the log."""

    seq: int
    recorded_at: datetime
    kind: str
    key: str
    body: bytes
    hash: bytes

    @property
    def sentence(self) -> str:
        """Return what the event says, in a sentence; its key when this version cannot read it."""
        try:
            read = codec.decode(self.kind, self.body)
        except ValueError:
            return self.key
        return headline(Recorded(seq=self.seq, recorded_at=self.recorded_at, event=read)).sentence


@record
class EventPage:
    """A page of the log, newest first; `older` and `newer` are where the next pages begin, None at an end."""

    lines: tuple[EventLine, ...]
    older: int | None
    newer: int | None


_COLUMNS: Final = "seq, recorded_at, kind, key, body, hash"


def page(
    *, kind: str = "", key: str = "", before: int | None = None, after: int | None = None, until: int | None = None
) -> EventPage:
    """Return the events of a kind whose key begins so: the newest ones below `before`, or the next ones above `after`.

    With `until`, those after that event are not there yet.
    Raise SearchIsTooWide when the database needs longer than `READ_MS_MAX`.
    """
    wanted: list[tuple[str, Any]] = []
    if kind:
        wanted.append(("kind = %s", kind))
    if key:
        # A range instead of LIKE: an index on the key serves it in any collation of bytes.
        wanted.append(("key >= %s", key))
        end = _after(key)
        if end:
            wanted.append(('key < %s COLLATE "C"', end))
    if until is not None:
        wanted.append(("seq <= %s", until))
    filters = list(wanted)
    if before is not None:
        wanted.append(("seq < %s", before))
    if after is not None:
        wanted.append(("seq > %s", after))
    rows = _rows(wanted, "ASC" if after is not None else "DESC", PAGE + 1)
    has_more = len(rows) > PAGE
    rows = rows[:PAGE]
    if after is not None:
        rows.reverse()
        newer, older = has_more, bool(rows)
    else:
        newer, older = before is not None and bool(rows) and bool(_above(filters, rows[0].seq)), has_more
    return EventPage(
        lines=tuple(rows),
        older=rows[-1].seq if older and rows else None,
        newer=rows[0].seq if newer and rows else None,
    )


def one(seq: int) -> EventLine | None:
    """Return one event; None when the log has none of this seq."""
    rows = _rows([("seq = %s", seq)], "DESC", 1)
    return rows[0] if rows else None


def _after(beginning: str) -> str:
    """Return the least text, in the order of code points, after all that begin so; an empty one when there is none."""
    kept = beginning.rstrip(chr(sys.maxunicode))
    if not kept:
        return ""
    following = ord(kept[-1]) + 1
    # The surrogates between U+D7FF and U+E000 are no characters.
    return kept[:-1] + chr(0xE000 if following == 0xD800 else following)


def _above(filters: list[tuple[str, Any]], seq: int) -> list[EventLine]:
    return _rows([*filters, ("seq > %s", seq)], "ASC", 1)


def _rows(wanted: list[tuple[str, Any]], order: str, limit: int) -> list[EventLine]:
    where = f"WHERE {' AND '.join(condition for condition, _ in wanted)}" if wanted else ""
    given = [value for _, value in wanted]
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"SET LOCAL statement_timeout = {READ_MS_MAX}")
            cursor.execute(
                f"SELECT {_COLUMNS} FROM eventlog_event {where} ORDER BY seq {order} LIMIT %s", [*given, limit]
            )
            return [
                EventLine(seq=seq, recorded_at=at, kind=kind, key=key, body=bytes(body), hash=bytes(digest))
                for seq, at, kind, key, body, digest in cursor.fetchall()
            ]
    except OperationalError as error:
        if "statement timeout" in str(error):
            raise SearchIsTooWide from error
        raise
