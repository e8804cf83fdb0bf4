"""A venue's market that a test feeds with messages, and what it made of them."""

from typing import Any

import msgspec

from hedgeapp.core.instruments import Instrument
from marketdata.feeds.public.market import Market

NOW_MS = 1_794_000_000_000


def raw(row: Any) -> bytes:
    """Encode a message."""
    return msgspec.json.encode(row)


def fault_of(message: Any, found: Market, received_ms: int = NOW_MS) -> str | None:
    """Return the kind of fault that a message is refused with, None when it is taken."""
    before = found.counters["refused"] + found.counters["gaps"]
    found.receive(message if isinstance(message, bytes) else raw(message), received_ms)
    is_refused = found.counters["refused"] + found.counters["gaps"] > before
    return found.quarantine[-1].fault.kind if is_refused else None


def values_of(instrument: Instrument, found: Market) -> dict[str, str]:
    """Return the text of each mark of an instrument by its kind."""
    return {mark.kind: str(mark.value) for mark in found.marks() if mark.subject == instrument.id}
