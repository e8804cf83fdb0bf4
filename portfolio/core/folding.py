"""Folding: what a holding comes to, fill by fill; the loop that every rebuild runs through.  Held x fills -> Held"""

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import Final

from hedgeapp.core.amounts import QUANTUM, ZERO, quantized
from hedgeapp.core.events.trading import FillRecorded
from hedgeapp.core.instruments import ContractKind, pnl, value

# The place of a trade: its time at the venue, then its trade id. Ids are growing numbers, so a longer one is later.
Order = tuple[datetime, int, str]

# The place of a fill among those of its position. Within a moment it is the venue's own, where the venue tells it: the
# number of the match, the order, and what that order had left, less with each fill. Only then comes the trade id.
Place = tuple[datetime, int, str, Decimal, int, str]

# What a position comes to after a fill: quantity, size, entry value, realized, booked, opened at.
Held = tuple[Decimal, Decimal, Decimal, Decimal, Decimal, datetime | None]
FLAT: Final[Held] = (ZERO, ZERO, ZERO, ZERO, ZERO, None)

# A fill that is kept, with the contract size of its day. A plain tuple, because one is made for each fill of a rebuild.
KeptFill = tuple[FillRecorded, Decimal]


def order_of(at: datetime, trade_id: str) -> Order:
    """Return the place of a trade of whose fill no more than time and id are known."""
    return at, len(trade_id), trade_id


def order_of_kept(kept: KeptFill) -> Order:
    """Return the place of a trade whose fill is kept."""
    return order_of(kept[0].at, kept[0].trade_id)


def place_of(kept: KeptFill) -> Place:
    """Return the place of a fill that is kept; in a moment, one whose venue told no sequence comes first."""
    fill = kept[0]
    if fill.sequence is None:
        return fill.at, -1, "", ZERO, len(fill.trade_id), fill.trade_id
    left = ZERO if fill.left is None else -fill.left
    return fill.at, fill.sequence, fill.venue_order_id, left, len(fill.trade_id), fill.trade_id


def after(kind: ContractKind, held: Held, fills: Iterable[KeptFill]) -> Held:
    """Return what a holding comes to after fills, in their order."""
    held_quantity, had, entry_value, realized, booked, opened_at = held
    is_linear, is_long = kind == "linear", had > 0
    for fill, contract_size in fills:
        buys = fill.side == "buy"
        quantity = fill.quantity if buys else -fill.quantity
        size = quantity * contract_size
        worth = size * fill.price if is_linear else value(kind, size, fill.price)
        held_quantity += quantity
        left = had + size
        if not had:
            entry_value, booked, opened_at, is_long = worth, ZERO, fill.at, buys
        elif buys == is_long:
            entry_value += worth
        elif left and (left > 0) != is_long:
            # It crosses zero: the part that closes, then the part that opens.
            closing = quantized(worth * -had / size)
            realized += pnl(kind, entry_value, -closing)
            entry_value, booked, opened_at, is_long = worth - closing, ZERO, fill.at, buys
        else:
            released = (entry_value * -size / had).quantize(QUANTUM) if left else entry_value  # half to even
            realized -= worth + released if is_linear else -worth - released  # `pnl`, without a call for each fill
            entry_value -= released
            if booked:
                booked = quantized(booked * left / had)
            if not left:
                opened_at = None
        had = left
    return held_quantity, had, entry_value, realized, booked, opened_at
