"""What people do at the door and at the desk, as events."""

from datetime import UTC, datetime

from hedgeapp.core.events import Event
from hedgeapp.core.events.door import (
    CodesChanged,
    DataExported,
    PasswordChanged,
    PersonActed,
    PersonCalled,
    PersonCame,
    PersonDenied,
    PersonKeptOut,
    PersonLeft,
)

AT = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)
WHERE = "10.0.0.7"

DOOR: list[Event] = [
    PersonCame(at=AT, person="ann", came_by="password", from_address=WHERE),
    PersonLeft(at=AT, person="ann", from_address=WHERE),
    PersonKeptOut(at=AT, person="ann", from_address=WHERE, because="wrong password", attempts=3),
    PasswordChanged(at=AT, person="ann", by="ann", from_address=WHERE),
    CodesChanged(at=AT, person="ann", by="bob", change="confirmed", from_address=WHERE),
    PersonActed(at=AT, by="ann", from_address=WHERE, path="/halt/", seen_seq=41, seqs=(42, 43)),
    PersonDenied(at=AT, by="eve", from_address=WHERE, method="POST", path="/halt/", seen_seq=41),
    DataExported(at=AT, by="ann", from_address=WHERE, path="/orders/export.csv?state=filled"),
    PersonCalled(at=AT, person="bob", subject="move:mv-1", channel="email"),
]
