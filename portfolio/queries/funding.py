"""Funding in the log: what venues paid of late, and how they changed their terms."""

from datetime import datetime
from typing import Final

from hedgeapp.core.events.positions import FundingPaid
from hedgeapp.core.events.reference import InstrumentChanged
from portfolio.core.funding_facts import Paid, TermChanged, changes, paid_since
from portfolio.queries.kinds import events_of
from portfolio.queries.past import Moment, seq_at

CHANGES_MAX: Final = 100  # on the page; the log has all


def paid_of_late(since: datetime, then: Moment | None) -> tuple[Paid, ...]:
    """Return what was paid from `since` on, until now or a moment.

    A fact of after `since` was recorded after it, so that the log is not read from its beginning.
    """
    found = events_of("funding:", seq_at(since), then)
    return paid_since((event for _, event in found if isinstance(event, FundingPaid)), since)


def term_changes(then: Moment | None) -> tuple[TermChanged, ...]:
    """Return the latest changes of instruments' terms of funding."""
    found = events_of("instrument:", 0, then)
    return changes((seq, event) for seq, event in found if isinstance(event, InstrumentChanged))[:CHANGES_MAX]
