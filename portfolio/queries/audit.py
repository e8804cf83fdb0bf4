"""Audit: what people did, newest first, found in the log itself; filtered, a page at a time, within a time.

An index of all that does not come in masses (`eventlog_event_rare`) keeps a search off the fills and marks.
"""

from datetime import datetime
from typing import Any, Final

import msgspec
from django.db import OperationalError, connection, transaction

from hedgeapp.core.events import Event, Recorded
from hedgeapp.core.events.door import PersonActed
from hedgeapp.core.records import record
from hedgeapp.eventlog import codec
from portfolio.core.deeds import DEED_KINDS, PERSON_FIELDS, Deed, deed
from portfolio.core.headlines import headline
from portfolio.core.minting import ENGINE

PAGE: Final = 100  # deeds on a page
READ_MS_MAX: Final = 3_000  # a search that takes longer is given up
ACT_WITHIN: Final = 1_000  # events after a deed among which the form that did it is looked for

# The condition of the index, word for word as in the migration; without it PostgreSQL reads the whole log.
RARE: Final = """kind NOT IN (
    'MarksTaken', 'OrderSeen', 'FillRecorded', 'PositionStated', 'FundingPaid', 'BalanceStated', 'CollateralStated',
    'SupplyStated', 'DelegationStated', 'MintSeen', 'RedeemSeen', 'RunBegun', 'RunEnded', 'DifferenceSeen',
    'DifferenceSettled', 'FeedStateChanged', 'ServiceTaken')"""
_ACTS: Final = f"""
SELECT body FROM eventlog_event
 WHERE {RARE} AND kind = 'PersonActed' AND seq > %s AND seq <= %s ORDER BY seq LIMIT {ACT_WITHIN}
"""


class AuditIsTooWide(Exception):
    """The search would read too much of the log."""

    def __init__(self) -> None:
        super().__init__(
            f"deeds that match expected within {READ_MS_MAX / 1000:.0f} s, found too few in that time: "
            "give a shorter time, a person or a kind"
        )


@record
class AuditFilter:
    """Which deeds are wanted: an empty text or None asks for nothing; seqs of the log stand for times.

    `about` is an id or a name, exactly as an event holds it; `text` is any part of an event.
    """

    person: str = ""
    kind: str = ""
    about: str = ""
    text: str = ""
    since_seq: int | None = None
    until_seq: int | None = None
    with_engine: bool = False


@record
class AuditLine:
    """A deed as somebody reads it: from where and seeing what, as the event or the form that made it says."""

    seq: int
    recorded_at: datetime
    kind: str
    sentence: str
    deed: Deed
    from_address: str
    seen_seq: int


@record
class AuditPage:
    """A page of deeds, newest first; `older` and `newer` are where the next pages begin, None at an end."""

    lines: tuple[AuditLine, ...]
    older: int | None
    newer: int | None


def page(wanted: AuditFilter, *, before: int | None = None, after: int | None = None, size: int = PAGE) -> AuditPage:
    """Return the newest deeds below `before`, or the next ones above `after`; raises `AuditIsTooWide`."""
    conditions, given = _conditions(wanted)
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"SET LOCAL statement_timeout = {READ_MS_MAX}")
            rows = _rows(cursor, conditions, given, size + 1, before=before, after=after)
            has_more, rows = len(rows) > size, rows[:size]
            if after is not None:
                rows.reverse()
                newer, older = has_more, bool(rows)
            else:
                newer = before is not None and bool(rows)
                newer = newer and bool(_rows(cursor, conditions, given, 1, after=rows[0][0]))
                older = has_more
            lines = _lines(cursor, rows)
    except OperationalError as error:
        if "statement timeout" in str(error):
            raise AuditIsTooWide from error
        raise
    return AuditPage(
        lines=lines,
        older=rows[-1][0] if older and rows else None,
        newer=rows[0][0] if newer and rows else None,
    )


def _conditions(wanted: AuditFilter) -> tuple[str, list[Any]]:
    """Return what a row must be like; bodies are compact JSON, so a field and its value stand side by side."""
    kinds = [wanted.kind] if wanted.kind else list(DEED_KINDS)
    conditions = [RARE, "kind = ANY (%s)"]
    given: list[Any] = [kinds]
    # What a form did is told by its own events, which the page joins it to.
    conditions.append("(kind <> 'PersonActed' OR position(%s::bytea in body) > 0)")
    given.append(b'"seqs":[]')
    if not wanted.with_engine:
        conditions.append("position(%s::bytea in body) = 0")
        given.append(_pair("by", ENGINE))
    if wanted.person:
        named = [_pair(field, wanted.person) for field in PERSON_FIELDS]
        conditions.append("(" + " OR ".join("position(%s::bytea in body) > 0" for _ in named) + ")")
        given += named
    if wanted.about:
        conditions.append("position(%s::bytea in body) > 0")
        given.append(msgspec.json.encode(wanted.about))
    if wanted.text:
        conditions.append("position(lower(%s) in lower(convert_from(body, 'UTF8'))) > 0")
        given.append(wanted.text)
    for sign, seq in ((">", wanted.since_seq), ("<=", wanted.until_seq)):
        if seq is not None:
            conditions.append(f"seq {sign} %s")
            given.append(seq)
    return " AND ".join(conditions), given


def _pair(field: str, value: str) -> bytes:
    return b"%b:%b" % (msgspec.json.encode(field), msgspec.json.encode(value))


def _rows(
    cursor: Any, conditions: str, given: list[Any], limit: int, *, before: int | None = None, after: int | None = None
) -> list[Any]:
    edge, values, order = "", list(given), "DESC"
    if after is not None:
        edge, order = " AND seq > %s", "ASC"
        values.append(after)
    elif before is not None:
        edge = " AND seq < %s"
        values.append(before)
    select = f"SELECT seq, recorded_at, kind, body FROM eventlog_event WHERE {conditions}{edge}"
    cursor.execute(f"{select} ORDER BY seq {order} LIMIT %s", [*values, limit])
    return list(cursor.fetchall())


def _lines(cursor: Any, rows: list[Any]) -> tuple[AuditLine, ...]:
    acts = _acts(cursor, rows)
    return tuple(_line(seq, at, codec.decode(kind, bytes(body)), acts.get(seq)) for seq, at, kind, body in rows)


def _line(seq: int, recorded_at: datetime, event: Event, act: PersonActed | None) -> AuditLine:
    found = deed(event)
    return AuditLine(
        seq=seq,
        recorded_at=recorded_at,
        kind=type(event).__name__,
        sentence=headline(Recorded(seq=seq, recorded_at=recorded_at, event=event)).sentence,
        deed=found,
        from_address=found.from_address or (act.from_address if act else ""),
        seen_seq=found.seen_seq or (act.seen_seq if act else 0),
    )


def _acts(cursor: Any, rows: list[Any]) -> dict[int, PersonActed]:
    """Return the form that made each of these events, where one did."""
    if not rows:
        return {}
    seqs = [row[0] for row in rows]
    cursor.execute(_ACTS, [min(seqs), max(seqs) + ACT_WITHIN])
    found: dict[int, PersonActed] = {}
    for (body,) in cursor.fetchall():
        act = codec.decode("PersonActed", bytes(body))
        assert isinstance(act, PersonActed)
        found |= dict.fromkeys(act.seqs, act)
    return found
