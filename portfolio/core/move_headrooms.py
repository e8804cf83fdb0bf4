"""Move headrooms: an account's margin as moves see it, and by which limits.  MarginRows x Book -> Headrooms

Each settlement asset margins by itself, one unit for one: an account that settles in two has two headrooms. A unified
account has one for all assets, each at the highest of its ratios, so that what is taken away never counts for less than
it does; an asset whose ratio the venue has not stated is no margin there.
"""

from collections.abc import Iterable
from datetime import timedelta
from decimal import Decimal
from typing import Final

from hedgeapp.core.amounts import ONE, ZERO
from hedgeapp.core.events.moves import MovePayload
from portfolio.core.book import Book
from portfolio.core.catalogue import Catalogue
from portfolio.core.custodians import move_lock
from portfolio.core.figures import Figure, derived, exact, unknown
from portfolio.core.move_proposals import Headroom, MoveTerms
from portfolio.core.rows import MarginRow
from portfolio.core.valuation import Valuation

ALL_ACCOUNTS: Final = "account"  # a limit's subject: every account that has none of its own
FLOOR: Final = "move_headroom_floor"
TARGET: Final = "move_headroom_target"
CEILING: Final = "move_headroom_ceiling"
CLIP_MIN: Final = "move_clip_min"
COOLDOWN: Final = "move_cooldown"


def headrooms(rows: Iterable[MarginRow], book: Book) -> tuple[Headroom, ...]:
    """Return the headrooms of all accounts, one for each asset that something there settles in."""
    return tuple(
        Headroom(
            account=row.account,
            headroom_usd=row.headroom_usd,
            ratios=_ratios(row, book),
            settlement=locked(row.account, book),
        )
        for row in rows
    )


def _ratios(row: MarginRow, book: Book) -> dict[str, Decimal]:
    terms = book.terms.collateral.get(row.account)
    if terms is None:
        return {row.settlement: ONE}
    return {one.asset: one.tiers[0].ratio for one in terms.assets if one.tiers and one.tiers[0].ratio}


def terms_of(account: str, catalogue: Catalogue) -> MoveTerms | None:
    """Return by which limits collateral is moved, the account's own before those of all; None when one is not set."""
    found = [_limit(kind, account, catalogue) for kind in (FLOOR, TARGET, CEILING, CLIP_MIN, COOLDOWN)]
    floor, target, ceiling, clip_min, cooldown_s = found
    if floor is None or target is None or ceiling is None or clip_min is None or cooldown_s is None:
        return None
    return MoveTerms(
        floor_usd=floor,
        target_usd=target,
        ceiling_usd=ceiling,
        clip_min_usd=clip_min,
        cooldown=timedelta(seconds=float(cooldown_s)),
    )


def floor_of(account: str, catalogue: Catalogue) -> Decimal | None:
    """Return the margin headroom in USD that every move must leave at an account; None when it is not set."""
    return _limit(FLOOR, account, catalogue)


def locked(account: str, book: Book) -> str:
    """Return why nothing is to be moved at an account by itself now; empty when it may be."""
    known = book.catalogue.accounts.get(account)
    if known is None or not known.is_enabled:
        return f"an enabled account expected, found {account} {'disabled' if known else 'unknown'}"
    halt = next((one for one in book.halts if one.covers(known.venue)), None)
    if halt is not None:
        return f"{halt.halt_id} halts {known.venue}: the engine moves nothing there"
    blocked = book.blocking.of(known.venue)
    if blocked is not None:
        return f"nothing automatic acts at {known.venue}: {blocked.because}"
    for custodian in sorted({name for name, mirrored_to, _ in book.mirrored if mirrored_to == account}):
        if said := move_lock(book, custodian):
            return said
    alarm = next(iter(book.moves.alarms), None)
    return f"a move that we never intended waits for two people: {alarm.reference} of {alarm.source}" if alarm else ""


def headroom_after(payload: MovePayload, rooms: Iterable[Headroom], valuation: Valuation) -> Figure:
    """Return the margin headroom in USD that a move leaves at its account: of its asset's, or the tightest there.

    An asset that does not count as margin changes none of them.
    """
    account = {"delegate": payload.destination, "undelegate": payload.source}.get(payload.kind, "")
    ours = [one for one in rooms if one.account == account]
    if not ours:
        return unknown(f"no margin of {account or 'a transfer'} is known")
    its = [one for one in ours if payload.asset in one.ratios]
    if not its:
        return min(ours, key=_tightness).headroom_usd
    sign = ONE if payload.kind == "delegate" else -ONE
    counted = exact(sign * payload.amount * its[0].ratios[payload.asset])
    price = valuation.unit_usd(payload.asset)
    return derived(lambda room, units, usd: room + units * usd, its[0].headroom_usd, counted, price)


def _tightness(room: Headroom) -> tuple[bool, Decimal]:
    """Order headrooms: what nobody knows before all, then the smaller."""
    usd = room.headroom_usd.value
    return usd is not None, ZERO if usd is None else usd


def _limit(kind: str, account: str, catalogue: Catalogue) -> Decimal | None:
    limits = catalogue.limits_by_subject
    found = limits.get((kind, account)) or limits.get((kind, ALL_ACCOUNTS))
    return found.value if found else None
