"""Funding facts: what was paid of late, and how venues changed their terms of funding.  events -> rows"""

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import Final

from hedgeapp.core.amounts import ZERO
from hedgeapp.core.events.positions import FundingPaid
from hedgeapp.core.events.reference import InstrumentChanged
from hedgeapp.core.instruments import Instrument
from hedgeapp.core.records import record

TERMS: Final = ("minutes", "cap", "floor")


@record
class Paid:
    """What an account received (positive) or paid (negative) for one instrument, in `asset`, by so many payments."""

    account: str
    instrument: str
    asset: str
    amount: Decimal
    payments: int
    last_at: datetime


@record
class TermChanged:
    """One term of an instrument's funding that became another; None is what nobody had told."""

    seq: int
    at: datetime
    by: str
    instrument: str
    term: str
    before: Decimal | None
    after: Decimal | None
    reason: str


def paid_since(events: Iterable[FundingPaid], since: datetime) -> tuple[Paid, ...]:
    """Return what was paid at the venues' own times from `since` on, by account, instrument and asset."""
    found: dict[tuple[str, str, str], Paid] = {}
    for one in events:
        if one.at < since:
            continue
        key = (one.account, one.instrument, one.asset)
        before = found.get(key)
        found[key] = Paid(
            account=one.account,
            instrument=one.instrument,
            asset=one.asset,
            amount=one.amount + (before.amount if before else ZERO),
            payments=1 + (before.payments if before else 0),
            last_at=max(one.at, before.last_at) if before else one.at,
        )
    return tuple(found[key] for key in sorted(found))


def changes(events: Iterable[tuple[int, InstrumentChanged]]) -> tuple[TermChanged, ...]:
    """Return each change of a term, the latest first; events come in the log's order.

    An instrument's first record changes nothing: there is nothing before it.
    """
    known: dict[str, Instrument] = {}
    found: list[TermChanged] = []
    for seq, event in events:
        now = event.instrument
        before = known.get(now.id)
        known[now.id] = now
        if before is None:
            continue
        for term in TERMS:
            was, has = getattr(before.funding, term), getattr(now.funding, term)
            if was != has:
                found.append(
                    TermChanged(
                        seq=seq,
                        at=event.at,
                        by=event.by,
                        instrument=now.id,
                        term=term,
                        before=_number(was),
                        after=_number(has),
                        reason=event.reason,
                    )
                )
    return tuple(reversed(found))


def _number(value: int | Decimal | None) -> Decimal | None:
    return None if value is None else Decimal(value)
