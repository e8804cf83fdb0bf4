"""Bybit as its clients see it without an account: its markets, topics and the limit of requests."""

import time
from collections.abc import Mapping

from sandbox.bybit.contracts import BYBIT, category_of
from sandbox.bybit.limits import REQUESTS_MAX, Requests
from sandbox.bybit.publisher import Publisher
from sandbox.bybit.streams import Hub
from sandbox.faults import Faults
from sandbox.ledger import Ledger
from sandbox.market import Market


class Bybit:
    """A venue that clients can listen to."""

    venue = BYBIT
    request_limit = REQUESTS_MAX

    def __init__(self, markets: Mapping[tuple[str, str], Market], ledger: Ledger, faults: Faults) -> None:
        self.markets = {symbol: each for (venue, symbol), each in markets.items() if venue == BYBIT}
        self.ledger = ledger
        self.down = False  # refuses every connection
        self.requests = Requests()
        self.hub = Hub(BYBIT, faults, self._publisher_of)
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

    def step(self) -> None:
        """Send what is due in this step."""
        for publisher in self.publishers.values():
            publisher.step()

    def second(self, number: int) -> None:
        """Send what is due each second."""
        for publisher in self.publishers.values():
            publisher.second(number)

    def _publisher_of(self, category: str, topic: str) -> Publisher | None:
        """Find who tells a topic, for any category when none is named."""
        publisher = self.publishers.get(topic.rpartition(".")[2])
        if publisher is None or topic not in publisher.names:
            return None
        return publisher if category in ("", category_of(publisher.market.spec)) else None
