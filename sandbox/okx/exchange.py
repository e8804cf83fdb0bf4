"""OKX as its clients see it without an account: its markets, channels and the limit of requests."""

import time
from collections.abc import Iterable

from sandbox.faults import Faults
from sandbox.ledger import Ledger
from sandbox.market import Market
from sandbox.okx.contracts import OKX
from sandbox.okx.limits import REQUESTS_MAX, Requests
from sandbox.okx.publisher import Publisher
from sandbox.okx.streams import Hub


class Okx:
    """A venue that clients can listen to."""

    venue = OKX
    request_limit = REQUESTS_MAX

    def __init__(self, markets: Iterable[Market], ledger: Ledger, faults: Faults) -> None:
        self.markets = {market.spec.symbol: market for market in markets}
        self.ledger = ledger
        self.down = False  # refuses every connection
        self.requests = Requests()
        self._by_name: dict[str, Publisher] = {}
        self.hub = Hub(OKX, faults, self._by_name.get)
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
