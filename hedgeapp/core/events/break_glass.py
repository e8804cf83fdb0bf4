"""Events of break-glass: two people bring collateral home in an emergency, two others review it.  (records)"""

from datetime import datetime

from hedgeapp.core.events.approvals import Assertion
from hedgeapp.core.records import fact


@fact
class BreakGlassSigned:
    """A person signs, with a passkey, that a move goes home as an emergency: this payload, for this reason.

    `payload_hash` is the SHA-256 of the payload, hexadecimal. The assertion is over another hash, of the payload with
    the reason (`portfolio.core.move_payloads.break_glass_hash`), so that no approval counts as one, nor the other way
    round. `seen_seq` is the event up to which the screen showed the book.
    """

    at: datetime
    move_id: str
    payload_hash: str
    by: str
    reason: str
    assertion: Assertion
    seen_seq: int = 0
    from_address: str = ""

    @property
    def key(self) -> str:
        return f"break-glass-signed:{self.move_id}:{self.by}"


@fact
class GlassBroken:
    """Two people signed it: the move goes home without its quorum, and waits for a review by two others."""

    at: datetime
    move_id: str
    payload_hash: str
    by: str
    agreed_by: str
    reason: str

    @property
    def key(self) -> str:
        return f"glass-broken:{self.move_id}"


@fact
class BreakGlassReviewed:
    """Two people who did not sign a break-glass looked at it; its alert ends."""

    at: datetime
    move_id: str
    by: str
    agreed_by: str
    reason: str

    @property
    def key(self) -> str:
        return f"break-glass-reviewed:{self.move_id}"
