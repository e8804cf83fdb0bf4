"""Funding export: the calendar's lines as CSV that no spreadsheet takes for formulas."""

import csv
import io
from collections.abc import Iterable
from datetime import UTC, datetime
from decimal import Decimal

from hedgeapp.core.amounts import ZERO
from portfolio.core.figures import Figure
from portfolio.core.frames import Frame
from portfolio.core.funding_calendar import funding_calendar
from portfolio.core.funding_facts import Paid
from portfolio.core.rows.funding import FundingLine
from portfolio.screen.order_export import exact, text

HEAD = (
    "account", "instrument", "size", "size_unit", "how", "due_at", "rate", "rate_state", "rate_at", "because",
    "settlement", "payment", "payment_usd", "day", "day_usd", "annual", "interval_minutes", "cap", "floor",
    "paid_30_days", "payments_30_days",
)  # fmt: skip


def calendar(frame: Frame, paid: Iterable[Paid]) -> str:
    """Return a line for each position with all digits; rates are fractions, empty is what is not known."""
    found = {(one.account, one.instrument, one.asset): one for one in paid}
    lines = [
        _line(one, found.get((one.account, one.instrument, one.settlement))) for one in funding_calendar(frame).lines
    ]
    out = io.StringIO()
    csv.writer(out).writerows((HEAD, *lines))
    return out.getvalue()


def _line(one: FundingLine, paid: Paid | None) -> list[str]:
    return [
        *map(text, (one.account, one.instrument)),
        _value(one.size),
        text(one.size_unit),
        one.way,
        _time(one.due_at),
        _value(one.rate),
        one.rate.state,
        _time(one.rate.at),
        text(one.rate.because),
        text(one.settlement),
        *(_value(shown) for shown in (one.payment, one.payment_usd, one.day, one.day_usd, one.annual)),
        "" if one.minutes is None else str(one.minutes),
        _number(one.cap),
        _number(one.floor),
        exact(paid.amount if paid else ZERO),
        str(paid.payments if paid else 0),
    ]


def _value(shown: Figure) -> str:
    return _number(shown.value)


def _number(value: Decimal | None) -> str:
    return "" if value is None else exact(value)


def _time(at: datetime | None) -> str:
    return "" if at is None else at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
