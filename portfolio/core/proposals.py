"""Proposals: the last in each currency, so that the next one has a name and waits its turn.  (records)"""

from datetime import datetime

from hedgeapp.core.records import record


@record
class LastProposal:
    """The last proposal in a currency: its number there, counted from 1, and when it was closed; None while open."""

    currency: str
    number: int
    closed_at: datetime | None = None


def proposal_id(currency: str, number: int) -> str:
    """Return the name of a currency's proposal by its number: two engines in succession give the same."""
    return f"{currency}-{number}"
