"""Move states: the steps that a move may take, and one move as it stands.  (records)"""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Final, Literal

from hedgeapp.core.events.approvals import MoveDecided
from hedgeapp.core.events.break_glass import BreakGlassSigned, GlassBroken
from hedgeapp.core.events.moves import (
    MoveApproved,
    MoveDone,
    MoveExpired,
    MoveIntended,
    MoveJudged,
    MoveNeverArrived,
    MoveOutcomeUnknown,
    MovePayload,
    MoveProposed,
    MoveRefused,
    MoveRejected,
    MoveReported,
    MoveSeenAtVenue,
    MoveSubmitted,
    MoveWithdrawn,
    ReportedState,
)
from hedgeapp.core.records import record

State = Literal[
    "proposed",
    "awaiting_approval",
    "approved",
    "intended",
    "submitted",
    "outcome_unknown",
    "accepted",
    "confirmed",
    "seen_at_venue",
    "done",
    "refused",
    "rejected",
    "withdrawn",
    "expired",
    "failed",
    "never_arrived",
]
MoveEvent = (
    MoveProposed
    | MoveJudged
    | MoveDecided
    | MoveApproved
    | BreakGlassSigned
    | GlassBroken
    | MoveWithdrawn
    | MoveExpired
    | MoveRefused
    | MoveIntended
    | MoveSubmitted
    | MoveReported
    | MoveRejected
    | MoveOutcomeUnknown
    | MoveNeverArrived
    | MoveSeenAtVenue
    | MoveDone
)

_CALLED_OFF: Final[frozenset[State]] = frozenset({"refused", "rejected", "withdrawn", "expired"})
_THEIR_WORD: Final[frozenset[State]] = frozenset({"accepted", "confirmed", "seen_at_venue", "failed"})
NEXT: Final[Mapping[State, frozenset[State]]] = {
    "proposed": frozenset({"awaiting_approval", *_CALLED_OFF}),
    "awaiting_approval": frozenset({"approved", *_CALLED_OFF}),
    "approved": frozenset({"intended", *_CALLED_OFF}),
    "intended": frozenset({"submitted", *_CALLED_OFF}),
    "submitted": frozenset({"outcome_unknown", "never_arrived", *_THEIR_WORD}),
    "outcome_unknown": frozenset({"never_arrived", *_THEIR_WORD}),
    "accepted": frozenset({"confirmed", "seen_at_venue", "failed"}),
    "confirmed": frozenset({"seen_at_venue"}),
    "seen_at_venue": frozenset({"done"}),
    **dict.fromkeys(("done", "refused", "rejected", "withdrawn", "expired", "failed", "never_arrived"), frozenset()),
}
FINAL: Final = frozenset(state for state, following in NEXT.items() if not following)
WAITING: Final[frozenset[State]] = frozenset({"proposed", "awaiting_approval", "approved", "intended"})
UNSENT: Final[frozenset[State]] = WAITING | _CALLED_OFF
OUT: Final[frozenset[State]] = frozenset(
    {"submitted", "outcome_unknown", "accepted", "confirmed", "seen_at_venue", "done"}
)
WITHOUT_WORD: Final[frozenset[State]] = frozenset({"submitted", "outcome_unknown"})
AS_REPORTED: Final[Mapping[ReportedState, State]] = {
    "pending": "accepted",
    "in_progress": "accepted",
    "success": "confirmed",
    "failed": "failed",
}


@record
class Move:
    """One move; `seq` is the event that made it so.

    `proposed_at` and `intended_at` are times of the log. `confirmed_at` is the custodian's success, `seen_at` when the
    other side showed it. `is_counted` is whether the account's delegated balance has it already. `glass` has who
    signed a break-glass, all for the reason of the first; `broken` is it when two did.
    """

    proposed: MoveProposed
    state: State
    seq: int
    proposed_seq: int
    proposed_at: datetime
    judged: MoveJudged | None = None
    decisions: tuple[MoveDecided, ...] = ()
    approved_by: tuple[str, ...] = ()
    intended: MoveIntended | None = None
    intended_at: datetime | None = None
    submitted_at: datetime | None = None
    valid_until: datetime | None = None
    custodian_order_id: str = ""
    confirmed_at: datetime | None = None
    seen_at: datetime | None = None
    ended_at: datetime | None = None
    because: str = ""
    is_counted: bool = False
    glass: tuple[BreakGlassSigned, ...] = ()
    broken: GlassBroken | None = None

    @property
    def payload(self) -> MovePayload:
        return self.proposed.payload

    @property
    def move_id(self) -> str:
        return self.proposed.payload.move_id

    @property
    def unbreakable(self) -> str:
        """Return why nobody may bring it home by break-glass; empty when two people may."""
        if self.payload.kind != "undelegate":
            return (
                f"a move from an exchange home to its custodian expected, found {self.move_id} to {self.payload.kind}"
            )
        if self.broken is not None:
            return f"one break-glass of a move expected, found one of {self.move_id} already: propose it again"
        is_by_policy = self.state == "refused" and self.judged is not None and self.judged.outcome == "refuse"
        if self.state == "awaiting_approval" or is_by_policy:
            return ""
        found = self.state.replace("_", " ")
        return f"a move that awaits approval or that the policy refused expected, found {self.move_id} {found}"

    @property
    def is_final(self) -> bool:
        """Tell whether nothing more is expected of it."""
        return self.state in FINAL

    @property
    def is_in_flight(self) -> bool:
        """Tell whether it may be on its way: submitted, and not yet shown by both sides."""
        return self.state in OUT and self.state != "done"

    @property
    def account(self) -> str:
        """Return the account whose mirrored balance it changes; empty for a transfer."""
        return {"delegate": self.payload.destination, "undelegate": self.payload.source}.get(self.payload.kind, "")

    @property
    def change(self) -> Decimal:
        """Return what it adds to the mirrored balance of its account, in units of its asset."""
        return self.payload.amount if self.payload.kind == "delegate" else -self.payload.amount
