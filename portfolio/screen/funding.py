"""Funding as a page: what each position is paid next, what is due when, what was paid, and how terms changed.

Calendar and facts -> sections. Positive is what we receive; what is not known is shown as such, with the reason.
"""

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from hedgeapp.core.amounts import ZERO
from hedgeapp.live import Leaf
from portfolio.core.figures import folded, none_of
from portfolio.core.frames import Frame
from portfolio.core.funding_calendar import funding_calendar
from portfolio.core.funding_facts import Paid, TermChanged
from portfolio.core.rows.funding import FundingCalendar, FundingHour, FundingLine, FundingVenue
from portfolio.screen.exposure import HUNDRED
from portfolio.screen.leaves import figure, name, word
from portfolio.screen.numbers import signed, span
from portfolio.screen.page import Row, row

CENTS: Final = 2
RATE_DECIMALS: Final = 4
DAYS_PAID: Final = 30
MINUTES_OF_HOUR: Final = 60
WAYS: Final = {
    "accrues": (
        "accrues all the time",
        "the venue pays by the millisecond and settles it daily: there is no next payment",
    ),
    "overdue": ("not told", "the time that the venue told has passed, and it has not told the next one"),
    "untold": ("not told", "the venue has not told when it pays"),
    "dated": ("no funding", "a dated contract has none"),
    "flat": ("nothing held", "a position that is flat is paid nothing"),
}
TERMS: Final = {"minutes": "interval", "cap": "cap", "floor": "floor"}
UNTOLD: Final = "not told"


def sections(frame: Frame, paid: Iterable[Paid], changed: Iterable[TermChanged]) -> dict[str, Any]:
    """Return what the page shows of a frame and of the log."""
    calendar = funding_calendar(frame)
    paid = tuple(paid)
    of_line = _paid_by_line(paid)
    held = {(one.account, one.instrument) for one in calendar.lines}
    return {
        "head": _head(calendar),
        "lines": tuple(_line(one, of_line.get((one.account, one.instrument), ()), frame.at) for one in calendar.lines),
        "closed": tuple(_closed(one) for one in paid if (one.account, one.instrument) not in held),
        "hours": tuple(_hour(one, frame.at) for one in calendar.hours),
        "venues": tuple(_venue(one, frame.at) for one in calendar.venues),
        "changes": tuple(_changed(one) for one in changed),
        "days_paid": DAYS_PAID,
        "taken_at": frame.at,
        "seq": frame.seq,
    }


def _paid_by_line(paid: Iterable[Paid]) -> dict[tuple[str, str], tuple[Paid, ...]]:
    found: dict[tuple[str, str], tuple[Paid, ...]] = {}
    for one in paid:
        key = (one.account, one.instrument)
        found[key] = (*found.get(key, ()), one)
    return found


def _head(calendar: FundingCalendar) -> Row:
    due = [one.usd for one in calendar.hours]
    first = due[0] if due else none_of((), "no payment is foreseen in the next 24 hours")
    leaves = {
        "first": figure("funding-first", first, "USD", decimals=CENTS, sign=True),
        "day": figure("funding-day", calendar.day_usd, "USD", decimals=CENTS, sign=True),
        "accrues": figure("funding-accrues", calendar.accrues_usd, "USD", decimals=CENTS, sign=True),
    }
    return row("head", {}, leaves)


def _line(one: FundingLine, paid: tuple[Paid, ...], at: datetime) -> Row:
    here = name("funding", one.account, one.instrument)
    held = one.size.value or ZERO
    leaves = {
        "size": figure(f"{here}-size", one.size, one.size_unit, sign=True),
        "rate": figure(f"{here}-rate", one.rate, "%", sign=True, decimals=RATE_DECIMALS, scale=HUNDRED),
        "due": _due(f"{here}-due", one, at),
        "payment": figure(f"{here}-payment", one.payment, one.settlement, sign=True, suffix=f" {one.settlement}"),
        "payment_usd": figure(f"{here}-payment_usd", one.payment_usd, "USD", sign=True, decimals=CENTS),
        "day_usd": figure(f"{here}-day_usd", one.day_usd, "USD", sign=True, decimals=CENTS),
        "annual": figure(f"{here}-annual", one.annual, "%", sign=True, decimals=CENTS, scale=HUNDRED),
        "paid": _paid(f"{here}-paid", one.settlement, paid),
    }
    texts = {
        "account": one.account,
        "symbol": one.instrument.partition(":")[2],  # the account says which venue
        "side": "long" if held > 0 else "short" if held < 0 else "flat",
        "asset": one.settlement,
        "interval": _interval(one),
        "bounds": _bounds(one.floor, one.cap),
    }
    return row(f"{one.account}:{one.instrument}", texts, leaves)


