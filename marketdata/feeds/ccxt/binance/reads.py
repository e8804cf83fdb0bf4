"""Reads of Binance: an account's REST, of either of its futures."""

from collections.abc import AsyncIterator, Collection
from datetime import datetime
from decimal import Decimal
from functools import partial
from typing import Any, ClassVar, Final

import ccxt

from hedgeapp.core.events import Event
from hedgeapp.core.events.balances import CollateralRatios
from hedgeapp.core.events.trading import FillRecorded, OrderSeen
from hedgeapp.core.instruments import ContractKind, Instrument
from marketdata.core.reference import Specified, instruments
from marketdata.feeds.ccxt.binance.facts import BinanceFacts
from marketdata.feeds.ccxt.facts import FactIsMalformed, PositionFound, Raw, number
from marketdata.feeds.ccxt.reads import PAGES_MAX, HistoryIsTooLong, Reads, milliseconds
from marketdata.feeds.ccxt.settings import Settings
from marketdata.venues import Client

TRADES_PAGE: Final = 1000  # rows in an answer, the venue's most
INCOME_PAGE: Final = 1000


class BinanceReads(Reads):
    """One account's REST."""

    income_kinds: ClassVar[tuple[str, ...]] = ("FUNDING_FEE", "TRANSFER")

    def __init__(self, client: Client, facts: BinanceFacts) -> None:
        super().__init__(client, facts)
        self._facts = facts

    async def specified(self, symbols: Collection[str]) -> Specified:
        """Ask for the venue's contracts, their tiers and how they pay funding."""
        info, brackets = await self.client.call("exchange_info"), await self.client.call("brackets")
        funding = await self.client.call("funding_info")
        return partial(instruments, self.client.venue.name, kind_of(self.client), info, brackets, funding)

    async def trades(self, instrument: Instrument, from_id: int) -> list[FillRecorded]:
        """Return the account's fills from a trade id on, oldest first."""
        found: list[FillRecorded] = []
        for _ in range(PAGES_MAX):
            rows = await self.client.call("trades", symbol=instrument.venue_symbol, fromId=from_id, limit=TRADES_PAGE)
            found += [fill for row in rows if (fill := self._facts.fill_of_row(row))]
            if len(rows) < TRADES_PAGE:
                return found
            from_id = int(rows[-1]["id"]) + 1
        raise HistoryIsTooLong(f"trades of {instrument.id}")

    async def positions(self) -> dict[str, PositionFound]:
        """Return the account's positions by instrument id."""
        return self._facts.positions_of_rows(await self.client.call("positions"))

    async def balances(self) -> dict[str, Decimal]:
        """Return the account's wallet balances by asset."""
        return self._facts.balances_of_account(await self.client.call("account"))

    async def collateral(self) -> tuple[CollateralRatios, ...] | None:
        """Return what each asset of ours counts for in multi-assets mode, nothing in single-asset mode.

        None of COIN-M, whose coins always margin each for itself.
        """
        if "settings" not in self.client.dialect.methods:
            return None
        if not _said("account", await self.client.call("settings"), "multiAssetsMargin"):
            return ()
        return self._facts.collateral_of_rows(await self.client.call("asset_index"))

    async def open_orders(self, instrument: Instrument) -> list[OrderSeen]:
        """Return the open orders of a contract."""
        rows = await self.client.call("open_orders", symbol=instrument.venue_symbol)
        return [order for row in rows if (order := self._facts.order_of_row(row))]

    async def order(self, order: OrderSeen) -> OrderSeen | None:
        """Return an order as it is now; None when the venue has forgotten it."""
        symbol = self._facts.spelling.theirs(order.instrument)
        try:
            row = await self.client.call("order", symbol=symbol, orderId=order.venue_order_id)
        except ccxt.OrderNotFound:
            return None
        return self._facts.order_of_row(row)

    async def income_of(self, kind: str, since: datetime, until: datetime) -> AsyncIterator[Event]:
        """Yield the fundings or transfers of a window."""
        for page in range(1, PAGES_MAX + 1):
            rows = await self.client.call(
                "income",
                incomeType=kind,
                startTime=milliseconds(since),
                endTime=milliseconds(until),
                limit=INCOME_PAGE,
                page=page,
            )
            for row in rows:
                if event := self._facts.income_of_row(row):
                    yield event
            if len(rows) < INCOME_PAGE:
                return
        raise HistoryIsTooLong(f"{kind} of {self._facts.account}")

    async def settings(self) -> Settings:
        """Return how the account holds positions and margin: of all of it, and of each contract."""
        listed: list[Raw] = await self.client.call("margin_modes")
        is_apart = any(row.get("positionSide", "BOTH") != "BOTH" for row in listed)
        is_joint = can_trade = None
        if "settings" in self.client.dialect.methods:
            of_account: Raw = await self.client.call("settings")
            is_apart = bool(_said("account", of_account, "dualSidePosition"))
            is_joint = bool(_said("account", of_account, "multiAssetsMargin"))
            can_trade = bool(_said("account", of_account, "canTrade"))
        known = self._facts.spelling.instruments
        ours = [(known[str(row.get("symbol"))].id, row) for row in listed if str(row.get("symbol")) in known]
        return Settings(
            is_apart=is_apart,
            is_joint=is_joint,
            can_trade=can_trade,
            margins={id_: str(_said("margin mode", row, "marginType")) for id_, row in ours},
            leverages={id_: number("margin mode", row, "leverage") for id_, row in ours},
        )


def kind_of(client: Client) -> ContractKind:
    """Return the kind of all contracts of one of its two venues."""
    return "linear" if client.venue.protocol == "binance-usdm" else "inverse"


def _said(what: str, raw: Raw, field: str) -> Any:
    if raw.get(field) is None:
        raise FactIsMalformed(what, field, None)
    return raw[field]
