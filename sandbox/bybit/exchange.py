"""Bybit as its clients see it: markets, topics, the unified accounts and the limit of requests in one place."""

import time
from collections.abc import Iterable

from sandbox.binance.signing import Keys
from sandbox.bybit.contracts import BYBIT, category_of
from sandbox.bybit.errors import ParameterRefused
from sandbox.bybit.interference import Interference
from sandbox.bybit.lending import Lending
from sandbox.bybit.limits import REQUESTS_MAX, Requests
from sandbox.bybit.publisher import Publisher
from sandbox.bybit.streams import Hub
from sandbox.faults import Faults
from sandbox.liquidation import Liquidation
from sandbox.market import Market

CATEGORIES = ("spot", "linear", "inverse", "option")


class Bybit:
    """A venue that clients can talk to."""

    venue = BYBIT
    request_limit = REQUESTS_MAX

    def __init__(self, markets: Iterable[Market], liquidation: Liquidation, keys: Keys, faults: Faults) -> None:
        self.markets = {each.spec.symbol: each for each in markets}
        self.accounts, self.engine, self.cross = liquidation.accounts, liquidation.engine, liquidation.cross
        self.ledger = self.accounts.ledger
        self.lending = Lending(self.accounts, self.cross, self.now_ms())
        self.keys = keys
        self.down = False  # refuses every connection
        self.requests = Requests()
        self.interference = Interference(BYBIT, faults, self.now_ms)
        self.hub = Hub(BYBIT, faults, self._publisher_of, keys)
        self.publishers = {symbol: Publisher(market, self.hub) for symbol, market in self.markets.items()}
        for symbol, publisher in self.publishers.items():
            self.markets[symbol].listener = publisher

    @staticmethod
    def now_ms() -> int:
        """Give the venue's time."""
        return time.time_ns() // 1_000_000

    def of_category(self, category: str) -> list[Market]:
        """List the markets of a category; the venue lists none of its others here."""
        return [market for market in self.markets.values() if category_of(market.spec) == category]

    def market(self, category: str, symbol: str) -> Market:
        """Find a market by the venue's spelling. Raise ParameterRefused."""
        if category not in CATEGORIES:
            raise ParameterRefused("params error: Category is invalid")
        market = self.markets.get(symbol)
        if market is None or category_of(market.spec) != category:
            raise ParameterRefused("params error: Symbol Invalid" if symbol else "params error: symbol is required")
        return market

    def step(self) -> None:
        """Send what is due in this step."""
        for publisher in self.publishers.values():
            publisher.step()

    def second(self, number: int) -> None:
        """Send what is due each second."""
        for publisher in self.publishers.values():
            publisher.second(number)
        self.lending.second(self.now_ms())

    def _publisher_of(self, category: str, topic: str) -> Publisher | None:
        """Find who tells a topic, for any category when none is named."""
        publisher = self.publishers.get(topic.rpartition(".")[2])
        if publisher is None or topic not in publisher.names:
            return None
        return publisher if category in ("", category_of(publisher.market.spec)) else None
