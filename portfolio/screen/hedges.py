"""Hedges on the screen: what is under way in a currency, what the engine proposes there, or why nothing."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Final

from hedgeapp.core.amounts import ZERO
from hedgeapp.live import Leaf
from portfolio.core.rows import ExposureRow, ProposalRow, Stand
from portfolio.screen import numbers
from portfolio.screen.leaves import Level, name, text, word

_WORDS: Final[dict[Stand, tuple[str, Level]]] = {
    "inside": ("no hedge needed", "good"),
    "open": ("hedge proposed", "warn"),
    "in_flight": ("in flight", "idle"),
    "cooldown": ("cooldown", "idle"),
    "blocked": ("no hedge", "bad"),
    "unknown": ("no hedge", "idle"),
}


def texts(one: ProposalRow | None, worst: str) -> dict[str, str | None]:
    """Return what stands still about hedging a currency: which ticket opens, and whether it is the one that h opens."""
    if one is None:
        return {}
    ticket = f"proposal={one.proposal.proposal_id}" if one.proposal else f"currency={one.currency}"
    return {"ticket": ticket, "stand": one.stand, "worst": "worst" if one.currency == worst else None}


def leaves(one: ProposalRow | None, places: int) -> dict[str, Leaf]:
    """Return what changes about hedging a currency."""
    if one is None:
        return {}
    here = name("exposure", one.currency)
    said, level = _WORDS[one.stand]
    return {
        "in_flight": text(f"{here}-flight", _under_way(one.least, one.most, places)),
        "hedge_word": word(f"{here}-hedge-word", said, level),
        "hedge": text(f"{here}-hedge", sentence(one), one.because),
    }


def sentence(one: ProposalRow) -> str:
    """Return what is proposed in a few words, or why nothing is."""
    proposal = one.proposal
    if proposal is None or one.because != proposal.because:
        return one.because
    size = numbers.plain(one.size, numbers.decimals_of(one.currency)) if one.size is not None else "?"
    symbol = proposal.instrument.partition(":")[2]
    contracts = numbers.full(proposal.quantity)
    return f"{proposal.side} {size} {one.currency} in {proposal.account}: {contracts} contracts of {symbol}"


def worst(rows: Iterable[ExposureRow], shown: Iterable[ProposalRow]) -> str:
    """Return the currency to hedge first: one with a proposal before one without, then by its share of the band."""
    shares = {row.currency: row.band_share.value or ZERO for row in rows}

    def need(one: ProposalRow) -> tuple[bool, Decimal]:
        return one.proposal is not None, shares.get(one.currency, ZERO)

    return max(shown, key=need).currency if (shown := tuple(shown)) else ""


def spoken(before: Iterable[ProposalRow], now: Iterable[ProposalRow]) -> str:
    """Return what a screen reader says about hedges that were proposed since; empty when none was."""
    known = {one.proposal.proposal_id for one in before if one.proposal}
    new = [one for one in now if one.proposal and one.proposal.proposal_id not in known]
    return ". ".join(f"Hedge proposed: {sentence(one)}" for one in new)


def _under_way(least: Decimal, most: Decimal, places: int) -> str:
    parts = [numbers.signed(bound, places) for bound in (least, most) if bound]
    return " / ".join(parts) or "0"
