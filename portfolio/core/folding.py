"""Folding: what a holding comes to, fill by fill; the loop that every rebuild runs through.  Held x fills -> Held"""

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import Final

from hedgeapp.core.amounts import QUANTUM, ZERO, quantized
from hedgeapp.core.events.trading import FillRecorded
from hedgeapp.core.instruments import ContractKind, value

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
    quantity, size, entry_value, realized, booked, opened_at = held
    is_linear, is_long = kind == "linear", size > 0
    if not is_long:  # the loop counts without a sign; `is_long` is the side
        quantity, size, entry_value = -quantity, -size, -entry_value
    for fill, contract_size in fills:
        buys, more = fill.side == "buy", fill.quantity * contract_size
        worth = more * fill.price if is_linear else value(kind, more, fill.price)
        if not size:
            quantity = fill.quantity + (quantity if buys == is_long else -quantity)
            size, entry_value, booked, opened_at, is_long = more, worth, ZERO, fill.at, buys
        elif buys == is_long:
            quantity += fill.quantity
            size += more
            entry_value += worth
        elif more < size:
            quantity -= fill.quantity
            released = (entry_value * more / size).quantize(QUANTUM)  # half to even
            realized += worth - released if is_long == is_linear else released - worth
            entry_value -= released
            if booked:
                booked = quantized(booked * (size - more) / size)
            size -= more
        else:
            # All that was held is closed; what the fill has beyond it opens the other side.
            closing = worth if more == size else quantized(worth * size / more)
            realized += closing - entry_value if is_long == is_linear else entry_value - closing
            quantity, size, entry_value = fill.quantity - quantity, more - size, worth - closing
            booked, opened_at, is_long = ZERO, fill.at if size else None, buys
    if not is_long:
        quantity, size, entry_value = -quantity, -size, -entry_value
    return quantity, size, entry_value, realized, booked, opened_at
