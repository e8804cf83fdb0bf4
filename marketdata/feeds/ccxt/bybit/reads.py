"""Reads of Bybit: a unified account's REST, both categories of contracts; what comes of another than asked is refused.

The venue answers windows of at most seven days, page by page by a cursor; lists of positions and orders are of one
category and, if linear, of one settlement coin at a time.
"""

from collections.abc import AsyncIterator, Collection
from datetime import datetime
from decimal import Decimal
from typing import Any, ClassVar, Final

import aiohttp

from hedgeapp.core.events import Event
from hedgeapp.core.events.balances import CollateralRatios
from hedgeapp.core.events.debts import BorrowRateStated
from hedgeapp.core.events.trading import FillRecorded, OrderSeen
from hedgeapp.core.instruments import Instrument
from marketdata.core.reference import Specified
from marketdata.feeds.bybit.specifications import specify
from marketdata.feeds.ccxt.bybit.facts import INTEREST, SETTLEMENT, TRANSFERS, UNIFIED, UUIDS, BybitFacts
from marketdata.feeds.ccxt.facts import FactIsMalformed, PositionFound, Raw, number, text
from marketdata.feeds.ccxt.reads import PAGES_MAX, HistoryIsTooLong, Reads, milliseconds
from marketdata.feeds.ccxt.settings import Settings
from marketdata.venues import REST_TIMEOUT_MS, Client

UNIFIED_2: Final = (5, 6)  # the states of an account whose inverse contracts are in the unified wallet, too
WINDOW_MS: Final = 7 * 86_400_000 - 1_000  # of a history, the venue's longest
HISTORY_MS: Final = 90 * 86_400_000  # as far back as trades are read on first contact
REREAD_MS: Final = 10_000  # trades of so long are read again: two of one moment need not be listed at once
TRADES_PAGE: Final = 100
POSITIONS_PAGE: Final = 200
ORDERS_PAGE: Final = 50
INCOME_PAGE: Final = 50
RATES_MS: Final = 6 * 3_600_000  # so far back an asset's hourly rate is looked for
HOLDINGS: Final = (("linear", "USDT"), ("linear", "USDC"), ("inverse", ""))
MARGINS: Final = {"REGULAR_MARGIN": "cross", "ISOLATED_MARGIN": "isolated", "PORTFOLIO_MARGIN": "portfolio"}
ENDED: Final[tuple[tuple[str, dict[str, str]], ...]] = (("orders", {"openOnly": "1"}), ("ended_orders", {}))


class AccountIsNotUnified(ValueError):
    """The account keeps coins of inverse contracts in another wallet than the rest."""

    def __init__(self, found: object) -> None:
        super().__init__(
            f"a unified account (2.0: state 5 or 6) expected, found state {found}: upgrade the account at the venue"
        )


