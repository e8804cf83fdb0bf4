"""Steps: what an append asks and sends, whatever the connection.

Encoding comes before the lock; under the lock there are one round trip to look (head, fence, known keys), one COPY,
and the caller's commit. The order of the log is the order of commits, because the lock is held until the commit.
"""

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any, Final

from hedgeapp.core.events import Event, Recorded
from hedgeapp.core.events.trading import FillRecorded
from hedgeapp.core.records import record
from hedgeapp.eventlog import chain, codec, fences
from hedgeapp.eventlog.fences import Fence

CHANNEL: Final = "eventlog"  # each append is announced here, with the last seq
LOCK_ID: Final = 0x65_76_65_6E_74_6C_6F_67  # advisory lock of the log
LOCK_WAIT_MS_MAX: Final = 5_000  # longest wait for the lock
SILENCE_MS_MAX: Final = 5_000  # a transaction that holds the lock and says nothing for longer is ended
EVENTS_MAX: Final = 20_000  # events in one append
ROWS_PER_WRITE: Final = 100  # rows sent at once, so that the server stores while we hash

COPY = "COPY eventlog_event (seq, recorded_at, kind, key, body, hash) FROM STDIN (FORMAT binary)"
COPY_HEAD = b"PGCOPY\n\xff\r\n\0" + bytes(8)
COPY_TAIL = b"\xff\xff"

# Statements are prepared, for they are parsed more often than they find work; but a plan that was made for a short log
# would be kept while the log grows.
BOUNDS = (
    f"SELECT set_config('lock_timeout', '{LOCK_WAIT_MS_MAX}', true),"
    f" set_config('idle_in_transaction_session_timeout', '{SILENCE_MS_MAX}', true),"
    " set_config('plan_cache_mode', 'force_custom_plan', true)"
)
LOCK = f"SELECT pg_advisory_xact_lock({LOCK_ID})"
_HEAD = "SELECT seq, hash FROM eventlog_event ORDER BY seq DESC LIMIT 1"
_EPOCH = "SELECT epoch FROM eventlog_epoch WHERE service = %s"
# Keys of one batch are neighbors, so that one walk along the index finds them all. A subquery's array is planned as a
# short one: with the index, whatever the statistics say, unless the log is but a few pages.
_KNOWN = """
SELECT key, seq, timestamptz_send(recorded_at), kind, body
  FROM eventlog_event
 WHERE key = ANY (ARRAY(SELECT unnest(string_to_array(%s, E'\\n')) ORDER BY 1))
"""

Statement = tuple[str, tuple[Any, ...]]
Request = list[Statement] | Iterator[bytes]
Word = Callable[[Sequence[int]], Event | None]  # what goes with the events of these seqs, in the same COPY


class SameKeyOtherContent(ValueError):
    """An event's key is known, with another content."""

    def __init__(self, known: Event, offered: Event, seq: int | None) -> None:
        self.known, self.offered, self.seq = known, offered, seq
        where = f"at seq {seq}" if seq else "in the same batch"
        super().__init__(f"one content per key expected, found {known} {where} and now {offered}")


class KeyIsMalformed(ValueError):
    """An event's key is empty or holds a control character."""

    def __init__(self, key: str) -> None:
        super().__init__(f"a printable key expected, found {key!r}")


class TooManyEvents(ValueError):
    """More events were given than one append may hold the lock for."""

    def __init__(self, count: int) -> None:
        super().__init__(f"at most {EVENTS_MAX} events in one append expected, found {count}: append them in parts")


@record
class Encoded:
    """An event ready for the log; `words` are its bytes there but for its place."""

    event: Event
    key: str
    body: bytes
    words: bytes


def encoded(events: Iterable[Event]) -> list[Encoded]:
    """Encode events, which needs no lock; the same key twice is one event."""
    found: dict[str, Encoded] = {}
    for event in events:
        kind, body = codec.encode(event)
        key = event.key
        if not key.isprintable() or not key:
            raise KeyIsMalformed(key)
        earlier = found.get(key)
        if earlier is None:
            words = chain.words(kind.encode(), key.encode(), body)
            found[key] = Encoded(event=event, key=key, body=body, words=words)
        elif earlier.body != body and not _is_same(earlier.event, event):
            raise SameKeyOtherContent(earlier.event, event, None)
    if len(found) > EVENTS_MAX:
        raise TooManyEvents(len(found))
    return list(found.values())


def appending(
    offered: Sequence[Encoded], at: datetime, fence: Fence | None, word: Word | None = None
) -> Generator[Request, list[list[Any]] | None, list[Recorded]]:
    """Yield what to ask the database and what to copy into it; this is the append, whatever the connection."""
    if not offered:
        return []
    statements: list[Statement] = [(BOUNDS, ()), (LOCK, ()), (_HEAD, ())]
    statements.append((_KNOWN, ("\n".join(event.key for event in offered),)))
    if fence:
        statements.append((_EPOCH, (fence.service,)))
    answers = yield statements
    assert answers is not None
    if fence:
        fences.require(fence, answers[4][0][0] if answers[4] else None)
    seq, previous = answers[2][0] if answers[2] else (0, chain.GENESIS)
    known = _known(offered, answers[3])
    fresh = [event for event in offered if event.key not in known] if known else offered
    if fresh:
        told = word(range(seq + 1, seq + 1 + len(fresh))) if word else None
        yield _copied([*fresh, *encoded([told])] if told else fresh, seq, previous, chain.microseconds(at))
    taken = [Recorded(seq=n, recorded_at=at, event=event.event) for n, event in enumerate(fresh, seq + 1)]
    # What stands there with exactly our time came from us: the commit's answer was lost, and this is the second try.
    ours = [recorded for recorded in known.values() if recorded.recorded_at == at]
    return sorted(ours, key=lambda recorded: recorded.seq) + taken


def _known(offered: Sequence[Encoded], rows: list[Any]) -> dict[str, Recorded]:
    """Return what the log has under the offered keys; refuse where it says something else."""
    by_key = {event.key: event for event in offered} if rows else {}
    known = {}
    for key, seq, taken, kind, body in rows:
        event, offer = codec.decode(kind, body), by_key[key]
        if body != offer.body and not _is_same(event, offer.event):
            raise SameKeyOtherContent(event, offer.event, seq)
        known[key] = Recorded(seq=seq, recorded_at=chain.moment(int.from_bytes(taken, "big", signed=True)), event=event)
    return known


def _is_same(one: Event, other: Event) -> bool:
    """Tell whether two words are of one fact; a fill's place may be told by one of them alone, and the first stands."""
    if isinstance(one, FillRecorded) and isinstance(other, FillRecorded):
        return one.unplaced == other.unplaced
    return one == other


def _copied(fresh: Sequence[Encoded], seq: int, previous: bytes, taken_us: int) -> Iterator[bytes]:
    """Yield the rows in PostgreSQL's binary COPY form, chained from the head on."""
    yield COPY_HEAD
    for start in range(0, len(fresh), ROWS_PER_WRITE):
        parts = []
        for event in fresh[start : start + ROWS_PER_WRITE]:
            seq += 1
            row = chain.material(seq, taken_us, event.words)
            previous = chain.link(previous, row)
            parts.append(b"\0\6%b\0\0\0\x20%b" % (row, previous))
        yield b"".join(parts)
    yield COPY_TAIL
