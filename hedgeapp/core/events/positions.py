"""Events of positions: how one came to us, what the venue says of it, what it was paid.  (records)"""

from datetime import datetime
from decimal import Decimal

from hedgeapp.core.records import fact


@fact
class PositionOpened:
    """A position that was there before our first fill: signed contracts at the venue's entry price.

    Written once per account and instrument, on first contact, when the venue's history of trades does not add up to its
    position; trades up to `last_trade_id` are inside it.
    """

    at: datetime
    account: str
    instrument: str
    quantity: Decimal
    entry_price: Decimal
    last_trade_id: str

    @property
    def key(self) -> str:
        return f"opening:{self.account}:{self.instrument}"


@fact
class PositionStated:
    """The venue's own word on a position: signed contracts, entry price (None when flat)."""

    at: datetime
    account: str
    instrument: str
    quantity: Decimal
    entry_price: Decimal | None

    @property
    def key(self) -> str:
        return f"position:{self.account}:{self.instrument}:{int(self.at.timestamp() * 1000)}:{self.quantity}"


@fact
class FundingPaid:
    """Funding that an account received (positive) or paid (negative), in `asset`."""

    at: datetime
    account: str
    instrument: str
    payment_id: str
    amount: Decimal
    asset: str

    @property
    def key(self) -> str:
        return f"funding:{self.account}:{self.instrument}:{self.payment_id}"