class BybitReads(Reads):
    """One account's REST."""

    income_kinds: ClassVar[tuple[str, ...]] = (SETTLEMENT, INTEREST, *sorted(TRANSFERS))

    def __init__(self, client: Client, facts: BybitFacts) -> None:
        super().__init__(client, facts)
        self._facts = facts

    async def verify(self) -> None:
        """Refuse an account that is not unified; raises AccountIsNotUnified."""
        found = (await self._result("account_info")).get("unifiedMarginStatus")
        if found not in UNIFIED_2:
            raise AccountIsNotUnified(found)

    async def specified(self, symbols: Collection[str]) -> Specified:
        """Ask for contracts and tiers, which needs no key."""
        timeout = aiohttp.ClientTimeout(total=REST_TIMEOUT_MS / 1000)
        async with aiohttp.ClientSession(timeout=timeout) as session:
            return await specify(session, self.client.venue, symbols)

    async def trades(self, instrument: Instrument, from_id: int) -> list[FillRecorded]:
        """Return the account's fills from a trade id on, oldest first; on first contact those of HISTORY_MS."""
        now, since = int(self.client.exchange.nonce()), from_id // UUIDS
        found: list[FillRecorded] = []
        until = now + 1_000
        while until > max(since, now - HISTORY_MS):
            begin = max(since, until - WINDOW_MS)
            given = {"category": instrument.kind, "symbol": instrument.venue_symbol, "limit": TRADES_PAGE}
            window = [row async for row in self._rows("trades", **given, startTime=begin, endTime=until)]
            found += [fill for row in window if (fill := self._facts.fill_of_row(row))]
            if not window and not from_id:
                break  # nothing so far back: the account is younger
            until = begin
        fills = {fill.trade_id: fill for fill in found if int(fill.trade_id) >= from_id}
        return [fills[id_] for id_ in sorted(fills, key=int)]

    def reread_from(self, last: FillRecorded) -> int:
        """Return the number of a trade REREAD_MS before one."""
        return (int(last.trade_id) // UUIDS - REREAD_MS) * UUIDS

    async def positions(self) -> dict[str, PositionFound]:
        """Return the account's positions by instrument id."""
        found = self._facts.all_flat()
        for category, coin in HOLDINGS:
            of = {"settleCoin": coin} if coin else {}
            rows = [row async for row in self._rows("positions", category=category, limit=POSITIONS_PAGE, **of)]
            found |= self._facts.positions_of_rows(rows, "avgPrice")
        return found

    async def balances(self) -> dict[str, Decimal]:
        """Return the account's wallet balances by asset."""
        return self._facts.balances_of_accounts((await self._result("account", accountType=UNIFIED)).get("list", ()))

    async def collateral(self) -> tuple[CollateralRatios, ...]:
        """Return what each asset of ours counts for in the account."""
        return self._facts.collateral_of_rows((await self._result("collateral")).get("list"))

    async def borrow_rates(self) -> list[BorrowRateStated]:
        """Return what the account pays for each asset that its contracts settle in, of the latest hour that is told."""
        now = int(self.client.exchange.nonce())
        window = {"startTime": now - RATES_MS, "endTime": now}
        found = []
        for asset in sorted({one.settlement for one in self._facts.instruments}):
            told = (await self._result("borrow_rates", currency=asset.upper(), **window)).get("list")
            if rate := self._facts.borrow_rate_of_rows(asset, told):
                found.append(rate)
        return found

    async def open_orders(self, instrument: Instrument) -> list[OrderSeen]:
        """Return the open orders of a contract."""
        given = {"category": instrument.kind, "symbol": instrument.venue_symbol, "limit": ORDERS_PAGE}
        return [order async for row in self._rows("orders", **given) if (order := self._facts.order_of_row(row))]

    async def order(self, order: OrderSeen) -> OrderSeen | None:
        """Return an order as it is now; None when the venue has forgotten it."""
        known = {one.id: one for one in self._facts.instruments}[order.instrument]
        given = {"category": known.kind, "symbol": known.venue_symbol, "orderId": order.venue_order_id}
        for method, more in (("orders", {}), *ENDED):
            async for row in self._rows(method, **given, **more):
                if row.get("orderId") == order.venue_order_id:
                    return self._facts.order_of_row(row)
        return None

    async def income_of(self, kind: str, since: datetime, until: datetime) -> AsyncIterator[Event]:
        """Yield the fundings, interest or transfers of a window."""
        given = {"accountType": UNIFIED, "type": kind, "limit": INCOME_PAGE}
        window = {"startTime": milliseconds(since), "endTime": milliseconds(until)}
        async for row in self._rows("income", **given, **window):
            if event := self._facts.income_of_row(row):
                yield event

    async def settings(self) -> Settings:
        """Return how the account holds positions and margin; its coins always margin together."""
        key, account = await self._result("key"), await self._result("account_info")
        told = text("account", account, "marginMode")
        rows: dict[str, Raw] = {}
        for one in self._facts.instruments:
            async for row in self._rows("positions", category=one.kind, symbol=one.venue_symbol):
                rows[one.id] = row
        permissions = key.get("permissions") or {}
        return Settings(
            is_apart=any(row.get("positionIdx") not in (0, "0") for row in rows.values()),
            is_joint=None,
            can_trade=key.get("readOnly") in (0, "0") and "Order" in (permissions.get("ContractTrade") or ()),
            margins={id_: MARGINS.get(told, told) for id_ in rows},
            leverages={id_: number("position", row, "leverage") for id_, row in rows.items() if row.get("leverage")},
        )

    async def _result(self, method: str, **parameters: Any) -> Raw:
        answer = await self.client.call(method, **parameters)
        result = answer.get("result") if isinstance(answer, dict) else None
        if not isinstance(result, dict):
            raise FactIsMalformed(method, "result", answer)
        asked = parameters.get("category")
        if asked is not None and result.get("list") and result.get("category") != asked:
            raise FactIsMalformed(method, "category", result.get("category"))
        return result

    async def _rows(self, method: str, **parameters: Any) -> AsyncIterator[Raw]:
        """Yield the rows of all pages."""
        for _ in range(PAGES_MAX):
            page = await self._result(method, **parameters)
            rows = page.get("list")
            if not isinstance(rows, list):
                raise FactIsMalformed(method, "list", rows)
            for row in rows:
                yield row
            if not rows or not page.get("nextPageCursor"):
                return
            parameters["cursor"] = page["nextPageCursor"]
        raise HistoryIsTooLong(f"{method} of {self._facts.account}")
