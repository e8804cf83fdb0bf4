"""Deribit as its clients see it without an account: its markets, channels and the limit of requests."""

import time
from collections.abc import Iterable

from sandbox.deribit.contracts import DERIBIT
from sandbox.deribit.limits import BURST_MAX, Requests
from sandbox.deribit.publisher import Publisher
from sandbox.deribit.streams import Hub
from sandbox.faults import Faults
from sandbox.market import Market


class Deribit:
    """A venue that clients can listen to."""

    venue = DERIBIT
    request_limit = BURST_MAX

    def __init__(self, markets: Iterable[Market], faults: Faults) -> None:
        self.markets = {each.spec.symbol: each for each in markets}
        self.down = False  # refuses every connection
        self.requests = Requests()
        self.hub = Hub(DERIBIT, faults, self._publisher_of)
        self.publishers = {symbol: Publisher(market, self.hub) for symbol, market in self.markets.items()}
        for symbol, publisher in self.publishers.items():
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
        self.hub.beat()

    def _publisher_of(self, channel: str) -> Publisher | None:
        """Find who tells a channel."""
        _, _, rest = channel.partition(".")
        publisher = self.publishers.get(rest.rpartition(".")[0])
        return publisher if publisher and channel in publisher.names.values() else None
