"""Gate payloads: the bytes that two people sign when they change the gate.  GateChangeProposed -> bytes

One change has one form. Fields that are at their default are left out, so that a field which a later version adds does
not change what was signed before. The first person signs another hash than the second: neither signature can be passed
off as the other.
"""

import hashlib
import json
from dataclasses import MISSING, fields
from decimal import Decimal
from typing import Any, Final

from hedgeapp.core.events.approvals import GateChangeProposed

HEADER: Final = b"gate change 1\n"  # of the form; raised when it changes
PROPOSAL: Final = b"proposal of "
AGREEMENT: Final = b"agreement to "
UNSIGNED: Final = frozenset({"at", "assertion"})  # what is not known yet when a person signs


def canonical_bytes(change: GateChangeProposed) -> bytes:
    """Return the one form of a change: who wants what in which part, as which version, and why."""
    return HEADER + json.dumps(_written(change, UNSIGNED), ensure_ascii=True, separators=(",", ":")).encode()


def proposal_hash(change: GateChangeProposed) -> bytes:
    """Return the 32 bytes that the first person signs."""
    return hashlib.sha256(PROPOSAL + canonical_bytes(change)).digest()


def agreement_hash(change: GateChangeProposed) -> bytes:
    """Return the 32 bytes that the second person signs."""
    return hashlib.sha256(AGREEMENT + canonical_bytes(change)).digest()


def _written(value: Any, left_out: frozenset[str] = frozenset()) -> Any:
    match value:
        case Decimal():
            return f"{value.normalize():f}"
        case tuple():
            return [_written(one) for one in value]
        case None | str() | int():
            return value
        case _:
            named = [one for one in fields(value) if one.name not in left_out]
            return {
                one.name: _written(getattr(value, one.name))
                for one in named
                if one.default is MISSING or getattr(value, one.name) != one.default
            }
