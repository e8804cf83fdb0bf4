"""Events of collateral moves: from the proposal to both sides showing it, and what somebody else moved.  (records)

A move has one name from before anybody approves it to its end, and one payload: what is approved is what is sent, to
the byte. What a custodian says of a move comes as `MoveReported`, from its answer, its list of orders or its webhook.
"""

from datetime import datetime
from decimal import Decimal
from typing import Literal

from hedgeapp.core.records import fact

MoveKind = Literal["delegate", "undelegate", "transfer"]
Outcome = Literal["allow", "ask", "refuse"]
Trust = Literal["verified", "stale", "unverified", "unknown"]
ReportedState = Literal["pending", "in_progress", "success", "failed"]


@fact
class MovePayload:
    """Exactly what is moved; approvals bind to the hash of it (`portfolio.core.move_payloads`).

    `amount` is in units of `asset`. `source` and `destination` are names of wallets at `custodian`, or of an account
    (`venue:label`): delegate is wallet -> account, undelegate account -> wallet, transfer wallet -> wallet. `venue` is
    the exchange of the account, empty for a transfer. `route` is the custodian's own name of the way (a link id, an
    address), so that nobody can turn an approved move by changing what stands behind a name. Nothing is sent after
    `expires_at`.
    """

    move_id: str
    kind: MoveKind
    custodian: str
    asset: str
    amount: Decimal
    source: str
    destination: str
    venue: str
    route: str
    expires_at: datetime


@fact
class MoveProposed:
    """A person or the engine wants collateral moved.

    `rests_on` names the rows that led to it, like `limit:move-headroom-floor` or `asset:ETH`: who changed one of them
    of late counts as a proposer.
    """

    at: datetime
    payload: MovePayload
    by: str
    reason: str
    rests_on: tuple[str, ...]

    @property
    def key(self) -> str:
        return f"move-proposed:{self.payload.move_id}"


@fact
class Quota:
    """So many people of a group."""

    group: str
    needed: int


@fact
class MoveJudged:
    """The policy's word on a proposed move: the rule that matched in which version, and who must agree.

    `amount_usd` is None when the amount could not be valued; `trust` says how far the price behind it is believed. A
    TOTP approves too below `totp_usd_max`.
    """

    at: datetime
    move_id: str
    policy_version: int
    rule: str
    outcome: Outcome
    quotas: tuple[Quota, ...]
    amount_usd: Decimal | None
    trust: Trust
    totp_usd_max: Decimal
    said: str

    @property
    def key(self) -> str:
        return f"move-judged:{self.move_id}"


@fact
class MoveApproved:
    """The quorum of a move was reached, or its rule asked for nobody: it may be intended.

    It is a milestone to be shown; whoever sends derives the quorum again from the decisions.
    """

    at: datetime
    move_id: str
    payload_hash: str
    approved_by: tuple[str, ...]

    @property
    def key(self) -> str:
        return f"move-approved:{self.move_id}"


@fact
class MoveWithdrawn:
    """Somebody canceled a move before it was sent."""

    at: datetime
    move_id: str
    by: str
    reason: str

    @property
    def key(self) -> str:
        return f"move-withdrawn:{self.move_id}"


@fact
class MoveExpired:
    """A move was not sent in its time, and its approvals died with it."""

    at: datetime
    move_id: str
    said: str

    @property
    def key(self) -> str:
        return f"move-expired:{self.move_id}"


@fact
class MoveRefused:
    """Our own rules refuse to send a move; `rule` names the check, `said` has its limit, value and unit."""

    at: datetime
    move_id: str
    rule: str
    said: str

    @property
    def key(self) -> str:
        return f"move-refused:{self.move_id}"


@fact
class MoveIntended:
    """A move is to be sent under `request_id`, the custodian's idempotency key, which is made from the move's name.

    `approved_by` are those whose approvals were verified for it, `policy_version` is the one in force, `amount_usd`
    what it takes of the caps; None when no price is known.
    """

    at: datetime
    move_id: str
    request_id: str
    payload_hash: str
    approved_by: tuple[str, ...]
    policy_version: int
    amount_usd: Decimal | None

    @property
    def key(self) -> str:
        return f"move-intended:{self.move_id}"


@fact
class MoveSubmitted:
    """The custodian may have the move from now on: written before the request, and never twice.

    The request is signed with `at`; the custodian refuses it after `valid_until`, however late a stopped process sends
    it.
    """

    at: datetime
    move_id: str
    valid_until: datetime

    @property
    def key(self) -> str:
        return f"move-submitted:{self.move_id}"


@fact
class MoveReported:
    """The custodian's word on a move of ours: its order id and its state; `said` are its own words."""

    at: datetime
    move_id: str
    custodian: str
    custodian_order_id: str
    state: ReportedState
    said: str

    @property
    def key(self) -> str:
        return f"move-reported:{self.move_id}:{self.custodian_order_id}:{self.state}"


@fact
class MoveRejected:
    """The custodian refused the request, in words that leave no doubt; `code` is its own."""

    at: datetime
    move_id: str
    code: str
    said: str

    @property
    def key(self) -> str:
        return f"move-rejected:{self.move_id}"


@fact
class MoveOutcomeUnknown:
    """The request ended without the custodian's word: it may or may not have the move."""

    at: datetime
    move_id: str
    because: str

    @property
    def key(self) -> str:
        return f"move-outcome-unknown:{self.move_id}"


@fact
class MoveNeverArrived:
    """The custodian said that it does not know the move, after the time in which it could still have taken it."""

    at: datetime
    move_id: str
    said: str

    @property
    def key(self) -> str:
        return f"move-never-arrived:{self.move_id}"


@fact
class MoveSeenAtVenue:
    """The other side shows a move: the account has it or gave it up; of a transfer, the wallet that it went to.

    `where` is that account or wallet, `reference` what shows it there: a transfer's id, or a statement's time in ms.
    """

    at: datetime
    move_id: str
    where: str
    reference: str

    @property
    def key(self) -> str:
        return f"move-seen-at-venue:{self.move_id}"


@fact
class MoveDone:
    """Both sides show a move: nothing of it is open any more."""

    at: datetime
    move_id: str

    @property
    def key(self) -> str:
        return f"move-done:{self.move_id}"


@fact
class UnintendedMoveSeen:
    """A custodian or a venue reports a move that we never intended: no other is sent until two people reviewed it.

    `source` tells who reports it; `kind`, `asset` and `amount` are as it says.
    """

    at: datetime
    source: str
    reference: str
    kind: str
    asset: str
    amount: Decimal
    said: str

    @property
    def key(self) -> str:
        return f"unintended-move:{self.source}:{self.reference}"


@fact
class UnintendedMoveReviewed:
    """Two people looked at a move that we never intended; moves may go on when none is left."""

    at: datetime
    source: str
    reference: str
    by: str
    agreed_by: str
    reason: str

    @property
    def key(self) -> str:
        return f"unintended-move-reviewed:{self.source}:{self.reference}"


@fact
class DelegationStated:
    """The custodian's word on what of an asset it mirrors to an account, in units of the asset."""

    at: datetime
    custodian: str
    account: str
    asset: str
    total: Decimal

    @property
    def key(self) -> str:
        return f"delegation:{self.custodian}:{self.account}:{self.asset}:{int(self.at.timestamp() * 1000)}:{self.total}"
