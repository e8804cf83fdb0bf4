"""Reads of OKX: a trading account's REST. Lists come newest first, page by page, each after the last row of the other.

What is recent has a list of its own at the venue, which is told first; what is older is in another, slower one.
"""

from collections.abc import AsyncIterator, Collection
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, ClassVar, Final

import aiohttp

from hedgeapp.core.events import Event
from hedgeapp.core.events.balances import CollateralRatios
from hedgeapp.core.events.trading import FillRecorded, OrderSeen
from hedgeapp.core.instruments import Instrument
from marketdata.core.reference import Specified
from marketdata.feeds.ccxt.facts import FactIsMalformed, PositionFound, Raw, moment, number, text
from marketdata.feeds.ccxt.okx.facts import FUNDING, IDS, INTEREST, TRANSFER, OkxFacts
from marketdata.feeds.ccxt.reads import PAGES_MAX, HistoryIsTooLong, Reads, milliseconds
from marketdata.feeds.ccxt.settings import Settings
from marketdata.feeds.okx.specifications import specify
from marketdata.venues import REST_TIMEOUT_MS, Client

EACH_ALONE: Final = "2"  # modes of an account whose positions are margined by tiers
ALL_TOGETHER: Final = "3"
HISTORY_MS: Final = 90 * 86_400_000  # as far back as trades are read on first contact
RECENT_TRADES_MS: Final = 2 * 86_400_000  # the venue's own list of recent ones has three days
RECENT_INCOME: Final = timedelta(days=6)  # and that of bills seven
REREAD_MS: Final = 10_000  # trades of so long are read again: two of one moment need not be listed at once
PAGE: Final = 100
FORGOTTEN: Final = "51603"
TYPES: Final = {"perpetual": "SWAP", "dated": "FUTURES"}


class AccountModeIsAnother(ValueError):
    """The account is in a mode whose margin is not reckoned by the tiers of contracts."""

    def __init__(self, found: object) -> None:
        super().__init__(
            f"an account in futures mode (2) or multi-currency margin (3) expected, found mode {found}: "
            "switch its mode at the venue"
        )


