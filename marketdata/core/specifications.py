"""Specifications: what of a venue's word on an instrument nobody takes over unasked.  Instrument x Instrument -> str

Tick, step, tiers and whether it trades may change from one day to the next, and do. What a contract is may not: a
position that is already open would be another one overnight.
"""

from dataclasses import replace
from typing import Final

from hedgeapp.core.instruments import Instrument

LASTING: Final = (
    "venue_symbol",
    "kind",
    "expiry",
    "base",
    "quote",
    "settlement",
    "contract_size",
    "expires_at",
)


def completed(offered: Instrument, known: Instrument | None) -> Instrument:
    """Return a specification with the tiers that we know where the venue tells none: those a person entered."""
    if known is None or offered.tiers or not known.tiers:
        return offered
    return replace(offered, tiers=known.tiers)


def contradiction(known: Instrument, offered: Instrument) -> str:
    """Return in a sentence where an offered specification is of another contract than the known one; empty if not."""
    differing = [
        f"{name.replace('_', ' ')} of {getattr(known, name)} expected, found {getattr(offered, name)}"
        for name in LASTING
        if getattr(known, name) != getattr(offered, name)
    ]
    return "; ".join(differing)
