"""Row changes: who changed what of late, so that nobody approves what rests on his own change.  (a bounded fold)"""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Final

from hedgeapp.core.events.door import DoorEvent
from hedgeapp.core.events.people import AccessEvent
from hedgeapp.core.events.reference import (
    AccountChanged,
    AssetChanged,
    ChainChanged,
    CustodianChanged,
    InstrumentChanged,
    LimitChanged,
    OracleChanged,
    VenueChanged,
)
from hedgeapp.core.events.sources import SourceChangeAgreed
from hedgeapp.core.records import record
from portfolio.core.catalogue import ReferenceChange

KEPT_FOR: Final = timedelta(hours=72)  # longer than a move lives, and the day before it
FIRST_SWEPT_AT: Final = 1_000  # changes: above, those that are too old are let go


@record
class RowChange:
    """The last time that somebody changed a row; `what` is its kind and name, like `limit:eth-band`."""

    what: str
    by: str
    at: datetime


class RowChanges:
    """The latest change of each row by each of those who changed it; mutable, owned by a book. Times are the log's."""

    __slots__ = ("_latest",)

    def __init__(self, changes: Iterable[RowChange] = ()) -> None:
        self._latest = {(one.what, one.by): one for one in changes}

    def __iter__(self) -> Iterator[RowChange]:
        return iter(self._latest.values())

    def note(self, what: str, by: str, at: datetime) -> None:
        """Remember a change."""
        self._latest[what, by] = RowChange(what=what, by=by, at=at)
        if len(self._latest) > FIRST_SWEPT_AT:
            self._latest = {key: one for key, one in self._latest.items() if one.at + KEPT_FOR >= at}

    def by_whom(self, rests_on: Iterable[str], since: datetime) -> dict[str, str]:
        """Return who changed one of these rows since then, each with the name of such a row."""
        names = set(rests_on)
        return {one.by: one.what for one in self._latest.values() if one.what in names and one.at >= since}


def note_agreement(event: AccessEvent | DoorEvent, changes: RowChanges, recorded_at: datetime | None) -> None:
    """Remember the second person of a change of URLs or keys, as of when it holds; people and keys are no row."""
    if isinstance(event, SourceChangeAgreed) and recorded_at is not None:
        changes.note(event.what, event.by, max(recorded_at, event.holds_from))


def row_name(event: ReferenceChange) -> str:
    """Return the kind and the name of the row that an event changes."""
    match event:
        case AssetChanged():
            return f"asset:{event.asset.symbol}"
        case VenueChanged():
            return f"venue:{event.venue.name}"
        case AccountChanged():
            return f"account:{event.account.name}"
        case InstrumentChanged():
            return f"instrument:{event.instrument.id}"
        case CustodianChanged():
            return f"custodian:{event.custodian.name}"
        case ChainChanged():
            return f"chain:{event.chain.name}"
        case OracleChanged():
            return f"oracle:{event.oracle.name}"
        case LimitChanged():
            return f"limit:{event.limit.name}"
