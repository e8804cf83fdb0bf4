"""Past: the moment that a page is asked for, and which event was the log's last at a time."""

import re
from datetime import UTC, datetime
from typing import Final
from urllib.parse import urlencode

from hedgeapp.core.records import record
from hedgeapp.eventlog.models import LoggedEvent

SHOWN_MAX: Final = 60  # characters of what somebody asked for that are repeated to him
SEQ_DIGITS_MAX: Final = 18
# An address writes a plus as a blank: what a time's zone begins with may come as one.
_BLANK_ZONE: Final = re.compile(r"(T[\d:.]+) (\d\d:?\d\d)$")


class MomentIsRefused(ValueError):
    """A page is asked for at a moment that the log has not, or that is none."""


@record
class Moment:
    """A moment of the past: the last event that was in the log, and the time; `asked` is as an address says it."""

    seq: int
    at: datetime
    asked: str

    @property
    def query(self) -> str:
        """Return it as the part of an address that asks for it."""
        return urlencode({"at": self.asked})


def moment(given: str, now: datetime) -> Moment:
    """Return the moment that somebody asks for: an event's number, or a time (in UTC, unless it names its zone).

    Raise MomentIsRefused, with a sentence.
    """
    head = LoggedEvent.objects.order_by("-seq").values_list("seq", flat=True).first() or 0
    if given.isascii() and given.isdecimal():
        return _of_event(given, head)
    at = time_of(given)
    if at > now:
        raise MomentIsRefused(f"a moment of the past expected, found {_written(at)}: it is {_written(now)} now")
    seq = seq_at(at)
    if not seq:
        raise MomentIsRefused(f"a time since the log's first event expected, found {_written(at)}{_since()}")
    return Moment(seq=seq, at=at, asked=_written(at))


def time_of(given: str) -> datetime:
    """Return a time as somebody wrote it, in UTC unless it names its zone; raise MomentIsRefused when it is none."""
    try:
        at = datetime.fromisoformat(_BLANK_ZONE.sub(r"\1+\2", given))
        return (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        shown = given[:SHOWN_MAX]
        said = f"an event's number or a time like 2026-03-01T12:00:00 expected, found {shown}"
        raise MomentIsRefused(said) from error


def seq_at(at: datetime) -> int:
    """Return the last event that the log had taken by a time, 0 when there was none: found by halving the log."""
    newest = LoggedEvent.objects.order_by("-seq").values_list("seq", flat=True).first() or 0
    known, beyond = 0, newest + 1  # the log is gapless, and its times grow with it
    while beyond - known > 1:
        middle = (known + beyond) // 2
        if LoggedEvent.objects.values_list("recorded_at", flat=True).get(seq=middle) <= at:
            known = middle
        else:
            beyond = middle
    return known


def behind_since(projected_seq: int) -> datetime | None:
    """Return when the log took the first event that is not in the rows yet; None when all are."""
    return LoggedEvent.objects.filter(seq=projected_seq + 1).values_list("recorded_at", flat=True).first()


def _of_event(given: str, head: int) -> Moment:
    seq = int(given) if len(given) <= SEQ_DIGITS_MAX else 0
    if not 1 <= seq <= head:
        raise MomentIsRefused(f"an event of the log (1 to {head}) expected, found {given[:SHOWN_MAX]}")
    at = LoggedEvent.objects.values_list("recorded_at", flat=True).get(seq=seq)
    return Moment(seq=seq, at=at, asked=str(seq))


def _since() -> str:
    first = LoggedEvent.objects.order_by("seq").values_list("recorded_at", flat=True).first()
    return f": it is of {_written(first)}" if first else ": the log is empty"


def _written(at: datetime) -> str:
    return at.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="seconds" if not at.microsecond else "auto") + "Z"
