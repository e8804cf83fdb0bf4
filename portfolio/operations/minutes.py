"""Minutes: keep why the net asset value changed, minute by minute, each after the one before it."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import groupby
from typing import Final

import msgspec
from django.db import connection, transaction

from portfolio.core.attribution import Part
from portfolio.core.minutes import Minute
from portfolio.core.profits import merged
from portfolio.core.stands import exactly
from portfolio.models import AttributedDay, AttributedMinute
from portfolio.operations import books

KEPT_FOR: Final = timedelta(days=14)
LOCK_ID: Final = 0x6D_69_6E_75_74_65_73  # advisory lock of whoever writes minutes
MOMENT: Final = timedelta(microseconds=1)

_json: Final = msgspec.json.Encoder(decimal_format="string").encode
_parts: Final = msgspec.json.Decoder(tuple[Part, ...]).decode


class MinutesMoved(RuntimeError):
    """Somebody else wrote minutes meanwhile: this writer's are not the next ones any more."""

    def __init__(self, expected: int, found: int) -> None:
        super().__init__(f"the last minute expected to end at event {expected}, found {found}: begin again there")


def keep_minutes(minutes: Sequence[Minute]) -> None:
    """Keep minutes that follow the last one kept, and their days, in one transaction. Refuses with MinutesMoved."""
    if not minutes:
        return
    with transaction.atomic(durable=True):
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", (LOCK_ID,))
        last = AttributedMinute.objects.order_by("-to_seq").values_list("to_seq", flat=True).first()
        first = minutes[0].change
        is_next = first.from_seq == (last or 0) or (last is None and first.from_seq == first.to_seq)
        if not is_next:
            raise MinutesMoved(first.from_seq, last or 0)
        AttributedMinute.objects.bulk_create([_minute(one) for one in minutes])
        for day, of_day in groupby(minutes, key=lambda one: day_of(one.change.at)):
            _keep_day(day, list(of_day))


def last_cut() -> tuple[int, datetime] | None:
    """Return the event and the time at which the last minute ended; None when none is kept of this log."""
    return AttributedMinute.objects.order_by("-to_seq").values_list("to_seq", "at").first()


def forget_if_ahead() -> bool:
    """Delete everything if it is ahead of the log, which then is another one; tell whether it was."""
    cut = last_cut()
    if cut is None or cut[0] <= books.head_seq():
        return False
    with transaction.atomic():
        AttributedMinute.objects.all().delete()
        AttributedDay.objects.all().delete()
    return True


def prune_minutes(at: datetime) -> int:
    """Delete the minutes older than KEPT_FOR, never the last one, and return how many there were."""
    last = last_cut()
    old = AttributedMinute.objects.filter(at__lt=at - KEPT_FOR)
    deleted, _ = (old.exclude(to_seq=last[0]) if last else old).delete()
    return deleted


def day_of(at: datetime) -> date:
    """Return the day in UTC in which a minute that ends at a time is: midnight ends the day before."""
    return (at - MOMENT).date()


def _minute(one: Minute) -> AttributedMinute:
    change = one.change
    return AttributedMinute(
        to_seq=change.to_seq,
        from_seq=change.from_seq,
        at=change.at,
        from_at=change.from_at,
        before=str(change.before),
        after=str(change.after),
        rest=str(change.rest),
        lines=_json({line: usd for line, usd in change.lines.items() if usd}).decode(),
        parts=_json(merged(change.parts)).decode(),
        missing=_json(change.missing).decode(),
    )


def _keep_day(day: date, minutes: Sequence[Minute]) -> None:
    row = AttributedDay.objects.filter(day=day).first() or _new_day(day, minutes[0])
    last = minutes[-1].change
    row.parts = _text(merged(_parts(row.parts), *(one.change.parts for one in minutes)))
    with exactly():
        row.rest = str(sum((one.change.rest for one in minutes), Decimal(row.rest)))
    row.to_seq, row.at, row.after = last.to_seq, last.at, str(last.after)
    row.save()


def _new_day(day: date, first: Minute) -> AttributedDay:
    before = AttributedDay.objects.filter(day__lt=day).order_by("-day").first()
    earlier, rest = "[]", "0"
    if before is not None:
        earlier = _text(merged(_parts(before.earlier), _parts(before.parts)))
        with exactly():
            rest = str(Decimal(before.earlier_rest) + Decimal(before.rest))
    return AttributedDay(
        day=day,
        before=str(first.change.before),
        rest="0",
        parts="[]",
        earlier=earlier,
        earlier_rest=rest,
        opening=_json(first.opening).decode(),
    )


def _text(parts: Iterable[Part]) -> str:
    return _json(tuple(parts)).decode()
