"""Events of reconciliation: what differed, for how long, who did what about it.  (records)

A break has one id for ever, made of what it is of: what heals and comes back is the same break again.
"""

from datetime import datetime
from decimal import Decimal
from typing import Literal

from hedgeapp.core.differences import Compared, Difference, Evidence, Severity
from hedgeapp.core.events.anchors import DelegationAnchored, HoldingAnchored, LeverageAnchored, RebaseTaken
from hedgeapp.core.records import fact

Trigger = Literal["schedule", "reconnect", "person"]
RunOutcome = Literal["clean", "differing", "failed"]
Closing = Literal["heal", "accept"]


@fact
class RunBegun:
    """A run begins to read the statements of a subject."""

    at: datetime
    run_id: str
    subject: str
    trigger: Trigger

    @property
    def key(self) -> str:
        return f"run-begun:{self.run_id}"


@fact
class RunEnded:
    """A run has compared what it could read; `log_seq` is the last event on our side, `said` what it could not read."""

    at: datetime
    run_id: str
    subject: str
    outcome: RunOutcome
    log_seq: int
    compared: tuple[Compared, ...]
    said: str

    @property
    def key(self) -> str:
        return f"run-ended:{self.run_id}"


@fact
class BalanceAnchored:
    """From here on every change of a balance has to be explained by facts.

    `total` is the venue's word, `booked` what the log's facts of the account sum to at the same moment; `by` is a
    person where a difference was taken over, with its break.
    """

    at: datetime
    account: str
    asset: str
    total: Decimal
    booked: Decimal
    by: str
    break_id: str = ""

    @property
    def key(self) -> str:
        return f"balance-anchored:{self.account}:{self.asset}:{int(self.at.timestamp() * 1_000_000)}"


@fact
class DifferenceSeen:
    """A run saw a difference that was not there before; it is a break if it is still there at `due_at`.

    `explained_by` is the work in flight that accounts for it so far.
    """

    at: datetime
    break_id: str
    run_id: str
    difference: Difference
    due_at: datetime
    explained_by: str

    @property
    def key(self) -> str:
        return f"difference-seen:{self.break_id}:{self.run_id}"


@fact
class DifferenceSettled:
    """A difference went before it was a break."""

    at: datetime
    break_id: str
    run_id: str

    @property
    def key(self) -> str:
        return f"difference-settled:{self.break_id}:{self.run_id}"


@fact
class BreakFound:
    """A difference outlived its grace."""

    at: datetime
    break_id: str
    run_id: str
    difference: Difference
    severity: Severity

    @property
    def key(self) -> str:
        return f"break-found:{self.break_id}:{self.run_id}"


@fact
class BreakResized:
    """An open break is of another size now, or of another severity."""

    at: datetime
    break_id: str
    run_id: str
    difference: Difference
    severity: Severity

    @property
    def key(self) -> str:
        return f"break-resized:{self.break_id}:{self.run_id}"


@fact
class BreakAssigned:
    """Somebody is to look after a break; an empty `assignee` is nobody."""

    at: datetime
    break_id: str
    assignee: str
    by: str

    @property
    def key(self) -> str:
        return f"break-assigned:{self.break_id}:{int(self.at.timestamp() * 1_000_000)}"


@fact
class BreakInvestigated:
    """Somebody looks into a break and says what he knows."""

    at: datetime
    break_id: str
    by: str
    note: str

    @property
    def key(self) -> str:
        return f"break-investigated:{self.break_id}:{int(self.at.timestamp() * 1_000_000)}"


@fact
class BreakExplained:
    """Somebody knows why there is a break; it stays open until it is healed, accepted or gone."""

    at: datetime
    break_id: str
    by: str
    explanation: str

    @property
    def key(self) -> str:
        return f"break-explained:{self.break_id}:{int(self.at.timestamp() * 1_000_000)}"


@fact
class HealProposed:
    """What would heal a break: their facts, to be put into our log as they are; `because` says how they were found."""

    at: datetime
    break_id: str
    run_id: str
    facts: tuple[Evidence, ...]
    because: str

    @property
    def key(self) -> str:
        return f"heal-proposed:{self.break_id}:{self.run_id}"


@fact
class ClosingAsked:
    """The first of two people wants a break healed or accepted; `needs_two` says why one is not enough."""

    at: datetime
    break_id: str
    closing: Closing
    by: str
    reason: str
    needs_two: str

    @property
    def key(self) -> str:
        return f"closing-asked:{self.break_id}:{int(self.at.timestamp() * 1_000_000)}"


@fact
class ClosingWithdrawn:
    """What the first of two people asked for is asked no more; anybody may say so."""

    at: datetime
    break_id: str
    by: str
    reason: str

    @property
    def key(self) -> str:
        return f"closing-withdrawn:{self.break_id}:{int(self.at.timestamp() * 1_000_000)}"


@fact
class BreakHealed:
    """The facts that were missing are in the log; the next run verifies it.

    `needs_two` is why two people were needed (empty: one was enough, and `approved_by` is empty too).
    """

    at: datetime
    break_id: str
    asked_by: str
    approved_by: str
    needs_two: str
    reason: str
    keys: tuple[str, ...]

    @property
    def key(self) -> str:
        return f"break-healed:{self.break_id}:{int(self.at.timestamp() * 1_000_000)}"


@fact
class BreakAccepted:
    """A difference is left as it is, for a reason; it comes back when either side says something else."""

    at: datetime
    break_id: str
    asked_by: str
    approved_by: str
    needs_two: str
    reason: str
    difference: Difference

    @property
    def key(self) -> str:
        return f"break-accepted:{self.break_id}:{int(self.at.timestamp() * 1_000_000)}"


@fact
class BreakVerified:
    """A run saw both sides say the same where a break was."""

    at: datetime
    break_id: str
    run_id: str

    @property
    def key(self) -> str:
        return f"break-verified:{self.break_id}:{self.run_id}"


@fact
class BreakReopened:
    """A difference is back where a break had been healed, accepted or verified."""

    at: datetime
    break_id: str
    run_id: str
    difference: Difference
    severity: Severity

    @property
    def key(self) -> str:
        return f"break-reopened:{self.break_id}:{self.run_id}"


@fact
class VenueBlocked:
    """An open break is above its limit: nothing automatic may act at the venue until it is freed."""

    at: datetime
    venue: str
    break_ids: tuple[str, ...]
    because: str

    @property
    def key(self) -> str:
        return f"venue-blocked:{self.venue}:{int(self.at.timestamp() * 1_000_000)}"


@fact
class VenueFreed:
    """No open break of a venue is above its limit any more."""

    at: datetime
    venue: str

    @property
    def key(self) -> str:
        return f"venue-freed:{self.venue}:{int(self.at.timestamp() * 1_000_000)}"


BreakEvent = (
    DifferenceSeen
    | DifferenceSettled
    | BreakFound
    | BreakResized
    | BreakAssigned
    | BreakInvestigated
    | BreakExplained
    | HealProposed
    | ClosingAsked
    | ClosingWithdrawn
    | BreakHealed
    | BreakAccepted
    | BreakVerified
    | BreakReopened
)
ReconciliationEvent = (
    RunBegun
    | RunEnded
    | BalanceAnchored
    | DelegationAnchored
    | HoldingAnchored
    | LeverageAnchored
    | RebaseTaken
    | VenueBlocked
    | VenueFreed
    | BreakEvent
)
