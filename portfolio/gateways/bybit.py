"""Bybit: one account's orders; a placed or canceled one is answered by its ids alone, so it is looked at afterwards.

An order is looked for among the open ones, then among those that just ended, then in the history: it moves in this
direction only, so one that the venue has is never missed between two of them (docs/decisions/0102).
"""

from collections.abc import Mapping
from typing import Any, Final

from hedgeapp.core.events.orders import OrderIntended, OrderSent, TimeInForce
from hedgeapp.core.events.trading import OrderSeen
from hedgeapp.core.instruments import Instrument
from portfolio.gateways.exchange import CANCEL_S_MAX, FIND_S_MAX, PLACE_S_MAX, READ_S_MAX
from portfolio.gateways.looking import LookingGateway
from portfolio.gateways.outcomes import NotKnown, NoWord

PAGE: Final = 50
PAGES_MAX: Final = 100

_TIME_IN_FORCE: Final[dict[TimeInForce, str]] = {"gtc": "GTC", "ioc": "IOC", "fok": "FOK", "post_only": "PostOnly"}
_PLACES: Final[tuple[tuple[str, Mapping[str, Any]], ...]] = (
    ("orders", {}),
    ("orders", {"openOnly": "1"}),
    ("ended_orders", {}),
)


class BybitGateway(LookingGateway):
    """One account's door to its venue."""

    async def place(self, order: OrderIntended, sent: OrderSent) -> OrderSeen:
        """Send an order that was marked as sent, and return what the venue made of it; raises Rejected."""
        name = order.client_order_id
        parameters: dict[str, Any] = {
            **self._contract(order.instrument),
            "side": "Buy" if order.side == "buy" else "Sell",
            "orderType": "Limit",
            "qty": f"{order.quantity:f}",
            "price": f"{order.price:f}",
            "timeInForce": _TIME_IN_FORCE[order.time_in_force],
            "orderLinkId": name,
            "positionIdx": 0,
        }
        if order.reduce_only:
            parameters["reduceOnly"] = True
        answer = _result(await self._asked(PLACE_S_MAX, "place", self._lifetime(sent), **parameters))
        if answer.get("orderLinkId") != name:
            raise NoWord(f"the venue was asked about {name} and answered about {answer.get('orderLinkId')}")
        return await self._looked(order.instrument, {"orderLinkId": name}, is_over=False)

    async def find(self, instrument: str, client_order_id: str) -> OrderSeen:
        """Return an order as the venue has it, under our id; raises NotKnown."""
        return await self._found(instrument, {"orderLinkId": client_order_id})

    async def cancel(self, instrument: str, *, client_order_id: str = "", venue_order_id: str = "") -> OrderSeen:
        """Cancel an order by our id or the venue's and return how it ended; raises NotKnown when it is not open."""
        of: dict[str, Any] = {"orderId": venue_order_id} if venue_order_id else {"orderLinkId": client_order_id}
        answer = _result(await self._asked(CANCEL_S_MAX, "cancel", **self._contract(instrument), **of))
        if any(answer.get(field) != id_ for field, id_ in of.items()):
            raise NoWord(f"the venue was asked about {of} and answered about {answer.get('orderId')}")
        return await self._looked(instrument, of, is_over=True)

    async def cancel_all(self, instrument: str) -> None:
        """Cancel every open order of an instrument, whoever sent it."""
        await self._asked(CANCEL_S_MAX, "cancel_all", **self._contract(instrument))

    async def open_orders(self) -> list[OrderSeen]:
        """Return every open order of the account in its instruments, whoever sent it."""
        found = []
        for instrument in self._facts.instruments:
            rows = await self._listed(READ_S_MAX, "orders", instrument.id, limit=PAGE)
            found += [self._order(row) for row in rows]
        return found

    async def _found(self, instrument: str, of: Mapping[str, Any]) -> OrderSeen:
        for method, more in _PLACES:
            for row in await self._listed(FIND_S_MAX, method, instrument, **of, **more):
                if all(row.get(field) == id_ for field, id_ in of.items()):
                    return self._this(
                        row,
                        instrument,
                        client_order_id=of.get("orderLinkId", ""),
                        venue_order_id=of.get("orderId", ""),
                    )
        raise NotKnown(f"{', '.join(of.values())} is neither open nor in the history")

    async def _listed(self, within_s: float, method: str, instrument: str, **parameters: Any) -> list[dict[str, Any]]:
        """Return the rows of all pages, which must be of the category that was asked for."""
        contract, found = self._contract(instrument), list[dict[str, Any]]()
        for _ in range(PAGES_MAX):
            result = _result(await self._asked(within_s, method, **contract, **parameters))
            rows = result.get("list")
            if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
                raise NoWord("a list expected of the venue, found none")
            if rows and result.get("category") != contract["category"]:
                raise NoWord(f"{contract['category']} orders expected of the venue, found {result.get('category')}")
            found += rows
            if not rows or not result.get("nextPageCursor"):
                return found
            parameters["cursor"] = result["nextPageCursor"]
        raise NoWord(f"at most {PAGES_MAX} pages of orders expected, found more")

    def _contract(self, instrument: str) -> dict[str, Any]:
        known: dict[str, Instrument] = self._facts.spelling.instruments
        symbol = self._symbol(instrument)
        return {"category": known[symbol].kind, "symbol": symbol}


def _result(body: Any) -> dict[str, Any]:
    result = body.get("result") if isinstance(body, dict) else None
    if not isinstance(result, dict):
        raise NoWord("a result expected of the venue, found none")
    return result
