"""Specifications: what of a venue's word on an instrument nobody takes over unasked.  Instrument x Instrument -> str

Tick, step, tiers and whether it trades may change from one day to the next, and do. What a contract is may not: a
position that is already open would be another one overnight.
"""

from dataclasses import replace
from typing import Final

from hedgeapp.core.instruments import FundingTerms, Instrument

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
    """Return a specification with what we know where the venue tells none: tiers or funding that a person entered."""
    if known is None:
        return offered
    return replace(
        offered,
        tiers=offered.tiers or known.tiers,
        funding_terms=_kept(offered.funding, known.funding).told,
    )


def _kept(offered: FundingTerms, known: FundingTerms) -> FundingTerms:
    return FundingTerms(
        minutes=offered.minutes or known.minutes,
        cap=known.cap if offered.cap is None else offered.cap,
        floor=known.floor if offered.floor is None else offered.floor,
    )


def contradiction(known: Instrument, offered: Instrument) -> str:
    """Return in a sentence where an offered specification is of another contract than the known one; empty if not."""
    differing = [
        f"{name.replace('_', ' ')} of {getattr(known, name)} expected, found {getattr(offered, name)}"
        for name in LASTING
        if getattr(known, name) != getattr(offered, name)
    ]
    return "; ".join(differing)
