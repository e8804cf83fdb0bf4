"""Funding calendar: what each position is paid next, when, and what the next day brings.  Frame -> FundingCalendar

A payment is −rate · worth, so that a short is paid under a positive rate. All payments of the next 24 hours are at the
rates of now, which is what is known of them. No time is made up: where funding accrues (Deribit) there is none, and
after a payment whose interval the venue does not tell, no other is foreseen.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from hedgeapp.core.amounts import ZERO
from portfolio.core.figures import Figure, derived, none_of, total, unknown
from portfolio.core.frames import Frame
from portfolio.core.holdings import times
from portfolio.core.pnl import payments_a_day
from portfolio.core.rows import PositionRow
from portfolio.core.rows.funding import FundingCalendar, FundingHour, FundingLine, FundingVenue, Way

DAY: Final = timedelta(hours=24)
DAYS_A_YEAR: Final = 365
MICROSECOND: Final = timedelta(microseconds=1)
NOT_PAID: Final[dict[Way, str]] = {
    "accrues": "funding accrues all the time here: there is no payment to expect",
    "overdue": "the time that the venue told has passed, and it has not told the next one",
    "untold": "the venue has not told when it pays",
    "dated": "a dated contract has no funding",
    "flat": "nothing is held",
}


def funding_calendar(frame: Frame) -> FundingCalendar:
    """Return the calendar of a frame's positions."""
    prices = {one.asset: one.usd for one in frame.sheet.prices}
    lines = tuple(_line(row, prices, frame.at) for venue in frame.positions for row in venue.rows)
    return FundingCalendar(
        lines=lines,
        hours=tuple(_hours(lines, frame.at)),
        venues=tuple(_venue(name, lines) for name in sorted({one.venue for one in lines})),
        day_usd=total(one.day_usd for one in lines),
        accrues_usd=total(one.day_usd for one in lines if one.way == "accrues"),
    )


def due_within(line: FundingLine, at: datetime, span: timedelta = DAY) -> Iterator[datetime]:
    """Yield when a line is paid from `at` on, as far as its venue tells."""
    due = line.due_at if line.way == "paid" else None
    while due is not None and due < at + span:
        yield due
        due = due + timedelta(minutes=line.minutes) if line.minutes else None


def _line(row: PositionRow, prices: dict[str, Figure], at: datetime) -> FundingLine:
    way = _way(row, at)
    price = prices.get(row.settlement) or unknown(f"no USD price of {row.settlement} is in this frame")
    # A long pays under a positive rate, a short is paid.
    side = -1 if (row.size.value or ZERO) > 0 else 1
    payment = derived(lambda rate, worth: side * rate * worth, row.funding_rate, row.notional)
    yearly = payments_a_day(row.funding_minutes) * DAYS_A_YEAR
    has_rate = way not in ("dated", "flat")
    if way != "paid":
        payment = none_of((), NOT_PAID[way])
    accrued = _accrued(row, payment, way, at)
    return FundingLine(
        account=row.account,
        venue=row.venue,
        instrument=row.instrument,
        settlement=row.settlement,
        size=row.size,
        size_unit=row.size_unit,
        way=way,
        rate=row.funding_rate if way != "dated" else none_of((), NOT_PAID[way]),
        due_at=row.funding_at if way in ("paid", "overdue") else None,
        payment=payment,
        payment_usd=derived(times, payment, price) if way == "paid" else payment,
        accrued=accrued,
        accrued_usd=derived(times, accrued, price) if accrued.value is not None else accrued,
        day=row.funding_24h,
        day_usd=derived(times, row.funding_24h, price) if has_rate else row.funding_24h,
        annual=derived(lambda rate: side * rate * yearly, row.funding_rate) if has_rate else none_of((), NOT_PAID[way]),
        notional_usd=row.notional_usd,
        minutes=row.funding_minutes,
        cap=row.funding_cap,
        floor=row.funding_floor,
    )


def _accrued(row: PositionRow, payment: Figure, way: Way, at: datetime) -> Figure:
    """Return the part of the next payment that belongs to the time since the last one."""
    if way != "paid" or row.funding_at is None:
        return payment
    if row.funding_minutes is None:
        return unknown(f"{row.venue} has not told how long the interval of {row.instrument} is")
    interval = timedelta(minutes=row.funding_minutes)
    left = min(row.funding_at - at, interval)
    passed = Decimal((interval - left) // MICROSECOND) / Decimal(interval // MICROSECOND)
    return derived(lambda whole: whole * passed, payment)


def _way(row: PositionRow, at: datetime) -> Way:
    if row.expiry != "perpetual":
        return "dated"
    if not row.size.value:
        return "flat"
    if row.funding_accrues:
        return "accrues"
    if row.funding_at is None:
        return "untold"
    return "overdue" if row.funding_at < at else "paid"


def _hours(lines: Iterable[FundingLine], at: datetime) -> Iterator[FundingHour]:
    found: dict[datetime, list[FundingLine]] = {}
    for line in lines:
        for due in due_within(line, at):
            found.setdefault(due.replace(minute=0, second=0, microsecond=0), []).append(line)
    for hour, due_then in sorted(found.items()):
        yield FundingHour(
            at=hour,
            venues=tuple(sorted({one.venue for one in due_then})),
            payments=len(due_then),
            usd=total(one.payment_usd for one in due_then),
        )


def _venue(name: str, lines: Iterable[FundingLine]) -> FundingVenue:
    its = [one for one in lines if one.venue == name]
    paid = [one for one in its if one.way == "paid"]
    next_at = min((one.due_at for one in paid if one.due_at), default=None)
    first = [one.payment_usd for one in paid if one.due_at == next_at]
    return FundingVenue(
        venue=name,
        positions=len(its),
        next_at=next_at,
        next_usd=total(first) if first else none_of((), "no payment is foreseen here"),
        day_usd=total(one.day_usd for one in its),
    )
