"""Forced fills: what a venue did to our positions by itself lately.  ForcedFills x Book -> readings

A liquidation or an auto-deleveraging leaves the book unhedged and is over before anybody looks. It calls somebody for
an hour, with what it cost against the mark; that a dated contract came to its end calls less loudly.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from hedgeapp.core.events.alerts import Severity
from hedgeapp.core.records import record
from portfolio.core.alert_watch import Reading
from portfolio.core.attribution import Part
from portfolio.core.book import Book

SPAN: Final = timedelta(hours=1)  # so long a forced fill calls somebody
RULE: Final = "forced"
EVIDENCE: Final = "/pnl/"


@record
class ForcedFills:
    """What a venue forced of an account in an instrument, last in the minute that ended `at`.

    `usd` is what it made against the mark.
    """

    account: str
    instrument: str
    at: datetime
    usd: Decimal


def forced_fills(minutes: Iterable[tuple[datetime, Iterable[Part]]]) -> tuple[ForcedFills, ...]:
    """Return the forced fills of minutes with their parts, the oldest first, one for each account and instrument."""
    found: dict[tuple[str, str], ForcedFills] = {}
    for at, parts in minutes:
        for part in parts:
            if part.line == RULE:
                key = (part.who, part.subject)
                before = found[key].usd if key in found else Decimal(0)
                found[key] = ForcedFills(account=part.who, instrument=part.subject, at=at, usd=before + part.usd)
    return tuple(found[key] for key in sorted(found))


def forced_readings(forced: Iterable[ForcedFills], book: Book) -> Iterator[Reading]:
    """Yield a reading for each; there is none any more when its hour is over."""
    for one in forced:
        known = book.catalogue.instruments.get(one.instrument)
        is_end = known is not None and known.expiry == "dated"
        severity: Severity = "warning" if is_end else "critical"
        said = (
            f"fills of {one.account} in {one.instrument} by our own orders expected, found some that the venue forced "
            f"({'its end, liquidation or ADL' if is_end else 'liquidation or ADL'}), last before {one.at:%H:%M} UTC: "
            f"{one.usd:+,.2f} USD against the mark"
        )
        subject = f"{one.account} {one.instrument}"
        yield Reading(rule=RULE, subject=subject, verdict="ill", severity=severity, said=said, evidence=EVIDENCE)
