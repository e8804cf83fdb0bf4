"""Profits: what the book earned until now or until a moment, with why its net asset value changed that day."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Final

from hedgeapp.core.records import record
from portfolio.core.book import Book
from portfolio.core.profits import Profit, profits, since
from portfolio.core.rests import limit_of
from portfolio.core.stands import Stand, stand
from portfolio.queries.books import FOLLOWING
from portfolio.queries.minutes import Day, KeptDay, Sums, day_at, days_before, sums_until
from portfolio.queries.past import Moment
from portfolio.queries.past_frames import past_book

DAYS_MAX: Final = 30  # before the one that is shown


@record
class Earned:
    """What was earned: in all, and on the day of `at`, which is None where the day has no minute yet.

    `sums` are the parts of all days until then, `days` the latest of them before it; `most` is the limit of what may be
    unexplained, in USD.
    """

    at: datetime
    stood: Stand
    whole: tuple[Profit, ...]
    today: tuple[Profit, ...] | None
    day: Day | None
    sums: Sums
    days: tuple[KeptDay, ...]
    most: Decimal


def earned(then: Moment | None) -> Earned:
    """Return what was earned until now, or until a moment. Refuses with BookIsBusy."""
    if then:
        return _earned(past_book(then), then.at, then.seq)
    now = datetime.now(UTC)
    with FOLLOWING.held() as book:
        return _earned(book, now, None)


def _earned(book: Book, at: datetime, seq: int | None) -> Earned:
    stood = stand(book, book.marks, at)
    day, sums = day_at(at, seq), sums_until(at, seq)
    today = None
    if day is not None:
        today = since(day.opening, profits(book, stood, day.parts))
    return Earned(
        at=at,
        stood=stood,
        whole=profits(book, stood, sums.parts),
        today=today,
        day=day,
        sums=sums,
        days=days_before(at.astimezone(UTC).date(), DAYS_MAX),
        most=limit_of(book),
    )
