"""Rests: whether what no fact explains of the net asset value is too much.  RestState x Book x at -> readings

A wallet that is stated a moment after its fill leaves a rest in one minute and takes it back in the next. So the rests
of a day are summed, and of the sums as of the last two minutes the one nearer to zero counts: what is there in one of
them only was never missing.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from hedgeapp.core.amounts import ZERO
from hedgeapp.core.records import record
from portfolio.core.alert_watch import Reading, Verdict
from portfolio.core.book import Book
from portfolio.core.stands import exactly

SPAN: Final = timedelta(hours=24)  # of which the rests are summed
AGE_MAX: Final = timedelta(minutes=10)  # a minute that ended before that says nothing of now
USD_MAX: Final = Decimal(100)  # unless a limit says otherwise
RULE: Final = "rest"
LIMIT: Final = ("unexplained_usd_max", "nav")
EVIDENCE: Final = "/pnl/"


@record
class RestState:
    """What of the change of the last day stands unexplained, in USD, as of the minute that ended `at`."""

    at: datetime
    usd: Decimal


def standing(rests: Iterable[Decimal]) -> Decimal:
    """Return what stands unexplained of rests, the oldest first: the sum with or without the last, nearer to zero."""
    given = tuple(rests)
    with exactly():
        until = sum(given[:-1], ZERO)
        whole = sum(given, ZERO)
    if len(given) < 2 or until * whole <= 0:
        return ZERO
    return min(until, whole, key=abs)


def limit_of(book: Book) -> Decimal:
    """Return how much may be unexplained, in USD."""
    limit = book.catalogue.limits_by_subject.get(LIMIT)
    return limit.value if limit else USD_MAX


def rest_readings(state: RestState | None, book: Book, at: datetime) -> Iterator[Reading]:
    """Yield whether the rest is within its limit; nothing until a minute was attributed for the first time."""
    if state is None:
        return
    most = limit_of(book)
    said = f"at most {most:,f} USD of a day's change unexplained expected, found {state.usd:+,.2f}"
    verdict: Verdict = "ill" if abs(state.usd) > most else "well"
    if at - state.at > AGE_MAX:
        within = f"{AGE_MAX.total_seconds() / 60:g} min"
        said = f"a minute attributed within {within} expected, found the last at {state.at:%H:%M} UTC"
        verdict = "no_data"
    yield Reading(
        rule=RULE, subject="net asset value", verdict=verdict, severity="warning", said=said, evidence=EVIDENCE
    )
