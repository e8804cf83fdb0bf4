"""Minutes: why the net asset value changed, as it is kept; today, on a day of the past, and what stands unexplained."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Final

import msgspec

from hedgeapp.core.records import record
from portfolio.core.attribution import Line, Missing, Part
from portfolio.core.forced_fills import RULE, ForcedFills, forced_fills
from portfolio.core.forced_fills import SPAN as HOUR
from portfolio.core.profits import Profit, merged
from portfolio.core.rests import SPAN, RestState, standing
from portfolio.core.stands import exactly
from portfolio.models import AttributedDay, AttributedMinute

_lines: Final = msgspec.json.Decoder(dict[Line, Decimal]).decode
_parts: Final = msgspec.json.Decoder(tuple[Part, ...]).decode
_missing: Final = msgspec.json.Decoder(tuple[Missing, ...]).decode
_profits: Final = msgspec.json.Decoder(tuple[Profit, ...]).decode


@record
class KeptMinute:
    """A minute that ended `at`; amounts in USD, lines that are zero left out."""

    at: datetime
    from_at: datetime
    from_seq: int
    to_seq: int
    before: Decimal
    after: Decimal
    rest: Decimal
    lines: dict[Line, Decimal]
    missing: tuple[Missing, ...]


@record
class Day:
    """A day in UTC, up to the last of its minutes or to a moment.

    `parts` are the day's; `opening` is what had been earned when it began. `before` and `after` are the net asset
    value, in USD. `minutes` may be missing of a day that is long past.
    """

    day: date
    at: datetime
    to_seq: int
    before: Decimal
    after: Decimal
    rest: Decimal
    parts: tuple[Part, ...]
    opening: tuple[Profit, ...]
    minutes: tuple[KeptMinute, ...]


@record
class KeptDay:
    """A day that is over, up to event `to_seq`; amounts in USD."""

    day: date
    to_seq: int
    before: Decimal
    after: Decimal
    rest: Decimal


@record
class Sums:
    """All parts and all rest since the log's first minute, of which `begun` is the day; None when there is none."""

    parts: tuple[Part, ...]
    rest: Decimal
    begun: date | None


def sums_until(at: datetime, seq: int | None = None) -> Sums:
    """Return the sums of all days until a time, its own day up to an event or its last minute."""
    row = AttributedDay.objects.filter(day__lte=at.astimezone(UTC).date()).order_by("-day").first()
    begun = AttributedDay.objects.order_by("day").values_list("day", flat=True).first()
    if row is None:
        return Sums(parts=(), rest=Decimal(0), begun=None)
    parts, rest = _parts(row.parts), Decimal(row.rest)
    if seq is not None and row.to_seq > seq:
        day = day_at(datetime.combine(row.day, time(12), UTC), seq)
        parts, rest = (day.parts, day.rest) if day else ((), Decimal(0))
    with exactly():
        return Sums(parts=merged(_parts(row.earlier), parts), rest=Decimal(row.earlier_rest) + rest, begun=begun)


def day_at(at: datetime, seq: int | None = None) -> Day | None:
    """Return a time's day, up to an event or up to its last minute; None when it has no minute until then."""
    row = AttributedDay.objects.filter(day=at.astimezone(UTC).date()).first()
    if row is None:
        return None
    begins = datetime.combine(row.day, time(), UTC)
    found = AttributedMinute.objects.filter(at__gt=begins, at__lte=begins + timedelta(days=1)).order_by("to_seq")
    is_cut = seq is not None and row.to_seq > seq
    minutes = found.filter(to_seq__lte=seq) if is_cut else found
    kept = tuple(map(_minute, minutes.defer("parts")))
    parts, rest, last = _parts(row.parts), Decimal(row.rest), row.to_seq
    end, after = row.at, Decimal(row.after)
    if is_cut:
        if not kept:
            return None
        parts = merged(*map(_parts, minutes.values_list("parts", flat=True)))
        last, end, after = kept[-1].to_seq, kept[-1].at, kept[-1].after
        with exactly():
            rest = sum((one.rest for one in kept), Decimal(0))
    return Day(
        day=row.day,
        at=end,
        to_seq=last,
        before=Decimal(row.before),
        after=after,
        rest=rest,
        parts=parts,
        opening=_profits(row.opening),
        minutes=kept,
    )


def days_before(day: date, most: int) -> tuple[KeptDay, ...]:
    """Return the days before one that minutes are kept of, the latest first, at most so many."""
    rows = AttributedDay.objects.filter(day__lt=day).order_by("-day").defer("parts", "earlier", "opening")[:most]
    return tuple(map(_day, rows))


def days_with_parts(until: date) -> Iterator[tuple[KeptDay, tuple[Part, ...]]]:
    """Yield all days before one with their parts, the oldest first."""
    for row in AttributedDay.objects.filter(day__lt=until).order_by("day").iterator(chunk_size=50):
        yield _day(row), _parts(row.parts)


def rest_now(at: datetime) -> RestState | None:
    """Return what stands unexplained of the day before a time; None when no minute was ever kept."""
    last = AttributedMinute.objects.order_by("-to_seq").values_list("at", flat=True).first()
    if last is None:
        return None
    rests = AttributedMinute.objects.filter(at__gt=at - SPAN).order_by("to_seq").values_list("rest", flat=True)
    return RestState(at=last, usd=standing(map(Decimal, rests)))


def forced_lately(at: datetime) -> tuple[ForcedFills, ...]:
    """Return what venues forced within the hour before a time."""
    found = AttributedMinute.objects.filter(at__gt=at - HOUR, parts__contains=f'"{RULE}"').order_by("to_seq")
    return forced_fills((minute, _parts(parts)) for minute, parts in found.values_list("at", "parts"))


def _day(row: AttributedDay) -> KeptDay:
    return KeptDay(
        day=row.day,
        to_seq=row.to_seq,
        before=Decimal(row.before),
        after=Decimal(row.after),
        rest=Decimal(row.rest),
    )


def _minute(row: AttributedMinute) -> KeptMinute:
    return KeptMinute(
        at=row.at,
        from_at=row.from_at,
        from_seq=row.from_seq,
        to_seq=row.to_seq,
        before=Decimal(row.before),
        after=Decimal(row.after),
        rest=Decimal(row.rest),
        lines=_lines(row.lines),
        missing=_missing(row.missing),
    )
