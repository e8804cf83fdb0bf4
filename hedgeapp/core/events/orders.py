"""Events of our own orders: from the proposal to the venue's last word.  (records)

An order has one name from before its first socket to its end: the client order id, made from what asked for it. What
the venue reports of it comes as `OrderSeen` and `FillRecorded`, like everybody's.
"""

from datetime import datetime
from decimal import Decimal
from typing import Literal

from hedgeapp.core.events.trading import Side
from hedgeapp.core.records import fact

TimeInForce = Literal["gtc", "ioc", "fok", "post_only"]
ProposalEnd = Literal["sent", "withdrawn", "superseded", "dismissed"]


@fact
class HedgeProposed:
    """The engine proposes a hedge because a net exposure left its band; a person sends it or does not.

    `quantity` is in contracts; `net`, `in_flight` (what orders under way may still add) and `band` are in `currency`.
    """

    at: datetime
    proposal_id: str
    currency: str
    account: str
    instrument: str
    side: Side
    quantity: Decimal
    net: Decimal
    in_flight: Decimal
    band: Decimal
    because: str

    @property
    def key(self) -> str:
        return f"hedge-proposed:{self.proposal_id}"


@fact
class ProposalClosed:
    """A proposal is no longer open; `by` is who or what closed it."""

    at: datetime
    proposal_id: str
    end: ProposalEnd
    by: str
    reason: str

    @property
    def key(self) -> str:
        return f"proposal-closed:{self.proposal_id}"


@fact
class OrderIntended:
    """Somebody wants an order sent; `quantity` is in contracts, `price` its worst price, in the quote.

    There is no order without a price: what should fill at once is `ioc` at the edge of the price collar.
    """

    at: datetime
    client_order_id: str
    account: str
    instrument: str
    side: Side
    time_in_force: TimeInForce
    quantity: Decimal
    price: Decimal
    reduce_only: bool
    by: str
    reason: str
    proposal_id: str

    @property
    def key(self) -> str:
        return f"order-intended:{self.client_order_id}"


@fact
class OrderRefused:
    """We refused to send an intended order; `rule` names the check, `said` has its limit, value and unit."""

    at: datetime
    client_order_id: str
    rule: str
    said: str

    @property
    def key(self) -> str:
        return f"order-refused:{self.client_order_id}"


@fact
class OrderSent:
    """The venue may have the order from now on: written before the request, and never twice.

    The request is signed with `at`, and the venue refuses it after `valid_until`, however late a stopped process sends
    it. `mark` is what the price was checked against, `net` the exposure that it was checked to reduce, in the currency.
    """

    at: datetime
    client_order_id: str
    valid_until: datetime
    mark: Decimal
    mark_at: datetime
    net: Decimal

    @property
    def key(self) -> str:
        return f"order-sent:{self.client_order_id}"


@fact
class OrderAcknowledged:
    """The venue said that it has the order, under an id of its own."""

    at: datetime
    client_order_id: str
    venue_order_id: str

    @property
    def key(self) -> str:
        return f"order-acknowledged:{self.client_order_id}"


@fact
class OrderRejected:
    """The venue refused the order, in words that leave no doubt; `code` is its own."""

    at: datetime
    client_order_id: str
    code: str
    said: str

    @property
    def key(self) -> str:
        return f"order-rejected:{self.client_order_id}"


@fact
class OrderOutcomeUnknown:
    """The request ended without the venue's word: it may or may not have the order."""

    at: datetime
    client_order_id: str
    because: str

    @property
    def key(self) -> str:
        return f"order-outcome-unknown:{self.client_order_id}"


@fact
class OrderNeverArrived:
    """The venue said that it does not know the order, after the time in which it could still have taken it."""

    at: datetime
    client_order_id: str
    said: str

    @property
    def key(self) -> str:
        return f"order-never-arrived:{self.client_order_id}"


@fact
class CancelAsked:
    """Somebody wants an order canceled; asking again changes nothing."""

    at: datetime
    client_order_id: str
    by: str
    reason: str

    @property
    def key(self) -> str:
        return f"cancel-asked:{self.client_order_id}"
