"""Positions: what was bought and sold, folded fill by fill.  fills -> Position

A position is a signed number of contracts with its size (linear: base units, inverse: quote units) and its entry value,
what the size was worth in the settlement asset when it was opened. A fill in the same direction adds its worth; one in
the other direction releases entry value in proportion and realizes the difference; one that crosses zero closes, then
opens. What is released is rounded to 1e-18 once and then moved, never computed again, so that the total PnL at a mark
is exactly the same in whichever order the fills came. `docs/arithmetic.md` derives this.

The entry does depend on the order. Fills are folded by the venue's time, then by trade id: one that comes late is put
in its place among the last `FILLS_KEPT` and those after it are folded again; one that is older than all of these is
folded as if it were the oldest of them. A fill that is already there changes nothing.
"""

from bisect import bisect_left
from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import Final

from hedgeapp.core.amounts import ZERO, quantized
from hedgeapp.core.events.positions import PositionOpened
from hedgeapp.core.events.trading import FillRecorded
from hedgeapp.core.instruments import ContractKind, pnl, price_of, value
from hedgeapp.core.records import record

FILLS_KEPT: Final = 256  # per position; up to twice as many between two trims

# The place of a fill: its time at the venue, then its trade id. Ids are growing numbers, so a longer one is later.
Order = tuple[datetime, int, str]

# What a position comes to after a fill: quantity, size, entry value, realized, booked, opened at. Plain tuples, because
# one is made for each fill of a rebuild.
_Held = tuple[Decimal, Decimal, Decimal, Decimal, Decimal, datetime | None]
_FLAT: Final[_Held] = (ZERO, ZERO, ZERO, ZERO, ZERO, None)

# A fill that is kept: its order, quantity, size and worth (all signed), fee, fee asset, and what it led to.
_Kept = tuple[Order, Decimal, Decimal, Decimal, Decimal, str, _Held]


class OpeningCameTooLate(ValueError):
    """A position's opening arrived after fills that it should have preceded were let go."""

    def __init__(self, opening: PositionOpened) -> None:
        super().__init__(
            f"opening of {opening.instrument} in {opening.account} expected before its fills, found more than "
            f"{FILLS_KEPT} fills later than its trade {opening.last_trade_id}: put it into the log before them"
        )


@record
class FoldedFill:
    """A fill as its position keeps it: signed quantity, size and worth, by the contract size of its day."""

    at: datetime
    trade_id: str
    quantity: Decimal
    size: Decimal
    worth: Decimal
    fee: Decimal
    fee_asset: str


@record
class PositionState:
    """A position written out, from which it can be made again exactly; `origin` is what came before `fills`."""

    account: str
    instrument: str
    kind: ContractKind
    opening: PositionOpened | None
    origin: tuple[Decimal, Decimal, Decimal, Decimal, Decimal, datetime | None]
    origin_order: tuple[datetime, int, str] | None
    fills: tuple[FoldedFill, ...]
    fees: dict[str, Decimal]
    updated_at: datetime


def order_of(at: datetime, trade_id: str) -> Order:
    """Return the place of a fill among the fills of its position."""
    return at, len(trade_id), trade_id


