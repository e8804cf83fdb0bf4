"""OKX: one account's orders; each answer says by its own code what became of the one order that was sent.

A placed or canceled order is acknowledged before it is done, so it is looked at afterwards, under one of its ids
(docs/decisions/0111).
"""

from collections.abc import Mapping
from typing import Any, Final

from hedgeapp.core.events.orders import OrderIntended, OrderSent, TimeInForce
from hedgeapp.core.events.trading import OrderSeen
from portfolio.gateways.exchange import CANCEL_S_MAX, FIND_S_MAX, PLACE_S_MAX, READ_S_MAX
from portfolio.gateways.looking import LookingGateway
from portfolio.gateways.outcomes import NotKnown, NoWord

PAGE: Final = 100
PAGES_MAX: Final = 100

_KINDS: Final[dict[TimeInForce, str]] = {"gtc": "limit", "ioc": "ioc", "fok": "fok", "post_only": "post_only"}


class OkxGateway(LookingGateway):
    """One account's door to its venue."""

    async def place(self, order: OrderIntended, sent: OrderSent) -> OrderSeen:
        """Send an order that was marked as sent, and return what the venue made of it; raises Rejected."""
        name = order.client_order_id
        parameters: dict[str, Any] = {
            "instId": self._symbol(order.instrument),
            "tdMode": "cross",
            "side": order.side,
            "ordType": _KINDS[order.time_in_force],
            "sz": f"{order.quantity:f}",
            "px": f"{order.price:f}",
            "clOrdId": name,
        }
        if order.reduce_only:
            parameters["reduceOnly"] = True
        (row,) = _rows(await self._asked(PLACE_S_MAX, "place", self._lifetime(sent), **parameters), only=True)
        if row.get("clOrdId") != name:
            raise NoWord(f"the venue was asked about {name} and answered about {row.get('clOrdId')}")
        return await self._looked(order.instrument, {"clOrdId": name}, is_over=False)

    async def find(self, instrument: str, client_order_id: str) -> OrderSeen:
        """Return an order as the venue has it, under our id; raises NotKnown."""
        return await self._found(instrument, {"clOrdId": client_order_id})

    async def cancel(self, instrument: str, *, client_order_id: str = "", venue_order_id: str = "") -> OrderSeen:
        """Cancel an order by our id or the venue's and return how it ended; raises NotKnown when it is not open."""
        of: dict[str, Any] = {"ordId": venue_order_id} if venue_order_id else {"clOrdId": client_order_id}
        answer = await self._asked(CANCEL_S_MAX, "cancel", instId=self._symbol(instrument), **of)
        (row,) = _rows(answer, only=True)
        if any(row.get(field) != id_ for field, id_ in of.items()):
            raise NoWord(f"the venue was asked about {of} and answered about {row.get('ordId')}")
        return await self._looked(instrument, of, is_over=True)

    async def cancel_all(self, instrument: str) -> None:
        """Cancel every open order of an instrument, whoever sent it; the venue has no one call for it."""
        for order in await self._open(instrument):
            try:
                await self._asked(CANCEL_S_MAX, "cancel", instId=self._symbol(instrument), ordId=order.venue_order_id)
            except NotKnown:
                continue  # it ended meanwhile

    async def open_orders(self) -> list[OrderSeen]:
        """Return every open order of the account in its instruments, whoever sent it."""
        return [order for one in self._facts.instruments for order in await self._open(one.id)]

    async def _open(self, instrument: str) -> list[OrderSeen]:
        found, after = list[OrderSeen](), dict[str, Any]()
        for _ in range(PAGES_MAX):
            body = await self._asked(READ_S_MAX, "orders", instId=self._symbol(instrument), limit=PAGE, **after)
            page = [self._order(row) for row in _rows(body)]
            found += page
            if len(page) < PAGE:
                return found
            after = {"after": page[-1].venue_order_id}
        raise NoWord(f"at most {PAGES_MAX} pages of orders expected, found more")

    async def _found(self, instrument: str, of: Mapping[str, Any]) -> OrderSeen:
        (row,) = _rows(await self._asked(FIND_S_MAX, "order", instId=self._symbol(instrument), **of), only=True)
        return self._this(row, instrument, client_order_id=of.get("clOrdId", ""), venue_order_id=of.get("ordId", ""))


def _rows(body: Any, *, only: bool = False) -> list[dict[str, Any]]:
    """Return the rows of an answer, or the only one that there must be."""
    rows = body.get("data") if isinstance(body, dict) else None
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows) or (only and len(rows) != 1):
        raise NoWord(f"{'one order' if only else 'a list'} expected of the venue, found none")
    return rows
