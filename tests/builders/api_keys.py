"""API keys of programs, handed out by the operation."""

from datetime import UTC, datetime, timedelta

from hedgeapp.access.api_keys import SCOPES, Asked, hand_out


def key(*scopes: str, per_minute: int = 6_000, name: str = "Acme", days: float = 1) -> str:
    """Hand a key out; return it as a program has it."""
    now = datetime.now(UTC)
    asked = Asked(
        name=name,
        scopes=scopes or SCOPES,
        per_minute=per_minute,
        expires_at=now + timedelta(days=days),
        reason="they price with us",
    )
    return hand_out(asked, by="ann", at=now)[1]


def key_id(token: str) -> str:
    """Return the part of a key that names it."""
    return token.split("_")[1]
