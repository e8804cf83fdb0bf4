"""Reads of Deribit: an account's REST, currency by currency; every answer is a `result`.

Trades are read by their number in the contract. The venue keeps those of the last day apart from the older ones: the
recent are asked for first, so that one which grows old meanwhile is in the second list. The wallets rest on two
answers, which are taken only when the same summaries come before and after the positions.
"""

from collections.abc import AsyncIterator, Collection
from datetime import datetime
from decimal import Decimal
from typing import Any, ClassVar, Final

import aiohttp
import ccxt

from hedgeapp.core.events import Event
from hedgeapp.core.events.balances import CollateralRatios
from hedgeapp.core.events.trading import FillRecorded, OrderSeen
from hedgeapp.core.instruments import Instrument
from marketdata.core.reference import Specified
from marketdata.feeds.ccxt.deribit.facts import SETTLEMENT, TRANSFERS, DeribitFacts
from marketdata.feeds.ccxt.facts import FactIsMalformed, PositionFound, Raw, number, text
from marketdata.feeds.ccxt.reads import (
    PAGES_MAX,
    STABLE_TRIES,
    HistoryIsTooLong,
    PositionWillNotHoldStill,
    Reads,
    milliseconds,
)
from marketdata.feeds.ccxt.settings import Settings
from marketdata.feeds.deribit.specifications import specify
from marketdata.venues import REST_TIMEOUT_MS, Client

TRADES_PAGE: Final = 1_000
LOG_PAGE: Final = 250
ANY: Final = "any"
BOOKED: Final = ("balance", "session_rpl")  # what only a trade, a settlement or a transfer changes
MARGINS: Final = {"segregated_sm": "cross", "segregated_pm": "portfolio", "cross_sm": "cross", "cross_pm": "portfolio"}


class DeribitReads(Reads):
    """One account's REST."""

    income_kinds: ClassVar[tuple[str, ...]] = (SETTLEMENT, *sorted(TRANSFERS))

    def __init__(self, client: Client, facts: DeribitFacts) -> None:
        super().__init__(client, facts)
        self._facts = facts

    async def specified(self, symbols: Collection[str]) -> Specified:
        """Ask for contracts, which needs no key."""
        timeout = aiohttp.ClientTimeout(total=REST_TIMEOUT_MS / 1000)
        async with aiohttp.ClientSession(timeout=timeout) as session:
            return await specify(session, self.client.venue, symbols)

    async def trades(self, instrument: Instrument, from_id: int) -> list[FillRecorded]:
        """Return the account's fills from a trade's number on, oldest first."""
        found = {
            fill.trade_id: fill for old in ("false", "true") for fill in await self._fills(instrument, from_id, old)
        }
        return [found[id_] for id_ in sorted(found, key=int)]

    async def _fills(self, instrument: Instrument, from_id: int, historical: str) -> list[FillRecorded]:
        found: list[FillRecorded] = []
        given = {"instrument_name": instrument.venue_symbol, "count": TRADES_PAGE, "sorting": "asc"}
        for _ in range(PAGES_MAX):
            answer = await self._object("trades", **given, start_seq=from_id, historical=historical)
            fills = [fill for row in _rows("trades", answer.get("trades")) if (fill := self._facts.fill_of_row(row))]
            found += [fill for fill in fills if int(fill.trade_id) >= from_id]
            if not fills or answer.get("has_more") is not True:
                return found
            from_id = max(from_id, *(int(fill.trade_id) for fill in fills)) + 1
        raise HistoryIsTooLong(f"trades of {instrument.id}")

    async def positions(self) -> dict[str, PositionFound]:
        """Return the account's positions by instrument id."""
        return self._facts.positions_of_rows(await self._position_rows())

    async def balances(self) -> dict[str, Decimal]:
        """Return the account's wallets by asset; raise PositionWillNotHoldStill."""
        before = await self._summaries()
        for _ in range(STABLE_TRIES):
            positions, after = await self._position_rows(), await self._summaries()
            if _booked(before) == _booked(after):
                return self._facts.wallets(after, positions)
            before = after
        raise PositionWillNotHoldStill(self._facts.account)

    async def collateral(self) -> tuple[CollateralRatios, ...] | None:
        """Return whether all currencies margin together; what they count for then is not told."""
        return self._facts.collateral_of_summaries(await self._summaries())

    async def open_orders(self, instrument: Instrument) -> list[OrderSeen]:
        """Return the open orders of a contract."""
        rows = _rows("orders", await self._result("orders", instrument_name=instrument.venue_symbol))
        return [order for row in rows if (order := self._facts.order_of_row(row))]

    async def order(self, order: OrderSeen) -> OrderSeen | None:
        """Return an order as it is now; None when the venue has forgotten it."""
        try:
            row = await self._object("order", order_id=order.venue_order_id)
        except ccxt.OrderNotFound:
            return None
        return self._facts.order_of_row(row)

    async def income_of(self, kind: str, since: datetime, until: datetime) -> AsyncIterator[Event]:
        """Yield the fundings or transfers of a window, of each currency that a contract is settled in."""
        window = {"start_timestamp": milliseconds(since), "end_timestamp": milliseconds(until)}
        for currency in sorted({one.settlement for one in self._facts.instruments}):
            more: dict[str, Any] = {}
            for _ in range(PAGES_MAX):
                page = await self._object("income", currency=currency, query=kind, count=LOG_PAGE, **window, **more)
                for row in _rows("transactions", page.get("logs")):
                    if row.get("type") == kind and (event := self._facts.income_of_row(row)):
                        yield event
                if not page.get("continuation"):
                    break
                more = {"continuation": page["continuation"]}
            else:
                raise HistoryIsTooLong(f"{kind} of {self._facts.account}")

    async def settings(self) -> Settings:
        """Return how the account holds margin: positions are one-way, and nobody sets a leverage."""
        summaries = await self._summaries()
        models = {text("summary", row, "currency"): text("summary", row, "margin_model") for row in summaries}
        told = {one.id: models[one.settlement] for one in self._facts.instruments if one.settlement in models}
        return Settings(
            is_apart=False,
            is_joint=any(row.get("cross_collateral_enabled") is True for row in summaries),
            can_trade=None,
            margins={id_: MARGINS.get(model, model) for id_, model in told.items()},
            leverages={},
        )

    async def _summaries(self) -> list[Raw]:
        answer = await self._object("account")
        return _rows("summaries", answer.get("summaries"))

    async def _position_rows(self) -> list[Raw]:
        return _rows("positions", await self._result("positions", currency=ANY, kind=ANY))

    async def _result(self, method: str, **parameters: Any) -> Any:
        answer = await self.client.call(method, **parameters)
        if not isinstance(answer, dict) or "result" not in answer:
            raise FactIsMalformed(method, "result", answer)
        return answer["result"]

    async def _object(self, method: str, **parameters: Any) -> Raw:
        found = await self._result(method, **parameters)
        if not isinstance(found, dict):
            raise FactIsMalformed(method, "result", type(found).__name__)
        return found


def _rows(what: str, found: object) -> list[Raw]:
    if not isinstance(found, list) or not all(isinstance(row, dict) for row in found):
        raise FactIsMalformed(what, "result", type(found).__name__)
    return found


def _booked(summaries: list[Raw]) -> list[tuple[object, ...]]:
    return [(row.get("currency"), *(number("summary", row, name) for name in BOOKED)) for row in summaries]
