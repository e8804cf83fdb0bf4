"""Rows of proposals: what the engine would have the desk do about an exposure, or why nothing.  (records)"""

from decimal import Decimal
from typing import Literal

from hedgeapp.core.events.orders import HedgeProposed
from hedgeapp.core.records import record

# inside: there is nothing to hedge; open: a proposal stands; in_flight: orders under way suffice, or the proposal was
# sent; cooldown: too soon after the last; blocked: no account may; unknown: the exposure is not current.
Stand = Literal["inside", "open", "in_flight", "cooldown", "blocked", "unknown"]


@record
class ProposalRow:
    """How hedging stands in one currency that has a band and contracts.

    `least` (≤ 0) and `most` (≥ 0) are what our orders under way may still add to the net exposure, in the currency.
    `proposal` is the open one, `size` what it comes to in the currency at the instrument's mark (unsigned; None where
    no mark is known). `because` is a sentence; empty where there is nothing to say.
    """

    currency: str
    stand: Stand
    because: str
    least: Decimal
    most: Decimal
    proposal: HedgeProposed | None = None
    size: Decimal | None = None
