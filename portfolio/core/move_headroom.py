"""Move headroom: the margin that a move would leave at its account, and the least that must be left.  -> Figure"""

from decimal import Decimal

from hedgeapp.core.amounts import ZERO
from hedgeapp.core.events.moves import MovePayload
from portfolio.core.catalogue import Catalogue
from portfolio.core.figures import Figure, derived, exact, total, unknown
from portfolio.core.margin import margin_rows
from portfolio.core.pnl import valued_positions
from portfolio.core.valuation import Valuation

FLOOR: str = "move_headroom_floor"  # kind of the limit


def headroom_usd(account: str, valuation: Valuation) -> Figure:
    """Return the margin headroom of an account over all assets that something there settles in."""
    rows = [row for row in margin_rows(valued_positions(valuation), valuation) if row.account == account]
    if not rows:
        return unknown(f"no margin of {account} is known: its feed has not stated a balance")
    return total(row.headroom_usd for row in rows)


def headroom_after_usd(payload: MovePayload, valuation: Valuation) -> Figure:
    """Return the headroom of an undelegation's account without what it takes away; exact zero for any other move.

    What settles nothing there counts as no margin in the headroom, so that taking it away takes none.
    """
    if payload.kind != "undelegate":
        return exact(ZERO)
    before = headroom_usd(payload.source, valuation)
    account = valuation.catalogue.accounts.get(payload.source)
    settled = {
        one.settlement for one in valuation.catalogue.instruments.values() if account and one.venue == account.venue
    }
    if payload.asset not in settled:
        return before
    return derived(lambda usd, price: usd - payload.amount * price, before, valuation.unit_usd(payload.asset))


def floor_usd(account: str, catalogue: Catalogue) -> Decimal | None:
    """Return the least headroom that an undelegation leaves at an account, in USD; None when none is set."""
    limits = catalogue.limits_by_subject
    found = limits.get((FLOOR, account)) or limits.get((FLOOR, "account"))
    return found.value if found else None
