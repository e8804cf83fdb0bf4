"""Binance: one account's orders at either of its futures; every answer describes the order itself."""

from typing import Any, Final

from hedgeapp.core.events.orders import OrderIntended, OrderSent, TimeInForce
from hedgeapp.core.events.trading import OrderSeen
from portfolio.gateways.exchange import CANCEL_S_MAX, FIND_S_MAX, PLACE_S_MAX, READ_S_MAX, ExchangeGateway, rows_of

_TIME_IN_FORCE: Final[dict[TimeInForce, str]] = {"gtc": "GTC", "ioc": "IOC", "fok": "FOK", "post_only": "GTX"}


class BinanceGateway(ExchangeGateway):
    """One account's door to its venue."""

    async def place(self, order: OrderIntended, sent: OrderSent) -> OrderSeen:
        """Send an order that was marked as sent, and return what the venue made of it; raises Rejected."""
        parameters = {
            "symbol": self._symbol(order.instrument),
            "side": order.side.upper(),
            "type": "LIMIT",
            "timeInForce": _TIME_IN_FORCE[order.time_in_force],
            "quantity": f"{order.quantity:f}",
            "price": f"{order.price:f}",
            "newClientOrderId": order.client_order_id,
            "newOrderRespType": "RESULT",
        }
        if order.reduce_only:
            parameters["reduceOnly"] = "true"
        answer = await self._asked(PLACE_S_MAX, "place", self._lifetime(sent), **parameters)
        return self._this(answer, order.instrument, client_order_id=order.client_order_id)

    async def find(self, instrument: str, client_order_id: str) -> OrderSeen:
        """Return an order as the venue has it, under our id; raises NotKnown."""
        symbol = self._symbol(instrument)
        answer = await self._asked(FIND_S_MAX, "order", symbol=symbol, origClientOrderId=client_order_id)
        return self._this(answer, instrument, client_order_id=client_order_id)

    async def cancel(self, instrument: str, *, client_order_id: str = "", venue_order_id: str = "") -> OrderSeen:
        """Cancel an order by our id or the venue's and return how it ended; raises NotKnown when it is not open."""
        of: dict[str, Any] = {"orderId": venue_order_id} if venue_order_id else {"origClientOrderId": client_order_id}
        answer = await self._asked(CANCEL_S_MAX, "cancel", symbol=self._symbol(instrument), **of)
        return self._this(answer, instrument, client_order_id=client_order_id, venue_order_id=venue_order_id)

    async def cancel_all(self, instrument: str) -> None:
        """Cancel every open order of an instrument, whoever sent it."""
        await self._asked(CANCEL_S_MAX, "cancel_all", symbol=self._symbol(instrument))

    async def open_orders(self) -> list[OrderSeen]:
        """Return every open order of the account in its instruments, whoever sent it."""
        found = []
        for instrument in self._facts.instruments:
            rows = await self._asked(READ_S_MAX, "open_orders", symbol=instrument.venue_symbol)
            found += [self._order(row) for row in rows_of(rows)]
        return found
