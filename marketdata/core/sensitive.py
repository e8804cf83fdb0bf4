"""Sensitive: which changes of reference data take two people, and what the second signs.  Row x Row -> whether

Whoever says where we speak to says who hears our keys and whose word we believe. Switching something off does not.
"""

import hashlib
import json
from dataclasses import replace
from typing import Final

import msgspec

from hedgeapp.core.reference import Chain, Custodian, Oracle, Venue
from marketdata.core.catalogue import Row

Source = Venue | Custodian | Chain | Oracle

HEADER: Final = b"hedgeapp:source:agree:"


def is_sensitive(after: Row, before: Row | None) -> bool:
    """Tell whether a change says anew where we speak to."""
    match after:
        case Venue() | Custodian() | Oracle():
            return not isinstance(before, type(after)) or replace(before, is_enabled=after.is_enabled) != after
        case Chain():
            if not isinstance(before, Chain):
                return True
            return replace(before, is_enabled=after.is_enabled, confirmations=after.confirmations) != after
        case _:
            return False


def agreement_hash(*, change_id: str, what: str, version: int, by: str, reason: str, content: str) -> bytes:
    """Return the 32 bytes that the second person signs; `content` is the row as JSON, or the hash of sealed keys."""
    parts = [change_id, what, version, by, reason, content]
    return hashlib.sha256(HEADER + json.dumps(parts, ensure_ascii=True, separators=(",", ":")).encode()).digest()


def written(row: Source) -> str:
    """Return a row as JSON."""
    return msgspec.json.encode(row).decode()
