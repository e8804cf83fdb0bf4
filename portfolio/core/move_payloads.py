"""Move payloads: the bytes that a second factor signs for, and their hash.  MovePayload -> bytes

One payload has one form: fields in their order, no needless digits, times in UTC. An approval signs the SHA-256 of it,
a rejection and a break-glass that of other forms, so that none of them can be passed off as another.
"""

import hashlib
import json
from datetime import UTC
from decimal import Decimal
from typing import Final

from hedgeapp.core.events.moves import MovePayload

HEADER: Final = b"collateral move 1\n"  # of the form; raised when it changes
REJECTION: Final = b"rejection of "
BREAK_GLASS: Final = b"break-glass of "
DECIMALS_MAX: Final = 18  # of an amount: the finest unit of a token
DIGITS_MAX: Final = 60  # of an amount


class AmountHasNoForm(ValueError):
    """An amount is no number, or too long to be read by a person."""

    def __init__(self, amount: Decimal) -> None:
        super().__init__(
            f"an amount with at most {DIGITS_MAX} digits, {DECIMALS_MAX} after the point, expected, found {amount}"
        )


class ExpiryHasNoZone(ValueError):
    """A payload's time does not say which zone it is in."""

    def __init__(self, move_id: str) -> None:
        super().__init__(f"a time with a zone expected in `expires_at` of {move_id}, found one without")


def canonical_bytes(payload: MovePayload) -> bytes:
    """Return the one form of a payload; raises `AmountHasNoForm`, `ExpiryHasNoZone`."""
    if payload.expires_at.utcoffset() is None:
        raise ExpiryHasNoZone(payload.move_id)
    body = {
        "move_id": payload.move_id,
        "kind": payload.kind,
        "custodian": payload.custodian,
        "asset": payload.asset,
        "amount": written(payload.amount),
        "source": payload.source,
        "destination": payload.destination,
        "venue": payload.venue,
        "route": payload.route,
        "expires_at": payload.expires_at.astimezone(UTC).isoformat(timespec="microseconds"),
    }
    return HEADER + json.dumps(body, ensure_ascii=True, separators=(",", ":")).encode()


def payload_hash(payload: MovePayload) -> bytes:
    """Return the 32 bytes that are the challenge of an approval."""
    return hashlib.sha256(canonical_bytes(payload)).digest()


def rejection_hash(payload: MovePayload) -> bytes:
    """Return the 32 bytes that are the challenge of a rejection by a passkey."""
    return hashlib.sha256(REJECTION + canonical_bytes(payload)).digest()


def break_glass_hash(payload: MovePayload, reason: str) -> bytes:
    """Return the 32 bytes that each of two people signs to bring collateral home in an emergency, for this reason."""
    said = json.dumps(reason, ensure_ascii=True).encode()
    return hashlib.sha256(BREAK_GLASS + canonical_bytes(payload) + b"\nbecause " + said).digest()


def written(amount: Decimal) -> str:
    """Return the one spelling of an amount, exact to the digit; raises `AmountHasNoForm`."""
    _, digits, exponent = amount.as_tuple()
    if not isinstance(exponent, int) or len(digits) + max(exponent, 0) > DIGITS_MAX or exponent < -DIGITS_MAX:
        raise AmountHasNoForm(amount)
    text = f"{amount:f}"
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    if len(text.partition(".")[2]) > DECIMALS_MAX:
        raise AmountHasNoForm(amount)
    return text if text != "-0" else "0"


def spoken(amount: Decimal) -> str:
    """Return an amount as a sentence has it, exact to the digit where it has a form."""
    try:
        return f"{Decimal(written(amount)):,f}"
    except AmountHasNoForm:
        return str(amount)
