"""Events: every fact that changes our state.  (one union; the class name is the kind in the log, for ever)

A published event never changes: add a field with a default, or a new kind.
"""

from datetime import datetime
from typing import Any, Final

from hedgeapp.core.events.alerts import (
    AlertAcknowledged,
    AlertDelivered,
    AlertEscalated,
    AlertOpened,
    AlertResolved,
    AlertSnoozed,
)
from hedgeapp.core.events.anchors import DelegationAnchored, HoldingAnchored, LeverageAnchored, RebaseTaken
from hedgeapp.core.events.api_keys import ApiKeyHandedOut, ApiKeyRevoked
from hedgeapp.core.events.approvals import GateChangeAgreed, GateChangeDropped, GateChangeProposed, MoveDecided
from hedgeapp.core.events.balances import BalanceStated, CollateralTermsStated, TransferSeen
from hedgeapp.core.events.break_glass import BreakGlassReviewed, BreakGlassSigned, GlassBroken
from hedgeapp.core.events.breaks import (
    BalanceAnchored,
    BreakAccepted,
    BreakAssigned,
    BreakExplained,
    BreakFound,
    BreakHealed,
    BreakInvestigated,
    BreakReopened,
    BreakResized,
    BreakVerified,
    ClosingAsked,
    ClosingWithdrawn,
    DifferenceSeen,
    DifferenceSettled,
    HealProposed,
    RunBegun,
    RunEnded,
    VenueBlocked,
    VenueFreed,
)
from hedgeapp.core.events.collateral import (
    CollateralStated,
    CustodianStateChanged,
    CustodyFlowSeen,
    GasPaid,
    MintSeen,
    RedeemSeen,
    ReserveMoved,
    SettlementSeen,
    SupplyStated,
)
from hedgeapp.core.events.debts import BorrowRateStated, InterestCharged
from hedgeapp.core.events.door import (
    CodesChanged,
    DataExported,
    PasswordChanged,
    PersonActed,
    PersonCalled,
    PersonCame,
    PersonDenied,
    PersonKeptOut,
    PersonLeft,
)
from hedgeapp.core.events.feeds import FeedStateChanged, ServiceTaken
from hedgeapp.core.events.halts import HaltDeclared, HaltLifted, HaltTookHold, ResumeAsked
from hedgeapp.core.events.marks import MarksTaken
from hedgeapp.core.events.minting import MintingPaused, MintingResumeAsked, MintingResumed
from hedgeapp.core.events.moves import (
    DelegationStated,
    MoveApproved,
    MoveDone,
    MoveExpired,
    MoveIntended,
    MoveJudged,
    MoveNeverArrived,
    MoveOutcomeUnknown,
    MoveProposed,
    MoveRefused,
    MoveRejected,
    MoveReported,
    MoveSeenAtVenue,
    MoveSubmitted,
    MoveWithdrawn,
    UnintendedMoveReviewed,
    UnintendedMoveSeen,
)
from hedgeapp.core.events.orders import (
    CancelAsked,
    HedgeProposed,
    OrderAcknowledged,
    OrderIntended,
    OrderNeverArrived,
    OrderOutcomeUnknown,
    OrderRefused,
    OrderRejected,
    OrderSent,
    ProposalClosed,
)
from hedgeapp.core.events.passkeys import PasskeyConfirmed, PasskeyEnrolled, PasskeyRevoked
from hedgeapp.core.events.people import (
    PersonChangeAgreed,
    PersonChanged,
    PersonChangeDropped,
    PersonChangeProposed,
)
from hedgeapp.core.events.positions import FundingPaid, PositionOpened, PositionStated
from hedgeapp.core.events.reference import (
    AccountChanged,
    AssetChanged,
    ChainChanged,
    CustodianChanged,
    InstrumentChanged,
    LimitChanged,
    OracleChanged,
    VenueChanged,
)
from hedgeapp.core.events.scenarios import ScenarioDropped, ScenarioMarked, ScenarioSaved
from hedgeapp.core.events.sources import (
    CredentialChanged,
    SourceChangeAgreed,
    SourceChangeDropped,
    SourceChangeProposed,
)
from hedgeapp.core.events.suspensions import InstrumentReleased, InstrumentSuspended
from hedgeapp.core.events.trading import FillRecorded, OrderSeen
from hedgeapp.core.records import fact

Event = (
    AssetChanged
    | VenueChanged
    | AccountChanged
    | InstrumentChanged
    | CustodianChanged
    | ChainChanged
    | OracleChanged
    | LimitChanged
    | OrderSeen
    | FillRecorded
    | PositionOpened
    | PositionStated
    | FundingPaid
    | BalanceStated
    | TransferSeen
    | BorrowRateStated
    | InterestCharged
    | CollateralTermsStated
    | CollateralStated
    | CustodianStateChanged
    | CustodyFlowSeen
    | SettlementSeen
    | SupplyStated
    | MintSeen
    | RedeemSeen
    | GasPaid
    | ReserveMoved
    | MarksTaken
    | FeedStateChanged
    | ServiceTaken
    | HedgeProposed
    | ProposalClosed
    | OrderIntended
    | OrderRefused
    | OrderSent
    | OrderAcknowledged
    | OrderRejected
    | OrderOutcomeUnknown
    | OrderNeverArrived
    | CancelAsked
    | HaltDeclared
    | HaltTookHold
    | ResumeAsked
    | HaltLifted
    | RunBegun
    | RunEnded
    | BalanceAnchored
    | DelegationAnchored
    | HoldingAnchored
    | LeverageAnchored
    | RebaseTaken
    | DifferenceSeen
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
    | VenueBlocked
    | VenueFreed
    | MoveProposed
    | MoveJudged
    | MoveDecided
    | MoveApproved
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
    | UnintendedMoveSeen
    | UnintendedMoveReviewed
    | BreakGlassSigned
    | GlassBroken
    | BreakGlassReviewed
    | DelegationStated
    | GateChangeProposed
    | GateChangeAgreed
    | GateChangeDropped
    | PersonCame
    | PersonLeft
    | PersonKeptOut
    | PasswordChanged
    | CodesChanged
    | PersonActed
    | PersonDenied
    | DataExported
    | PersonCalled
    | PasskeyEnrolled
    | PasskeyConfirmed
    | PasskeyRevoked
    | PersonChangeProposed
    | PersonChangeAgreed
    | PersonChangeDropped
    | PersonChanged
    | SourceChangeProposed
    | SourceChangeAgreed
    | SourceChangeDropped
    | CredentialChanged
    | ApiKeyHandedOut
    | ApiKeyRevoked
    | InstrumentSuspended
    | InstrumentReleased
    | ScenarioSaved
    | ScenarioDropped
    | ScenarioMarked
    | MintingPaused
    | MintingResumeAsked
    | MintingResumed
    | AlertOpened
    | AlertEscalated
    | AlertAcknowledged
    | AlertSnoozed
    | AlertDelivered
    | AlertResolved
)

KINDS: Final[dict[str, type[Any]]] = {kind.__name__: kind for kind in Event.__args__}


@fact
class Recorded:
    """An event as the log holds it: its place in the total order, and when the log took it."""

    seq: int
    recorded_at: datetime
    event: Event
