"""Deribit: one account's orders; each answer describes the order itself, and a label is our id of it.

The venue takes a second order under the same label, too. So a request to place is sent once and never again, by nobody:
not by us, and not by the HTTP client below ccxt (docs/decisions/0113). It carries the time until which it may be taken.
"""

from typing import Any, Final

from hedgeapp.core.events.orders import OrderIntended, OrderSent, TimeInForce
from hedgeapp.core.events.trading import OrderSeen
from hedgeapp.core.instruments import Instrument
from portfolio.core.book import FINAL
from portfolio.gateways.exchange import CANCEL_S_MAX, FIND_S_MAX, PLACE_S_MAX, READ_S_MAX, ExchangeGateway
from portfolio.gateways.outcomes import NotKnown, NoWord

PAGE: Final = 1_000

_TIME_IN_FORCE: Final[dict[TimeInForce, dict[str, Any]]] = {
    "gtc": {"time_in_force": "good_til_cancelled"},
    "ioc": {"time_in_force": "immediate_or_cancel"},
    "fok": {"time_in_force": "fill_or_kill"},
    "post_only": {"time_in_force": "good_til_cancelled", "post_only": "true", "reject_post_only": "true"},
}
# Lists that an order moves through in this direction alone: the latest ended ones, then the history.
_ENDED: Final = ("false", "true")


class DeribitGateway(ExchangeGateway):
    """One account's door to its venue."""

    async def place(self, order: OrderIntended, sent: OrderSent) -> OrderSeen:
        """Send an order that was marked as sent, and return what the venue made of it; raises Rejected."""
        known = self._contract(order.instrument)
        lifetime = self._lifetime(sent)
        parameters: dict[str, Any] = {
            "instrument_name": known.venue_symbol,
            "amount": f"{order.quantity * known.contract_size:f}",
            "type": "limit",
            "price": f"{order.price:f}",
            "label": order.client_order_id,
            "valid_until": lifetime.signed_ms + lifetime.window_ms,
            **_TIME_IN_FORCE[order.time_in_force],
        }
        if order.reduce_only:
            parameters["reduce_only"] = "true"
        answer = _result(await self._asked(PLACE_S_MAX, order.side, **parameters))
        row = answer.get("order") if isinstance(answer, dict) else None
        return self._this(row, order.instrument, client_order_id=order.client_order_id)

    async def find(self, instrument: str, client_order_id: str) -> OrderSeen:
        """Return an order as the venue has it, under our id; raises NotKnown."""
        known = self._contract(instrument)
        labeled = await self._asked(FIND_S_MAX, "labeled", currency=known.settlement, label=client_order_id)
        found = _named(_result(labeled), client_order_id)
        for historical in _ENDED:
            if not found:
                given: dict[str, Any] = {"include_unfilled": "true", "historical": historical, "count": PAGE}
                ended = await self._asked(FIND_S_MAX, "ended_orders", instrument_name=known.venue_symbol, **given)
                found = _named(_result(ended), client_order_id)
        if not found:
            raise NotKnown(f"{client_order_id} is neither open nor in the history")
        if len(found) > 1:
            raise NoWord(f"one order under {client_order_id} expected, found {len(found)}: look at them at the venue")
        return self._this(found[0], instrument, client_order_id=client_order_id)

    async def cancel(self, instrument: str, *, client_order_id: str = "", venue_order_id: str = "") -> OrderSeen:
        """Cancel an order by our id or the venue's and return how it ended; raises NotKnown when it is not open."""
        if not venue_order_id:
            seen = await self.find(instrument, client_order_id)
            if seen.status in FINAL:
                raise NotKnown(f"{client_order_id} is {seen.status}")
            venue_order_id = seen.venue_order_id
        answer = _result(await self._asked(CANCEL_S_MAX, "cancel", order_id=venue_order_id))
        return self._this(answer, instrument, client_order_id=client_order_id, venue_order_id=venue_order_id)

    async def cancel_all(self, instrument: str) -> None:
        """Cancel every open order of an instrument, whoever sent it."""
        await self._asked(CANCEL_S_MAX, "cancel_all", instrument_name=self._symbol(instrument))

    async def open_orders(self) -> list[OrderSeen]:
        """Return every open order of the account in its instruments, whoever sent it."""
        found = []
        for instrument in self._facts.instruments:
            answer = await self._asked(READ_S_MAX, "orders", instrument_name=instrument.venue_symbol)
            found += [self._order(row) for row in _rows(_result(answer))]
        return found

    def _contract(self, instrument: str) -> Instrument:
        known: dict[str, Instrument] = self._facts.spelling.instruments
        return known[self._symbol(instrument)]


def _result(body: Any) -> Any:
    if not isinstance(body, dict) or "result" not in body:
        raise NoWord("a result expected of the venue, found none")
    return body["result"]


def _rows(found: Any) -> list[dict[str, Any]]:
    if not isinstance(found, list) or not all(isinstance(row, dict) for row in found):
        raise NoWord("a list expected of the venue, found none")
    return found


def _named(found: Any, label: str) -> list[dict[str, Any]]:
    return [row for row in _rows(found) if row.get("label") == label]
