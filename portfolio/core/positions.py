"""Positions: what was bought and sold, folded fill by fill.  fills -> Position

A position is a signed number of contracts with its size (linear: base units, inverse: quote units) and its entry value,
what the size was worth in the settlement asset when it was opened. A fill in the same direction adds its worth; one in
the other direction releases entry value in proportion and realizes the difference; one that crosses zero closes, then
opens. What is released is rounded to 1e-18 once and then moved, never computed again, so that the total PnL at a mark
is exactly the same in whichever order the fills came. `docs/arithmetic.md` derives this.

The entry does depend on the order. Fills are folded by the venue's time, within a moment in the order that the venue
tells, then by trade id: one that comes late is put in its place among the last `FILLS_KEPT` and those after it are
folded again; one that is older than all of these is folded as if it were the oldest of them. A fill that is already
there changes nothing. A fill is folded when somebody looks, or when it is let go: a rebuild folds each once, many in
one loop.
"""

from bisect import bisect_left
from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import Final

from hedgeapp.core.amounts import ZERO
from hedgeapp.core.events.positions import PositionOpened
from hedgeapp.core.events.trading import FillRecorded
from hedgeapp.core.instruments import ContractKind, pnl, price_of, value
from hedgeapp.core.records import record
from portfolio.core.folding import FLAT, Held, KeptFill, Order, after, order_of_kept, place_of
from portfolio.core.folding import order_of as order_of

FILLS_KEPT: Final = 256  # per position, at least
FILLS_LET_GO: Final = 64  # together, as soon as there are so many more
FILLS_MOST: Final = FILLS_KEPT + FILLS_LET_GO


class OpeningCameTooLate(ValueError):
    """A position's opening arrived after fills that it should have preceded were let go."""

    def __init__(self, opening: PositionOpened) -> None:
        super().__init__(
            f"opening of {opening.instrument} in {opening.account} expected before its fills, found more than "
            f"{FILLS_KEPT} fills later than its trade {opening.last_trade_id}: put it into the log before them"
        )


@record
class PositionState:
    """A position written out, from which it can be made again exactly; `origin` is what came before `fills`."""

    account: str
    instrument: str
    kind: ContractKind
    opening: PositionOpened | None
    origin: tuple[Decimal, Decimal, Decimal, Decimal, Decimal, datetime | None]
    origin_order: tuple[datetime, int, str] | None
    fills: tuple[KeptFill, ...]
    fees: dict[str, Decimal]
    updated_at: datetime


