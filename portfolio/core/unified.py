"""Unified margin: an account whose assets stand for each other, each at what the venue takes it for.  Pockets -> USD

Margin balance = Σ over assets with equity ≥ 0 of index x what the equity counts for, by marginal tiers, + Σ over assets
with equity < 0 of index x equity; equity = wallet + unrealized PnL. Margins of contracts and of what is borrowed are
brought to USD at the index of their asset (Bybit, "Key Terms and Formulas in UTA", "Understanding Collateral Value
Ratios"). With every price that moves at k times what it is now, all of this is linear in k between the bounds of tiers,
for linear and inverse contracts alike, so what is left is solved exactly, segment by segment.
"""

from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from itertools import pairwise
from typing import Final

from hedgeapp.core.amounts import ONE, ZERO
from hedgeapp.core.instruments import CollateralTier, ContractKind, Tier, pnl
from hedgeapp.core.records import record
from portfolio.core.liquidation import initial, maintenance

Moved = frozenset[str]  # assets whose prices, and those of contracts on them, are k times what they are now

NOBODY: Final = Moved()
THREE: Final = Decimal(3)


class MarginIsNotSolved(ValueError):
    """A liquidation price was asked for where margin is not linear in the price between tiers."""

    def __init__(self, because: str) -> None:
        super().__init__(because)


@record
class Contract:
    """A position as margin sees it: its signed worth now, and its basis, what it was worth when last settled.

    Both are in the settlement asset; `leverage` is the account's own, None where nobody has told it.
    """

    kind: ContractKind
    base: str
    worth: Decimal
    basis: Decimal
    tiers: Sequence[Tier]
    leverage: Decimal | None

    def worth_at(self, k: Decimal) -> Decimal:
        """Return what it is worth at k times its mark."""
        return self.worth * k if self.kind == "linear" else self.worth / k


@record
class Pocket:
    """One asset of a unified account: its wallet, its index in USD, and the contracts that settle in it.

    `ratios` are what the venue takes it for; none: it is no collateral. `borrow_rate` is the maintenance margin, as a
    share, of what is borrowed of it.
    """

    asset: str
    wallet: Decimal
    index: Decimal
    ratios: Sequence[CollateralTier]
    contracts: Sequence[Contract] = ()
    borrow_rate: Decimal = ZERO

    def equity(self, k: Decimal = ONE, moved: Moved = NOBODY) -> Decimal:
        """Return wallet and unrealized PnL, in the asset."""
        return self.wallet + sum(
            (pnl(one.kind, one.basis, one.worth_at(_at(one.base, k, moved))) for one in self.contracts), ZERO
        )


@record
class Measured:
    """A unified account in USD: what it has, and what its contracts and debts take of it."""

    balance: Decimal
    initial: Decimal
    maintenance: Decimal

    @property
    def left(self) -> Decimal:
        """What is left of the balance above the maintenance margin."""
        return self.balance - self.maintenance


def counted(ratios: Sequence[CollateralTier], amount: Decimal) -> Decimal:
    """Return what an amount of an asset counts for: a positive one by its tiers, each part at its own; a debt whole."""
    if amount <= 0:
        return amount
    return sum(
        (
            tier.ratio * ((amount if tier.cap is None else min(amount, tier.cap)) - tier.floor)
            for tier in ratios
            if amount > tier.floor
        ),
        ZERO,
    )


def ratio_at(ratios: Sequence[CollateralTier], amount: Decimal) -> Decimal:
    """Return what one more unit counts for: 1 while there is a debt, 0 above the last tier."""
    if amount < 0:
        return ONE
    return next((tier.ratio for tier in ratios if tier.cap is None or amount < tier.cap), ZERO)


def borrowed(equity: Decimal, frozen: Decimal = ZERO) -> Decimal:
    """Return what the venue lends by itself: |min(0, equity − frozen)| (Bybit's unified account)."""
    return max(ZERO, frozen - equity)


def measured(pockets: Iterable[Pocket], k: Decimal = ONE, moved: Moved = NOBODY) -> Measured:
    """Return an account's margin in USD, where the prices of `moved` are k times what they are."""
    balance = first = kept = ZERO
    for one in pockets:
        usd, equity = one.index * _at(one.asset, k, moved), one.equity(k, moved)
        worths = [(contract, abs(contract.worth_at(_at(contract.base, k, moved)))) for contract in one.contracts]
        debt = borrowed(equity) * one.borrow_rate
        balance += counted(one.ratios, equity) * usd
        first += (sum((initial(of.tiers, worth, of.leverage) for of, worth in worths), ZERO) + debt) * usd
        kept += (sum((maintenance(of.tiers, worth) for of, worth in worths), ZERO) + debt) * usd
    return Measured(balance=balance, initial=first, maintenance=kept)


def liquidations(pockets: Sequence[Pocket], moved: Moved) -> tuple[Decimal | None, Decimal | None]:
    """Return the nearest k below and above 1 at which no margin is left; None where there is none.

    What is left is concave in k, for ratios fall and maintenance rates rise with their tiers: at most one on each side.
    Raises `MarginIsNotSolved`.
    """
    bounds = {bound for one in pockets for bound in _bounds(one, moved)}
    below = sorted((bound for bound in bounds if ZERO < bound < ONE), reverse=True)
    above = sorted(bound for bound in bounds if bound > ONE)
    return _first(pockets, moved, [ONE, *below, ZERO]), _first(pockets, moved, [ONE, *above, None])


def _at(asset: str, k: Decimal, moved: Moved) -> Decimal:
    return k if asset in moved else ONE


def _first(pockets: Sequence[Pocket], moved: Moved, bounds: Sequence[Decimal | None]) -> Decimal | None:
    for near, far in pairwise(bounds):
        assert near is not None  # only the last bound is open
        step = near if far is None else (far - near) / THREE
        one, other = near + step, near + 2 * step  # inside, so that both are of one tier each
        height = measured(pockets, one, moved).left
        rise = (measured(pockets, other, moved).left - height) / step
        if height - rise * step <= ZERO:
            return near  # the margin jumps at this bound: the venue's deductions do not join its tiers
        k = one - height / rise if rise else None
        if k is not None and k > ZERO and (k >= near if far is None else min(near, far) <= k <= max(near, far)):
            return k
    return None


def _bounds(pocket: Pocket, moved: Moved) -> Iterator[Decimal]:
    """Yield every k at which something of an asset passes from one tier to the next."""
    moving = [one for one in pocket.contracts if one.base in moved]
    if len({one.kind for one in moving}) > 1:
        raise MarginIsNotSolved(f"linear and inverse contracts settle in {pocket.asset}: they are not solved together")
    if any(tier.growth for one in pocket.contracts for tier in one.tiers):
        raise MarginIsNotSolved(f"margin in {pocket.asset} grows with the position: it is not solved across assets")
    if not moving:
        return
    is_linear = moving[0].kind == "linear"
    worth = sum((one.worth for one in moving), ZERO)
    slope = worth if is_linear else -worth
    still = pocket.equity() - slope  # at y = 0, y being k if linear and 1/k if inverse
    ys = [tier.cap / abs(one.worth) for one in moving for tier in one.tiers[:-1] if one.worth]
    if slope:
        ys += [
            (bound - still) / slope for bound in (ZERO, *(tier.cap for tier in pocket.ratios if tier.cap is not None))
        ]
    yield from ((y if is_linear else ONE / y) for y in ys if y > ZERO)
