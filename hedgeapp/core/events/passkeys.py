"""Events of second factors: who may sign with which key, by whose word.  (records)"""

from datetime import datetime
from typing import Final

from hedgeapp.core.records import fact

CONSOLE: Final = "console"  # who confirms the first keys: whoever runs commands on the installation


@fact
class PasskeyEnrolled:
    """Somebody made a passkey; it waits. `credential_id` and `public_key` (SubjectPublicKeyInfo) are base64url."""

    at: datetime
    credential_id: str
    public_key: str
    user_id: int
    user: str
    name: str

    @property
    def key(self) -> str:
        return f"passkey-enrolled:{self.credential_id}"


@fact
class PasskeyConfirmed:
    """Another person signed for a passkey, or the console did; it may sign from `valid_from` on."""

    at: datetime
    credential_id: str
    user: str
    by: str
    valid_from: datetime

    @property
    def key(self) -> str:
        return f"passkey-confirmed:{self.credential_id}"


@fact
class PasskeyRevoked:
    """A passkey may sign no more."""

    at: datetime
    credential_id: str
    user: str
    by: str
    reason: str

    @property
    def key(self) -> str:
        return f"passkey-revoked:{self.credential_id}"


PasskeyEvent = PasskeyEnrolled | PasskeyConfirmed | PasskeyRevoked
