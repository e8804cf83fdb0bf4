"""Restore: the log of a new database out of the second store, through the log's own guards, by the database's owner.

Each segment is one COPY in one transaction, so that an interrupted restore leaves a beginning of the log that a second
one can go on from. The database checks the chain of every row as it does for an append. Whatever an epoch was before,
it is not given again.
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any, Final

import psycopg

from hedgeapp.core.events.feeds import ServiceTaken
from hedgeapp.core.records import record
from hedgeapp.eventlog import epochs
from hedgeapp.eventlog.append import lock
from hedgeapp.eventlog.chain import HASH_BYTES
from hedgeapp.eventlog.read import Head, head, read
from hedgeapp.eventlog.sink.feed import LogIsForked
from hedgeapp.eventlog.sink.held import Held, held, is_torn_at_the_end, walk
from hedgeapp.eventlog.sink.held import end as end_of
from hedgeapp.eventlog.sink.lag import NAME
from hedgeapp.eventlog.sink.places import Place
from hedgeapp.eventlog.sink.segments import Segment, SegmentIsTorn, after, bounds, hash_at
from hedgeapp.eventlog.steps import COPY, COPY_HEAD, COPY_TAIL

ROWS_PER_WRITE: Final = 500

Told = Callable[[str], None]

_IS_OWNER: Final = """
SELECT pg_has_role(current_user, relowner, 'USAGE'), current_user::text FROM pg_class
 WHERE oid = to_regclass('eventlog_event')
"""
_RAISE: Final = """
INSERT INTO eventlog_epoch AS held (service, lock_id, epoch, holder, backend_pid, heartbeat_at, wanted_by, wanted_at)
VALUES (%s, %s, %s, %s, 0, %s, '', %s)
ON CONFLICT (service) DO UPDATE SET epoch = greatest(held.epoch, excluded.epoch)
"""


class LogIsMissing(RuntimeError):
    """The database has no log's table."""

    def __init__(self) -> None:
        super().__init__("a migrated database expected, found one without the log's table: 'manage.py migrate' first")


class NotTheOwner(PermissionError):
    """Somebody else than the log's owner wanted to restore it."""

    def __init__(self, role: str) -> None:
        super().__init__(f"the owner of the log expected, found the role {role}: give DATABASE_OWNER_URL")


class LogIsNotEmpty(RuntimeError):
    """A log that has events was to be restored."""

    def __init__(self, seq: int) -> None:
        super().__init__(
            f"an empty log expected, found one up to event {seq}: restore into a new database, or go on with a restore"
            " that was interrupted by --resume"
        )


class LogIsAhead(RuntimeError):
    """A restore was to go on in a log that has more events than the second store."""

    def __init__(self, seq: int, head: int) -> None:
        super().__init__(
            f"a log that ends before the second store's last event {seq} expected, found one up to event {head}: "
            "there is nothing to restore"
        )


class NothingToRestore(LookupError):
    """A place holds no segment."""

    def __init__(self, url: str) -> None:
        super().__init__(f"segments expected at {url}, found none: look whether the URL is right")


class EventsAreLost(RuntimeError):
    """A head was signed of an event that the second store does not hold."""

    def __init__(self, seq: int, signed: int) -> None:
        super().__init__(
            f"events up to the signed head at seq {signed} expected in the second store, found its end at seq {seq}:"
            f" what came after is lost. To restore without it, say --accept-loss"
        )


class HeadDiffers(ValueError):
    """The second store holds another history than was signed."""

    def __init__(self, seq: int, signed: bytes, found: bytes) -> None:
        super().__init__(
            f"the signed hash {signed.hex()} expected in the second store at seq {seq}, found {found.hex()}: "
            "it was written anew; restore from another copy"
        )


class SomebodyAppended(RuntimeError):
    """Events came into the log while it was restored."""

    def __init__(self, expected: int, found: int) -> None:
        super().__init__(
            f"a log up to event {expected} expected while it is restored, found event {found}: something runs on this "
            "database; stop it, and restore into a new one"
        )


@record
class Restored:
    """What was loaded: events, and the seq and hash of the last one."""

    events: int
    seq: int
    hash: bytes
    heads: int


