"""Differences: what we say of one thing against what they say.  (records)"""

from decimal import Decimal
from typing import Final, Literal

from hedgeapp.core.records import fact

DifferenceKind = Literal[
    "position",  # signed contracts
    "balance",  # of an account, against what our facts explain
    "open_order",
    "fill",
    "funding",
    "transfer",
    "collateral",  # in a wallet of a custodian or a chain, as its feed told it last
    "holding",  # in a custodian's wallet, against what our facts explain
    "delegation",  # mirrored from a custodian to a venue
    "supply",  # of the synthetic dollar
    "instrument",  # its specification and tiers
    "mode",  # how an account holds positions and margin
    "memory",  # what a process holds against what the log says
    "mark",  # a price that we use, against the same from elsewhere
]
Severity = Literal["minor", "major", "critical"]

ROUNDING: Final = Decimal("1e-6")

# Fields and their values, as text; empty: there is no such thing on that side.
Stated = tuple[tuple[str, str], ...]


@fact
class Difference:
    """One thing that two sides tell otherwise.

    `subject` is whose statement it is, by the name of its feed; `item` names the thing within `kind`. `amount` is
    theirs less ours in `unit`, None where nothing is counted. `usd` (0 or more) is None when it is not known, and then
    `because` says why.
    """

    subject: str
    venue: str
    kind: DifferenceKind
    item: str
    ours: Stated
    theirs: Stated
    amount: Decimal | None
    unit: str
    usd: Decimal | None
    because: str = ""

    def is_as(self, other: "Difference") -> bool:
        """Tell whether it is the same difference; both sides may have moved together, and its price.

        Venues round: what is counted may be off by a millionth.
        """
        if self.amount and other.amount is not None:
            return abs(self.amount - other.amount) <= abs(self.amount) * ROUNDING
        return (self.ours, self.theirs) == (other.ours, other.theirs)


@fact
class Compared:
    """One kind of a run: rows on either side, how many differ, and a digest of their statement."""

    kind: DifferenceKind
    ours: int
    theirs: int
    differing: int
    digest: str


@fact
class Evidence:
    """A fact of theirs that is not in our log, as the log would hold it: the event's kind and its body."""

    kind: str
    body: str
