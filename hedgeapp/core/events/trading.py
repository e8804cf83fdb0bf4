"""Events of trading: orders as the venue sees them, and fills.  (records)"""

from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Literal

from hedgeapp.core.records import fact, sparse_fact

Side = Literal["buy", "sell"]
Force = Literal["liquidation", "adl", "settlement"]  # settlement: of a contract that the venue ends
OrderStatus = Literal["working", "partially_filled", "filled", "canceled", "rejected", "expired"]


@fact
class OrderSeen:
    """The venue reported an order's state; quantities are contracts, `price` is None for a market order."""

    at: datetime
    account: str
    instrument: str
    venue_order_id: str
    client_order_id: str
    side: Side
    type: str
    status: OrderStatus
    price: Decimal | None
    quantity: Decimal
    filled: Decimal
    average_price: Decimal | None
    reduce_only: bool

    @property
    def key(self) -> str:
        return f"order:{self.account}:{self.instrument}:{self.venue_order_id}:{self.status}:{self.filled.normalize():f}"


@sparse_fact
class FillRecorded:
    """An execution: `quantity` contracts (> 0) at `price`; a positive `fee` was paid, a negative one received.

    `forced` is why the venue made it by itself, where its own word on the execution says so; None else. Where the venue
    tells more of an execution's place than its time, `sequence` is the number of the match that it came from, and
    `left` what its order had left after it, in contracts (docs/decisions/0144).
    """

    at: datetime
    account: str
    instrument: str
    trade_id: str
    venue_order_id: str
    side: Side
    price: Decimal
    quantity: Decimal
    fee: Decimal
    fee_asset: str
    is_maker: bool
    forced: Force | None = None
    sequence: int | None = None
    left: Decimal | None = None

    @property
    def unplaced(self) -> "FillRecorded":
        """The fill without its place in its moment: what it is, whoever told it."""
        return replace(self, sequence=None, left=None)

    @property
    def key(self) -> str:
        return f"fill:{self.account}:{self.instrument}:{self.trade_id}"