class Position:
    """One instrument in one account; mutable, owned by one book.

    `fees` are what was paid (positive) per asset, `updated_at` is the time of the latest fact at the venue.
    """

    __slots__ = ("_base", "_before", "_held", "_kept", "account", "fees", "instrument", "kind", "opening", "updated_at")

    def __init__(self, account: str, instrument: str, kind: ContractKind, at: datetime) -> None:
        self.account = account
        self.instrument = instrument
        self.kind = kind
        self.opening: PositionOpened | None = None
        self.fees: dict[str, Decimal] = {}
        self.updated_at = at
        self._base: _Held = _FLAT
        self._before: Order | None = None
        self._kept: list[_Kept] = []
        self._held: _Held = _FLAT

    @property
    def quantity(self) -> Decimal:
        """The signed number of contracts."""
        return self._held[0]

    @property
    def size(self) -> Decimal:
        """The signed size: base units if linear, quote units if inverse."""
        return self._held[1]

    @property
    def entry_value(self) -> Decimal:
        """What the open size was worth when it was opened, in the settlement asset, signed like the size."""
        return self._held[2]

    @property
    def realized(self) -> Decimal:
        """The profit of what was closed, against its entry, in the settlement asset, fees not in it."""
        return self._held[3]

    @property
    def booked(self) -> Decimal:
        """The part of the open position's profit that settlements have already paid, in the settlement asset."""
        return self._held[4]

    @property
    def opened_at(self) -> datetime:
        """When the position last left zero."""
        return self._held[5] or self.updated_at

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

    def fill(self, fill: FillRecorded, contract_size: Decimal) -> None:
        """Fold a fill, sized by the contract size now in force; nothing changes if it is there already."""
        if self.opening is not None and _trade(fill.trade_id) <= _trade(self.opening.last_trade_id):
            return
        order: Order = (fill.at, len(fill.trade_id), fill.trade_id)
        kept = self._kept
        quantity = fill.quantity if fill.side == "buy" else -fill.quantity
        size = quantity * contract_size
        worth = value(self.kind, size, fill.price)
        if not kept or order > kept[-1][0]:
            held = self._held = _after(self.kind, self._held, fill.at, quantity, size, worth)
            kept.append((order, quantity, size, worth, fill.fee, fill.fee_asset, held))
            if len(kept) >= 2 * FILLS_KEPT:
                self._trim()
        else:
            place = bisect_left(kept, order, key=_order_of_kept)
            if kept[place][0] == order:
                return
            kept.insert(place, (order, quantity, size, worth, fill.fee, fill.fee_asset, _FLAT))
            self._fold_from(place)
        self.fees[fill.fee_asset] = self.fees.get(fill.fee_asset, ZERO) + fill.fee
        if fill.at > self.updated_at:
            self.updated_at = fill.at

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
        for _, _, _, _, fee, asset, _ in (one for one in self._kept if one[0][1:] <= last):
            self.fees[asset] -= fee
        self.fees = {asset: paid for asset, paid in self.fees.items() if paid}
        self._kept = [one for one in self._kept if one[0][1:] > last]
        self.updated_at = max(self.updated_at, opening.at)
        self._fold_from(0)

    def settle(self, price: Decimal, at: datetime) -> None:
        """Book the profit since the last settlement: it is in the balance from now on, the entry stays."""
        quantity, size, entry_value, realized, _, opened_at = self._held
        booked = pnl(self.kind, entry_value, value(self.kind, size, price)) if size else ZERO
        if self._kept:
            self._before = self._kept[-1][0]
        self._held = self._base = (quantity, size, entry_value, realized, booked, opened_at)
        # A fill from before a settlement that comes after it counts from the settlement on.
        self._kept = []
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
            fills=tuple(
                FoldedFill(
                    at=order[0], trade_id=order[2], quantity=quantity, size=size, worth=worth, fee=fee, fee_asset=asset
                )
                for order, quantity, size, worth, fee, asset, _ in self._kept
            ),
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
        position._kept = list(_kept_of(state.fills))
        position._fold_from(0)
        return position

    def _fold_from(self, place: int) -> None:
        kept, held = self._kept, self._kept[place - 1][6] if place else self._base
        for index in range(place, len(kept)):
            order, quantity, size, worth, fee, asset, _ = kept[index]
            held = _after(self.kind, held, order[0], quantity, size, worth)
            kept[index] = (order, quantity, size, worth, fee, asset, held)
        self._held = held

    def _trim(self) -> None:
        last_gone = self._kept[FILLS_KEPT - 1]
        self._before, self._base = last_gone[0], last_gone[6]
        del self._kept[:FILLS_KEPT]


def _trade(trade_id: str) -> tuple[int, str]:
    return len(trade_id), trade_id


def _order_of_kept(kept: _Kept) -> Order:
    return kept[0]


def _kept_of(fills: Iterable[FoldedFill]) -> Iterable[_Kept]:
    for one in fills:
        order = order_of(one.at, one.trade_id)
        yield order, one.quantity, one.size, one.worth, one.fee, one.fee_asset, _FLAT


def _after(kind: ContractKind, held: _Held, at: datetime, quantity: Decimal, size: Decimal, worth: Decimal) -> _Held:
    """Return what a holding comes to after a fill."""
    had_quantity, had, entry_value, realized, booked, opened_at = held
    if not had:
        return had_quantity + quantity, size, worth, realized, ZERO, at
    if (had > 0) == (size > 0):
        return had_quantity + quantity, had + size, entry_value + worth, realized, booked, opened_at
    left = had + size
    if left and (left > 0) != (had > 0):  # crosses zero: the part that closes, then the part that opens
        closing = quantized(worth * -had / size)
        gain = pnl(kind, entry_value, -closing)
        return had_quantity + quantity, left, worth - closing, realized + gain, ZERO, at
    released = quantized(entry_value * -size / had) if left else entry_value
    gain = pnl(kind, released, -worth)
    if booked:
        booked = quantized(booked * left / had)
    return had_quantity + quantity, left, entry_value - released, realized + gain, booked, opened_at if left else None
