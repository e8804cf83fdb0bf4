"""OKX as its clients see it: markets, channels, accounts and the limit of requests in one place."""

import time
from collections.abc import Iterable
from typing import Any

from sandbox.binance.signing import Keys
from sandbox.collateral import Pool
from sandbox.faults import Faults
from sandbox.liquidation import Liquidation
from sandbox.market import Market
from sandbox.okx import rows
from sandbox.okx.contracts import OKX
from sandbox.okx.discounts import discounted
from sandbox.okx.interference import Interference
from sandbox.okx.limits import REQUESTS_MAX, Requests
from sandbox.okx.publisher import Publisher
from sandbox.okx.rows import Pooled
from sandbox.okx.streams import Hub
from sandbox.okx.userdata import ACCOUNT, POSITIONS


class Okx:
    """A venue that clients can talk to."""

    venue = OKX
    request_limit = REQUESTS_MAX

    def __init__(self, markets: Iterable[Market], liquidation: Liquidation, keys: Keys, faults: Faults) -> None:
        self.markets = {market.spec.symbol: market for market in markets}
        self.accounts, self.engine, self.cross = liquidation.accounts, liquidation.engine, liquidation.cross
        self.ledger = self.accounts.ledger
        self.keys = keys
        self.down = False  # refuses every connection
        self.requests = Requests()
        self._by_name: dict[str, Publisher] = {}
        self.interference = Interference(OKX, faults, self.now_ms)
        self.hub = Hub(OKX, faults, self._by_name.get, keys, self._held)
        self.publishers = {symbol: Publisher(market, self.hub) for symbol, market in self.markets.items()}
        for symbol, publisher in self.publishers.items():
            self._by_name |= {symbol: publisher, publisher.index: publisher}
            self.markets[symbol].listener = publisher

    @staticmethod
    def now_ms() -> int:
        """Give the venue's time."""
        return time.time_ns() // 1_000_000

    def step(self) -> None:
        """Send what is due in this step."""
        for publisher in self.publishers.values():
            publisher.step()

    def second(self, number: int) -> None:
        """Send what is due each second."""
        for publisher in self.publishers.values():
            publisher.second(number)

    def pooled(self, account: str) -> list[Pooled]:
        """List what each coin of an account holds and margins; the venue gives the ratio upside down."""
        found, is_joint = [], self.cross.joint(account)
        for asset in self.cross.assets(account):
            pool = self.cross.asset_pool(account, asset)
            found.append(
                Pooled(
                    asset=asset,
                    price=self.cross.price(asset),
                    wallet=pool.wallet,
                    equity=pool.balance,
                    unrealized=pool.unrealized,
                    available=pool.available,
                    order_margin=pool.order_margin,
                    initial=pool.initial_margin,
                    maintenance=pool.maintenance,
                    ratio=round(pool.balance / pool.maintenance, 4) if pool.maintenance else None,
                    counted=discounted(asset, pool.balance) if pool.balance > 0 else pool.balance,
                    is_joint=is_joint,
                )
            )
        return found

    def whole(self, account: str) -> Pool | None:
        """Give what all coins of an account margin together; None where each does for itself."""
        return self.cross.pools(account)[0] if self.cross.joint(account) else None

    def positions(self, account: str) -> list[dict[str, Any]]:
        """List the open positions of an account."""
        found = []
        for symbol, market in self.markets.items():
            position = self.accounts.position(account, symbol)
            if position.quantity:
                held = self.accounts.holding(account, symbol)
                liquidated_at = self.cross.liquidation_price(account, symbol)
                found.append(rows.position_row(market.spec, position, held, liquidated_at))
        return found

    def _held(self, account: str, channel: str) -> list[dict[str, Any]]:
        """Give what a private channel begins with."""
        if channel == POSITIONS:
            return self.positions(account)
        now_ms = self.now_ms()
        coins = [rows.coin_row(each, now_ms) for each in self.pooled(account) if each.equity]
        if channel == ACCOUNT:
            return [{"uTime": str(now_ms), "details": coins}]
        held = {"balData": coins, "posData": self.positions(account), "trades": []}
        return [{"pTime": str(now_ms), "eventType": "snapshot", **held}]
