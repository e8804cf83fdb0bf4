"""Telling: what people did enters the log, from where and seeing what; bounded, and never in the way of what was done.

A fact that cannot be written is an error in our own log: whoever was let in stays in.
"""

from datetime import UTC, datetime
from typing import Final
from urllib.parse import quote

import psycopg
import structlog
from django.contrib.auth.models import User
from django.db import DatabaseError, connection, transaction
from django.http import HttpRequest

from hedgeapp.access.models import LoginAttempt
from hedgeapp.core.events.door import (
    MORE,
    CameBy,
    CodesChange,
    CodesChanged,
    DataExported,
    DoorEvent,
    PasswordChanged,
    PersonActed,
    PersonCame,
    PersonDenied,
    PersonKeptOut,
    PersonLeft,
)
from hedgeapp.eventlog import witness
from hedgeapp.eventlog.append import LogIsBusy, SameKeyOtherContent, append
from hedgeapp.eventlog.models import LoggedEvent

PATH_LENGTH_MAX: Final = 300  # characters of a path with its query
SEQ_DIGITS_MAX: Final = 18
SEEN_HEADER: Final = "X-Seen-Seq"  # what a page shows, where no form carries it
SEEN_FIELD: Final = "seen_seq"
ADDRESSES_TOLD_MAX: Final = 30  # addresses of a minute from which somebody was kept out
PATHS_TOLD_MAX: Final = 30  # paths of a minute that a person was denied, or files that he took
ACTS_TOLD_MAX: Final = 600  # acts of a person in a minute
METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"})

_COUNT: Final = """
SELECT count(*) FROM (SELECT 1 FROM eventlog_event WHERE key >= %s AND key < %s COLLATE "C" LIMIT %s) AS found
"""

log = structlog.get_logger()


def address(request: HttpRequest) -> str:
    """Return where a request comes from; empty when nobody says."""
    return request.META.get("REMOTE_ADDR") or ""


def seen_seq(request: HttpRequest) -> int:
    """Return the last event that the page showed, by the browser's word; 0 when it did not say."""
    given = request.headers.get(SEEN_HEADER) or request.POST.get(SEEN_FIELD, "")
    return int(given) if given.isascii() and given.isdecimal() and len(given) <= SEQ_DIGITS_MAX else 0


def seq_of_head() -> int:
    """Return the log's last seq; 0 when it is empty."""
    return LoggedEvent.objects.order_by("-seq").values_list("seq", flat=True).first() or 0


def tell_came(request: HttpRequest, person: str, came_by: CameBy) -> None:
    """Tell that somebody logged in."""
    _tell(PersonCame(at=datetime.now(UTC), person=person, came_by=came_by, from_address=address(request)))


def tell_left(request: HttpRequest, person: str) -> None:
    """Tell that somebody logged out."""
    _tell(PersonLeft(at=datetime.now(UTC), person=person, from_address=address(request)))


def tell_kept_out(request: HttpRequest, tried: str, because: str) -> None:
    """Tell that somebody was not let in; the name only when somebody has it."""
    witness.end()  # whoever is kept out has done nothing, even if he is somebody already
    at, where = datetime.now(UTC), address(request)
    known = User.objects.filter(username=tried[:150]).values_list("username", flat=True).first() or ""
    attempts = LoginAttempt.objects.filter(address=where or None).count()
    event = PersonKeptOut(at=at, person=known, from_address=where or "unknown", because=because, attempts=attempts)
    if _told(event.key.removesuffix(event.from_address), ADDRESSES_TOLD_MAX) >= ADDRESSES_TOLD_MAX:
        event = PersonKeptOut(at=at, person="", from_address=MORE, because="more addresses", attempts=attempts)
    _tell(event)


def tell_password(request: HttpRequest, person: str) -> None:
    """Tell that somebody set his own password."""
    _tell(PasswordChanged(at=datetime.now(UTC), person=person, by=person, from_address=address(request)))


def tell_codes(request: HttpRequest, person: str, by: str, change: CodesChange) -> None:
    """Tell that somebody's codes are others, or count from now on."""
    where = address(request)
    _tell(CodesChanged(at=datetime.now(UTC), person=person, by=by, change=change, from_address=where))


def acted(request: HttpRequest, by: str, seqs: tuple[int, ...] = ()) -> PersonActed | None:
    """Return the event that tells of a form of somebody and of what it put into the log; None beyond so many."""
    request.acted = True  # type: ignore[attr-defined]
    event = PersonActed(
        at=datetime.now(UTC),
        by=by,
        from_address=address(request),
        path=_path(request),
        seen_seq=seen_seq(request),
        seqs=seqs,
    )
    if _told(event.key.rpartition(":")[0] + ":", ACTS_TOLD_MAX) < ACTS_TOLD_MAX:
        return event
    log.error("access.too_many_acts", by=by, path=event.path)
    return None


def tell_acted(request: HttpRequest, by: str) -> None:
    """Tell that a form of somebody was done that put nothing into the log."""
    if event := acted(request, by):
        _tell(event)


def tell_denied(request: HttpRequest, by: str) -> None:
    """Tell that somebody asked for what his roles do not allow."""
    method = request.method if request.method in METHODS else "other"
    at, where, seen = datetime.now(UTC), address(request), seen_seq(request)
    event = PersonDenied(at=at, by=by, from_address=where, method=method, path=_path(request), seen_seq=seen)
    if _told(event.key.removesuffix(f"{event.method} {event.path}"), PATHS_TOLD_MAX) >= PATHS_TOLD_MAX:
        event = PersonDenied(at=at, by=by, from_address=where, method=MORE, path=MORE, seen_seq=0)
    _tell(event)


def tell_export(request: HttpRequest) -> None:
    """Tell that somebody takes data out as a file."""
    at, by, where = datetime.now(UTC), request.user.get_username(), address(request)
    event = DataExported(at=at, by=by, from_address=where, path=_path(request, with_query=True))
    if _told(event.key.removesuffix(event.path), PATHS_TOLD_MAX) >= PATHS_TOLD_MAX:
        event = DataExported(at=at, by=by, from_address=where, path=MORE)
    _tell(event)


def _path(request: HttpRequest, *, with_query: bool = False) -> str:
    """Return a path as an address writes it: printable, whatever was asked for."""
    query = request.META.get("QUERY_STRING", "")
    whole = request.path + (f"?{query}" if with_query and query else "")
    return quote(whole, safe="/:?&=%+,@-._~")[:PATH_LENGTH_MAX]


def _told(beginning: str, most: int) -> int:
    """Return how many keys begin so, at most so many."""
    try:
        with connection.cursor() as cursor:
            cursor.execute(_COUNT, [beginning, beginning + "\x7f", most])
            return int(cursor.fetchone()[0])
    except DatabaseError as error:
        log.error("access.untold", error=str(error).strip())
        return most


def _tell(event: DoorEvent) -> None:
    try:
        with transaction.atomic(durable=True):
            connection.ensure_connection()
            append(connection.connection, [event], at=event.at)
    except SameKeyOtherContent:
        pass  # this minute's is in the log already
    except (LogIsBusy, psycopg.Error, DatabaseError) as error:
        log.error("access.untold", kind=type(event).__name__, key=event.key, error=str(error).strip())