def _due(id: str, one: FundingLine, at: datetime) -> Leaf:
    if one.way == "paid" and one.due_at:
        because = f"{one.due_at:%Y-%m-%d %H:%M:%S} UTC, as {one.venue} says"
        return word(id, f"in {span(one.due_at - at)}", "idle", because)
    said, because = WAYS[one.way]
    return word(id, said, "warn" if one.way in ("overdue", "untold") else "idle", because)


def _paid(id: str, settlement: str, paid: tuple[Paid, ...]) -> Leaf:
    in_settlement = sum((one.amount for one in paid if one.asset == settlement), ZERO)
    shown = folded(in_settlement) if paid else none_of((), f"the log has no payment of the last {DAYS_PAID} days")
    return figure(id, shown, settlement, sign=True, suffix=f" {settlement}")


def _closed(one: Paid) -> Row:
    leaves = {
        "paid": figure(
            name("funding", "closed", one.account, one.instrument, one.asset), folded(one.amount), one.asset, sign=True
        )
    }
    last = f"{one.last_at:%Y-%m-%d %H:%M}"
    symbol = one.instrument.partition(":")[2]
    texts = {"account": one.account, "symbol": symbol, "asset": one.asset, "payments": str(one.payments)}
    return row(f"{one.account}:{one.instrument}:{one.asset}", texts | {"last": last}, leaves)


def _hour(one: FundingHour, at: datetime) -> Row:
    here = name("funding", "hour", f"{one.at:%Y%m%d%H}")
    payments = f"{one.payments} payment{'' if one.payments == 1 else 's'}"
    texts = {"at": f"{one.at:%d %b %H}:00", "who": ", ".join(one.venues), "payments": payments}
    return row(here, texts, {"usd": figure(f"{here}-usd", one.usd, "USD", sign=True, decimals=CENTS)})


def _venue(one: FundingVenue, at: datetime) -> Row:
    here = name("funding", "venue", one.venue)
    leaves = {
        "next": figure(f"{here}-next", one.next_usd, "USD", sign=True, decimals=CENTS),
        "day": figure(f"{here}-day", one.day_usd, "USD", sign=True, decimals=CENTS),
    }
    when = f"{one.next_at:%d %b %H:%M}, in {span(one.next_at - at)}" if one.next_at else "—"
    return row(one.venue, {"venue": one.venue, "positions": str(one.positions), "when": when}, leaves)


def _changed(one: TermChanged) -> Row:
    texts = {
        "at": f"{one.at:%Y-%m-%d %H:%M}",
        "seq": str(one.seq),
        "instrument": one.instrument,
        "term": TERMS[one.term],
        "before": _term(one.term, one.before),
        "after": _term(one.term, one.after),
        "by": one.by,
        "reason": one.reason,
    }
    return row(f"{one.seq}:{one.term}", texts, {})


def _interval(one: FundingLine) -> str:
    if one.way == "accrues":
        return "none: accrues"
    return UNTOLD if one.minutes is None else _minutes(one.minutes)


def _minutes(minutes: int) -> str:
    return f"{minutes // MINUTES_OF_HOUR} h" if minutes % MINUTES_OF_HOUR == 0 else f"{minutes} min"


def _term(term: str, value: Decimal | None) -> str:
    if value is None:
        return UNTOLD
    return _minutes(int(value)) if term == "minutes" else _rate(value)


def _bounds(floor: Decimal | None, cap: Decimal | None) -> str:
    """Return the least and most that a rate may be, in %, in few letters: the column is the last of many."""
    if floor is None and cap is None:
        return UNTOLD
    if floor is not None and cap is not None and floor == -cap:
        return f"±{_rate(cap).lstrip('+').removesuffix(' %')}"
    return f"{_rate(floor)} to {_rate(cap)}".replace(" %", "")


def _rate(value: Decimal | None) -> str:
    return UNTOLD if value is None else f"{signed(value * HUNDRED, RATE_DECIMALS)} %"
