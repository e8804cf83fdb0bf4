"""The history of one row of reference data, out of the log."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from itertools import pairwise
from typing import Any, Final

import msgspec
from django.db import connection

from hedgeapp.core.records import record
from hedgeapp.eventlog import codec
from marketdata.core.catalogue import ReferenceChanged, Row, is_reference, key_of, noun_of, row_of

CHANGES_MAX: Final = 200  # changes shown, the latest first

_EVENTS: Final = "SELECT seq, recorded_at, kind, body FROM eventlog_event WHERE key = ANY(%s) ORDER BY seq"


@record
class Difference:
    """A field that a change gave another value; `before` is empty for a row that was added."""

    field: str
    before: str
    after: str


@record
class Change:
    """One change of a row: who, when, why, and what became different."""

    seq: int
    version: int
    recorded_at: datetime
    by: str
    reason: str
    differences: tuple[Difference, ...]


def history(row: Row, version: int) -> Sequence[Change]:
    """Return the latest changes of a row that is at a version now, the latest first."""
    # One more than is shown, to tell the oldest shown from the one before it.
    numbers = range(max(1, version - CHANGES_MAX), version + 1)
    keys = [f"{noun_of(row)}:{key_of(row)}:{number}" for number in numbers]
    with connection.cursor() as cursor:
        cursor.execute(_EVENTS, [keys])
        found = [(seq, at, event) for seq, at, kind, body in cursor if is_reference(event := codec.decode(kind, body))]
    changes = list(_changes(found))
    return changes[::-1][:CHANGES_MAX]


def _changes(found: Sequence[tuple[int, datetime, ReferenceChanged]]) -> Iterator[Change]:
    flats = [_flat(event) for *_, event in found]
    for (before, after), (seq, at, event) in zip(pairwise([{}, *flats]), found, strict=True):
        yield Change(
            seq=seq,
            version=event.version,
            recorded_at=at,
            by=event.by,
            reason=event.reason,
            differences=differences(before, after),
        )


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[Difference, ...]:
    """Return the fields that differ between two rows as built-in values; an empty one is a row that is not there."""
    names = [name for name in {**before, **after} if before.get(name) != after.get(name)]
    return tuple(Difference(field=name, before=_text(before.get(name)), after=_text(after.get(name))) for name in names)


def _flat(event: ReferenceChanged) -> dict[str, Any]:
    row: dict[str, Any] = msgspec.to_builtins(row_of(event))
    return row


def _text(value: Any) -> str:
    match value:
        case None:
            return ""
        case dict():
            return " ".join(f"{name} {_text(inner)}" for name, inner in value.items())
        case list() | tuple():
            return "; ".join(_text(inner) for inner in value)
        case _:
            return str(value)
