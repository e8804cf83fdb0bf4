"""Events of the approval gate: who decided on a move, and by which rules; the rules change by two people.  (records)"""

from datetime import datetime
from decimal import Decimal
from typing import Literal

from hedgeapp.core.events.moves import MoveKind, Outcome, Quota
from hedgeapp.core.records import fact

Verdict = Literal["approve", "reject"]
FactorKind = Literal["passkey", "totp"]
GatePart = Literal["policy", "caps", "destinations"]
CapScope = Literal["asset", "route", "all"]


@fact
class Assertion:
    """A second factor's proof of one decision, kept so that whoever sends can verify it again.

    A passkey's `client_data`, `authenticator_data` and `signature` are as the browser gave them, in base64url without
    padding. A TOTP has only its `step`; each is used once.
    """

    kind: FactorKind
    key_id: str
    client_data: str = ""
    authenticator_data: str = ""
    signature: str = ""
    step: int = 0


@fact
class MoveDecided:
    """A person approves or rejects a move: the payload of this hash (SHA-256, hexadecimal), and no other.

    `groups` are the person's when deciding, `seen_seq` is the event up to which the screen showed the book,
    `policy_version` the policy by which it was asked for. A rejection has a reason.
    """

    at: datetime
    move_id: str
    payload_hash: str
    verdict: Verdict
    by: str
    groups: tuple[str, ...]
    reason: str
    assertion: Assertion
    policy_version: int
    seen_seq: int = 0
    from_address: str = ""

    @property
    def key(self) -> str:
        return f"move-decided:{self.move_id}:{self.by}:{self.verdict}"


@fact
class PolicyRule:
    """One line of the policy; the first one that matches a move decides.

    Empty tuples match everything. `proposers` are names of people, `person` for any of them, or `engine`. Amounts are
    at most `amount_usd_max` and `amount_max` (units of the asset). `hours` are whole hours of the day in UTC, the
    first inside and the second outside, around midnight when the first is greater; None is all day. With
    `velocity_usd_max`, it matches while all that it would match within `velocity_window_s` comes to no more, this move
    included. Below `totp_usd_max` a TOTP approves too; 0 is never.
    """

    name: str
    outcome: Outcome
    quotas: tuple[Quota, ...] = ()
    kinds: tuple[MoveKind, ...] = ()
    assets: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    destinations: tuple[str, ...] = ()
    venues: tuple[str, ...] = ()
    proposers: tuple[str, ...] = ()
    amount_usd_max: Decimal | None = None
    amount_max: Decimal | None = None
    hours: tuple[int, int] | None = None
    velocity_usd_max: Decimal | None = None
    velocity_window_s: int = 0
    totp_usd_max: Decimal = Decimal(0)


@fact
class Cap:
    """The most that may be moved within a rolling window, whatever the policy says and whoever approves.

    `subject` is an asset, a route as `source>destination`, or empty for all moves. `usd_max` is in USD, `amount_max` in
    units of the asset and only for an asset.
    """

    name: str
    scope: CapScope
    subject: str
    window_s: int
    usd_max: Decimal | None = None
    amount_max: Decimal | None = None


@fact
class Destination:
    """A wallet or an account that moves may go to, and the custodian's own name of the way there (`route`)."""

    name: str
    custodian: str
    route: str
    kinds: tuple[MoveKind, ...]


@fact
class GateChangeProposed:
    """The first of two people wants a part of the gate as it is written here, whole; only its own part is filled.

    `version` counts the versions of the part from 1. `assertion` is over the proposal's hash
    (`portfolio.core.gate_payloads`); None is of a time when nobody was asked to sign.
    """

    at: datetime
    change_id: str
    part: GatePart
    version: int
    by: str
    reason: str
    rules: tuple[PolicyRule, ...] = ()
    caps: tuple[Cap, ...] = ()
    destinations: tuple[Destination, ...] = ()
    assertion: Assertion | None = None

    @property
    def key(self) -> str:
        return f"gate-change-proposed:{self.change_id}"


@fact
class GateChangeAgreed:
    """The second of two people agrees: the change holds from `holds_from`, after its cool-off.

    `assertion` is over the agreement's hash; None is of a time when nobody was asked to sign.
    """

    at: datetime
    change_id: str
    by: str
    holds_from: datetime
    assertion: Assertion | None = None

    @property
    def key(self) -> str:
        return f"gate-change-agreed:{self.change_id}"


@fact
class GateChangeDropped:
    """A change of the gate that does not hold yet will not come."""

    at: datetime
    change_id: str
    by: str
    reason: str

    @property
    def key(self) -> str:
        return f"gate-change-dropped:{self.change_id}"