class OkxReads(Reads):
    """One account's REST."""

    income_kinds: ClassVar[tuple[str, ...]] = (FUNDING, TRANSFER, INTEREST)

    def __init__(self, client: Client, facts: OkxFacts) -> None:
        super().__init__(client, facts)
        self._facts = facts

    async def verify(self) -> None:
        """Refuse an account in another mode; raises AccountModeIsAnother."""
        found = (await self._row("account_info")).get("acctLv")
        if found not in (EACH_ALONE, ALL_TOGETHER):
            raise AccountModeIsAnother(found)

    async def specified(self, symbols: Collection[str]) -> Specified:
        """Ask for contracts and tiers, which needs no key."""
        timeout = aiohttp.ClientTimeout(total=REST_TIMEOUT_MS / 1000)
        async with aiohttp.ClientSession(timeout=timeout) as session:
            return await specify(session, self.client.venue, symbols)

    async def trades(self, instrument: Instrument, from_id: int) -> list[FillRecorded]:
        """Return the account's fills from a trade id on, oldest first; on first contact those of HISTORY_MS."""
        now = int(self.client.exchange.nonce())
        begin = max(from_id // IDS, now - HISTORY_MS)
        # A bill comes a moment after its trade, so the list that is asked for by its time misses none.
        given = {"instType": TYPES[instrument.expiry], "instId": instrument.venue_symbol, "begin": begin}
        method = "trades" if begin > now - RECENT_TRADES_MS else "old_trades"
        rows = [row async for row in self._rows(method, "billId", **given)]
        found = [fill for row in rows if (fill := self._facts.fill_of_row(row))]
        fills = {fill.trade_id: fill for fill in found if int(fill.trade_id) >= from_id}
        return [fills[id_] for id_ in sorted(fills, key=int)]

    def reread_from(self, last: FillRecorded) -> int:
        """Return the number of a trade REREAD_MS before one."""
        return (int(last.trade_id) // IDS - REREAD_MS) * IDS

    async def positions(self) -> dict[str, PositionFound]:
        """Return the account's positions by instrument id."""
        return self._facts.all_flat() | self._facts.positions_of_rows(await self._data("positions"))

    async def balances(self) -> dict[str, Decimal]:
        """Return the account's wallet balances by asset."""
        return self._facts.no_coins() | self._facts.balances_of_accounts(await self._data("account"))

    async def collateral(self) -> tuple[CollateralRatios, ...]:
        """Return what each asset of ours counts for in multi-currency margin; nothing in futures mode."""
        if (await self._row("account_info")).get("acctLv") != ALL_TOGETHER:
            return ()
        return self._facts.collateral_of_rows(await self._data("discounts"), await self._data("collateral"))

    async def open_orders(self, instrument: Instrument) -> list[OrderSeen]:
        """Return the open orders of a contract."""
        given = {"instType": TYPES[instrument.expiry], "instId": instrument.venue_symbol}
        rows = [row async for row in self._rows("orders", "ordId", **given)]
        return [order for row in rows if (order := self._facts.order_of_row(row))]

    async def order(self, order: OrderSeen) -> OrderSeen | None:
        """Return an order as it is now; None when the venue has forgotten it."""
        symbol = self._facts.spelling.theirs(order.instrument)
        answer = await self.client.answered("order", instId=symbol, ordId=order.venue_order_id)
        if isinstance(answer.body, dict) and answer.body.get("code") == FORGOTTEN:
            return None
        for row in _data_of("order", answer.body):
            if row.get("ordId") == order.venue_order_id:
                return self._facts.order_of_row(row)
        return None

    async def income_of(self, kind: str, since: datetime, until: datetime) -> AsyncIterator[Event]:
        """Yield the fundings, transfers or interest of a window."""
        now = moment(int(self.client.exchange.nonce()))
        method = "income" if since > now - RECENT_INCOME else "old_income"
        window = {"type": kind, "begin": milliseconds(since), "end": milliseconds(until)}
        async for row in self._rows(method, "billId", **window):
            if event := self._facts.income_of_row(row):
                yield event

    async def settings(self) -> Settings:
        """Return how the account holds positions and margin; contracts without a position are ordered in cross."""
        account, held = await self._row("account_info"), await self._data("positions")
        own = {one.venue_symbol: one.id for one in self._facts.instruments}
        modes = {str(row.get("instId")): text("position", row, "mgnMode") for row in held}
        told = await self._data("leverages", instId=",".join(own), mgnMode="cross") if own else []
        return Settings(
            is_apart=account.get("posMode") != "net_mode",
            is_joint=account.get("acctLv") == ALL_TOGETHER,
            can_trade="trade" in str(account.get("perm")).split(","),
            margins={id_: modes.get(symbol, "cross") for symbol, id_ in own.items()},
            leverages={
                own[row["instId"]]: number("leverage", row, "lever") for row in told if row.get("instId") in own
            },
        )

    async def _row(self, method: str) -> Raw:
        found = await self._data(method)
        if len(found) != 1:
            raise FactIsMalformed(method, "data", len(found))
        return found[0]

    async def _data(self, method: str, **parameters: Any) -> list[Raw]:
        return _data_of(method, await self.client.call(method, **parameters))

    async def _rows(self, method: str, key: str, **parameters: Any) -> AsyncIterator[Raw]:
        """Yield the rows of all pages; `key` is what the next page begins after."""
        for _ in range(PAGES_MAX):
            rows = await self._data(method, limit=PAGE, **parameters)
            for row in rows:
                yield row
            if len(rows) < PAGE:
                return
            parameters["after"] = text(method, rows[-1], key)
        raise HistoryIsTooLong(f"{method} of {self._facts.account}")


def _data_of(method: str, answer: Any) -> list[Raw]:
    found = answer.get("data") if isinstance(answer, dict) else None
    if not isinstance(found, list) or not all(isinstance(row, dict) for row in found):
        raise FactIsMalformed(method, "data", answer)
    return found
