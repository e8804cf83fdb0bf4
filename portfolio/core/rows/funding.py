"""Rows of the funding calendar: what each position is paid next, by time and by venue.  (records)"""

from datetime import datetime
from decimal import Decimal
from typing import Literal

from hedgeapp.core.records import record
from portfolio.core.figures import Figure

Way = Literal["paid", "accrues", "overdue", "untold", "dated", "flat"]


@record
class FundingLine:
    """What one position is paid (positive) or pays (negative) next.

    `way` says how: `paid` at `due_at`, `accrues` all the time, `overdue` where the time that the venue told has passed,
    `untold` where it told none, `dated` for a contract without funding, `flat` where nothing is held. `rate` is the
    venue's, positive where longs pay; `annual` is what a year at that rate brings us of the notional. `payment` is that
    of `due_at`, `accrued` its part for the time of its interval that has passed, which nobody owes before it is paid,
    and `day` what 24 hours bring, in `settlement`; None of `minutes`, `cap` and `floor` is not told.
    """

    account: str
    venue: str
    instrument: str
    settlement: str
    size: Figure
    size_unit: str
    way: Way
    rate: Figure
    due_at: datetime | None
    payment: Figure
    payment_usd: Figure
    accrued: Figure
    accrued_usd: Figure
    day: Figure
    day_usd: Figure
    annual: Figure
    notional_usd: Figure
    minutes: int | None
    cap: Decimal | None
    floor: Decimal | None


@record
class FundingHour:
    """What is due in an hour that begins at `at`: its payments at the rates of now, in USD."""

    at: datetime
    venues: tuple[str, ...]
    payments: int
    usd: Figure


@record
class FundingVenue:
    """What a venue's positions are paid next, and in 24 hours at the rates of now, in USD; `next_at` is the first."""

    venue: str
    positions: int
    next_at: datetime | None
    next_usd: Figure
    day_usd: Figure


@record
class FundingCalendar:
    """All lines, what is due in the next 24 hours, and what accrues beside it without a time."""

    lines: tuple[FundingLine, ...]
    hours: tuple[FundingHour, ...]
    venues: tuple[FundingVenue, ...]
    day_usd: Figure
    accrues_usd: Figure