class Position:
    """One instrument in one account; mutable, owned by one book.

    `fees` are what was paid (positive) per asset, `updated_at` is the time of the latest fact at the venue.
    """

    __slots__ = (
        "_base",
        "_before",
        "_folded",
        "_held",
        "_kept",
        "_passed",
        "account",
        "fees",
        "instrument",
        "kind",
        "opening",
        "updated_at",
    )

    def __init__(self, account: str, instrument: str, kind: ContractKind, at: datetime) -> None:
        self.account = account
        self.instrument = instrument
        self.kind = kind
        self.opening: PositionOpened | None = None
        self.fees: dict[str, Decimal] = {}
        self.updated_at = at
        self._base: Held = FLAT
        self._before: Order | None = None
        self._kept: list[KeptFill] = []
        self._folded = 0  # how many of the kept fills are in `_held`
        self._held: Held = FLAT
        self._passed: list[Held] = []  # what it came to after each `FILLS_LET_GO` of those

    @property
    def held(self) -> Held:
        """All that it comes to, for who needs more than one of the following."""
        kept, folded = self._kept, self._folded
        count = len(kept)
        while folded < count:
            until = min(count, folded - folded % FILLS_LET_GO + FILLS_LET_GO)
            self._held = after(self.kind, self._held, kept[folded:until])
            self._folded = folded = until
            if not until % FILLS_LET_GO:
                self._passed.append(self._held)
        return self._held

    @property
    def quantity(self) -> Decimal:
        """The signed number of contracts."""
        return self.held[0]

    @property
    def size(self) -> Decimal:
        """The signed size: base units if linear, quote units if inverse."""
        return self.held[1]

    @property
    def entry_value(self) -> Decimal:
        """What the open size was worth when it was opened, in the settlement asset, signed like the size."""
        return self.held[2]

    @property
    def realized(self) -> Decimal:
        """The profit of what was closed, against its entry, in the settlement asset, fees not in it."""
        return self.held[3]

    @property
    def booked(self) -> Decimal:
        """The part of the open position's profit that settlements have already paid, in the settlement asset."""
        return self.held[4]

    @property
    def opened_at(self) -> datetime:
        """When the position last left zero."""
        return self.held[5] or self.updated_at

    @property
    def entry_price(self) -> Decimal | None:
        """The average price of the open size: arithmetic if linear, harmonic if inverse; None when flat."""
        return price_of(self.kind, self.size, self.entry_value) if self.size and self.entry_value else None

    @property
    def settlement_value(self) -> Decimal:
        """What the open size was worth at the last settlement; the entry value until the first one."""
        return self.entry_value + (self.booked if self.kind == "linear" else -self.booked)

    @property
    def settlement_price(self) -> Decimal | None:
        """The price from which unsettled profit counts; None when flat."""
        basis = self.settlement_value
        return price_of(self.kind, self.size, basis) if self.size and basis else None

    @property
    def settled(self) -> Decimal:
        """All profit that is in the balance: realized by closing, or booked by a settlement; fees not in it."""
        return self.realized + self.booked

    def unsettled(self, mark: Decimal) -> Decimal:
        """Return the profit at a mark that no balance holds yet, in the settlement asset."""
        return pnl(self.kind, self.settlement_value, value(self.kind, self.size, mark))

    def total_pnl(self, mark: Decimal) -> Decimal:
        """Return realized and unrealized profit at a mark; it does not depend on the order of the fills."""
        return self.realized + pnl(self.kind, self.entry_value, value(self.kind, self.size, mark))

    def fill(self, fills: Iterable[FillRecorded], contract_size: Decimal) -> None:
        """Fold fills, sized by the contract size now in force; one that is there already changes nothing."""
        if self.opening is not None:
            last = _trade(self.opening.last_trade_id)
            fills = [one for one in fills if _trade(one.trade_id) > last]
        kept, fees, updated_at = self._kept, self.fees, self.updated_at
        for fill in fills:
            if fill.at > updated_at:  # and so later than all that are kept
                updated_at = fill.at
                kept.append((fill, contract_size))
            elif not self._is_placed((fill, contract_size)):
                continue
            asset = fill.fee_asset
            fees[asset] = fees.get(asset, ZERO) + fill.fee
            if len(kept) >= FILLS_MOST:
                self._let_go()
        self.updated_at = updated_at

    def _is_placed(self, one: KeptFill) -> bool:
        """Put a fill where it belongs among those that are kept; False if it is there already."""
        kept, order = self._kept, place_of(one)
        place = bisect_left(kept, order, key=place_of)
        if place < len(kept) and place_of(kept[place]) == order:
            return False
        kept.insert(place, one)
        if place < self._folded:
            self._fold_again(place // FILLS_LET_GO)
        return True

    def open(self, opening: PositionOpened, contract_size: Decimal) -> None:
        """Start from a position that was there before the first fill; trades up to its last one are inside it.

        Raises `OpeningCameTooLate` when fills that should follow it can no longer be folded again, or when another
        opening is there already.
        """
        if opening == self.opening:
            return
        last = _trade(opening.last_trade_id)
        if self.opening is not None or (self._before is not None and self._before[1:] > last):
            raise OpeningCameTooLate(opening)
        self.opening = opening
        size = opening.quantity * contract_size
        worth = value(self.kind, size, opening.entry_price) if size else ZERO
        self._base = (opening.quantity, size, worth, ZERO, ZERO, opening.at if size else None)
        self._before = None
        for inside, _ in (one for one in self._kept if _trade(one[0].trade_id) <= last):
            self.fees[inside.fee_asset] -= inside.fee
        self.fees = {asset: paid for asset, paid in self.fees.items() if paid}
        self._kept = [one for one in self._kept if _trade(one[0].trade_id) > last]
        self.updated_at = max(self.updated_at, opening.at)
        self._fold_again()

    def settle(self, price: Decimal, at: datetime) -> None:
        """Book the profit since the last settlement: it is in the balance from now on, the entry stays."""
        quantity, size, entry_value, realized, _, opened_at = self.held
        booked = pnl(self.kind, entry_value, value(self.kind, size, price)) if size else ZERO
        if self._kept:
            self._before = order_of_kept(self._kept[-1])
        self._base = (quantity, size, entry_value, realized, booked, opened_at)
        # A fill from before a settlement that comes after it counts from the settlement on.
        self._kept = []
        self._fold_again()
        self.updated_at = max(self.updated_at, at)

    def state(self) -> PositionState:
        """Write the position out."""
        return PositionState(
            account=self.account,
            instrument=self.instrument,
            kind=self.kind,
            opening=self.opening,
            origin=self._base,
            origin_order=self._before,
            fills=tuple(self._kept),
            fees=dict(self.fees),
            updated_at=self.updated_at,
        )

    @classmethod
    def of(cls, state: PositionState) -> "Position":
        """Make a position again from what `state` wrote."""
        position = cls(state.account, state.instrument, state.kind, state.updated_at)
        position.opening = state.opening
        position.fees = dict(state.fees)
        position._base, position._before = state.origin, state.origin_order
        position._kept = list(state.fills)
        position._fold_again()
        return position

    def _fold_again(self, passed: int = 0) -> None:
        del self._passed[passed:]
        self._held, self._folded = (self._passed or [self._base])[-1], passed * FILLS_LET_GO

    def _let_go(self) -> None:
        gone = self._kept[:FILLS_LET_GO]
        self._before = order_of_kept(gone[-1])
        del self._kept[:FILLS_LET_GO]
        if self._passed:
            self._base = self._passed.pop(0)
            self._folded -= FILLS_LET_GO
        else:
            self._base = after(self.kind, self._base, gone)
            self._fold_again()


def _trade(trade_id: str) -> tuple[int, str]:
    return len(trade_id), trade_id
