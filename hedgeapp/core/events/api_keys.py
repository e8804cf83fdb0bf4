"""Events of API keys: which program may read what until when; handed out and revoked by one person.  (records)"""

from datetime import datetime

from hedgeapp.core.records import fact


@fact
class ApiKeyHandedOut:
    """A key of a program exists; `fingerprint` is the SHA-256 of its secret, which is kept nowhere, hexadecimal.

    `per_minute` is how many requests it may send in a minute.
    """

    at: datetime
    key_id: str
    name: str
    scopes: tuple[str, ...]
    per_minute: int
    expires_at: datetime
    fingerprint: str
    by: str
    reason: str

    @property
    def key(self) -> str:
        return f"api-key-handed-out:{self.key_id}"


@fact
class ApiKeyRevoked:
    """A program's key is good for nothing from now on."""

    at: datetime
    key_id: str
    name: str
    by: str
    reason: str

    @property
    def key(self) -> str:
        return f"api-key-revoked:{self.key_id}"


ApiKeyEvent = ApiKeyHandedOut | ApiKeyRevoked