def restore(
    connection: psycopg.Connection[Any],
    place: Place,
    signed: Mapping[int, bytes],
    *,
    resume: bool = False,
    accept_loss: bool = False,
    told: Told = lambda _: None,
) -> Restored:
    """Load the log from a place by the owner's autocommit connection, verified against itself and the signed heads.

    Refuses with LogIsMissing, NotTheOwner, LogIsNotEmpty, LogIsAhead, NothingToRestore, EventsAreLost, HeadDiffers,
    LogIsForked, SomebodyAppended, SegmentIsCorrupt, SegmentIsTorn, SegmentsDoNotFit, PlaceIsAway.
    """
    _require_owner(connection)
    began = head(connection)
    if began.seq and not resume:
        raise LogIsNotEmpty(began.seq)
    found, last = _end(place, told)
    if not found.entries:
        raise NothingToRestore(place.url)
    if began.seq > last.last:
        raise LogIsAhead(last.last, began.seq)
    _require_heads(last.last, signed, accept_loss=accept_loss)
    told(f"{place.url}: {len(found.entries)} segments, {found.size_bytes} bytes, up to event {last.last}")
    at, heads, told_tenth = began, 0, 0
    for _, made in walk(place, found, after=began.seq):
        heads += _agreed(made, signed)
        at = _load(connection, made, at)
        if (tenth := 10 * at.seq // last.last) > told_tenth:
            told_tenth = tenth
            told(f"loaded up to event {at.seq} of {last.last}")
    _raise_epochs(connection, last)
    return Restored(events=at.seq - began.seq, seq=at.seq, hash=at.hash, heads=heads)


def _require_owner(connection: psycopg.Connection[Any]) -> None:
    row = connection.execute(_IS_OWNER).fetchone()
    if row is None:
        raise LogIsMissing
    if not row[0]:
        raise NotTheOwner(str(row[1]))


def _end(place: Place, told: Told) -> tuple[Held, Segment]:
    """Return what a place holds and its last segment; an end that was never finished is left out."""
    found = held(place)
    try:
        return found, end_of(place, found)
    except SegmentIsTorn as torn:
        if not is_torn_at_the_end(found, torn):
            raise
        told(f"left out: {torn}")
        found = Held(entries=found.entries[:-1], covered=found.covered)
        return found, end_of(place, found)


def _require_heads(seq: int, signed: Mapping[int, bytes], *, accept_loss: bool) -> None:
    beyond = max(signed, default=0)
    if beyond > seq and not accept_loss:
        raise EventsAreLost(seq, beyond)


def _agreed(made: Segment, signed: Mapping[int, bytes]) -> int:
    """Count the signed heads that a segment agrees with; refuse with HeadDiffers."""
    within = [seq for seq in signed if made.first <= seq <= made.last]
    for seq in within:
        if (found := hash_at(made, seq)) != signed[seq]:
            raise HeadDiffers(seq, signed[seq], found)
    return len(within)


def _load(connection: psycopg.Connection[Any], made: Segment, at: Head) -> Head:
    """Copy what a segment has after the log's head, in one transaction under the log's lock."""
    if at.seq and hash_at(made, at.seq) != at.hash:
        raise LogIsForked(at.seq, at.hash, hash_at(made, at.seq))
    rows = after(made, at.seq)
    with connection.transaction():
        lock(connection)
        found = head(connection)
        if (found.seq, found.hash) != (at.seq, at.hash):
            raise SomebodyAppended(at.seq, found.seq)
        with connection.cursor().copy(COPY) as copy:
            for block in _copied(rows):
                copy.write(block)
    return Head(seq=made.last, hash=made.hash, recorded_at=None)


def _copied(rows: bytes) -> Iterator[bytes]:
    """Yield rows in PostgreSQL's binary COPY form."""
    parts = [COPY_HEAD]
    for start, stop in bounds(rows):
        parts.append(b"\0\6%b\0\0\0\x20%b" % (rows[start : stop - HASH_BYTES], rows[stop - HASH_BYTES : stop]))
        if len(parts) > ROWS_PER_WRITE:
            yield b"".join(parts)
            parts = []
    yield b"".join([*parts, COPY_TAIL])


def _raise_epochs(connection: psycopg.Connection[Any], last: Segment) -> None:
    """Give each service the last epoch that the log knows, so that its next one is new to the log."""
    latest: dict[str, tuple[int, str, datetime]] = {}
    for one in read(connection, kinds=[ServiceTaken.__name__]):
        event = one.event
        assert isinstance(event, ServiceTaken)
        latest[event.service] = max(latest.get(event.service, (0, "", event.at)), (event.epoch, event.holder, event.at))
    if NAME in latest:
        epoch, holder, at = latest[NAME]
        latest[NAME] = (max(epoch, last.epoch), holder, at)
    with connection.transaction():
        for service, (epoch, holder, at) in latest.items():
            connection.execute(_RAISE, (service, epochs.lock_id(service), epoch, holder, at, at))
