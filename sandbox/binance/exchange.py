"""One venue of the sandbox: its markets, streams, keys and limits in one place."""

import time
from collections.abc import Iterable

from sandbox.binance import errors
from sandbox.binance.interference import Interference
from sandbox.binance.order_counts import PER_MINUTE, PER_TEN_SECONDS, OrderCounts
from sandbox.binance.publisher import Publisher
from sandbox.binance.signing import Keys
from sandbox.binance.streams import Hub
from sandbox.binance.userdata import ListenKeys, listen_key_expired
from sandbox.binance.weights import Weights
from sandbox.faults import Faults
from sandbox.instruments import COINM
from sandbox.liquidation import Liquidation
from sandbox.market import Market


class Exchange:
    """A venue that clients can talk to."""

    def __init__(
        self, venue: str, markets: Iterable[Market], liquidation: Liquidation, keys: Keys, faults: Faults
    ) -> None:
        self.venue = venue
        self.inverse = venue == COINM
        self.markets = {each.spec.symbol: each for each in markets}
        self.accounts, self.engine, self.liquidation = liquidation.accounts, liquidation.engine, liquidation
        self.order_counts = OrderCounts((PER_MINUTE,) if self.inverse else (PER_TEN_SECONDS, PER_MINUTE))
        self.keys = keys
        self.weights = Weights()
        self.listen_keys = ListenKeys()
        self.down = False  # refuses every connection
        self.interference = Interference(venue, faults, self.now_ms)
        self.hub = Hub(venue, faults, known=self._known, changed=self._changed)
        self.publishers = {symbol: Publisher(market, self.hub) for symbol, market in self.markets.items()}
        for symbol, publisher in self.publishers.items():
            self.markets[symbol].listener = publisher

    @property
    def request_limit(self) -> int:
        """Give the weight of requests that a client may use in a minute."""
        return self.weights.limit

    @staticmethod
    def now_ms() -> int:
        """Give the venue's time."""
        return time.time_ns() // 1_000_000

    def market(self, symbol: str | None) -> Market:
        """Find a market by the venue's spelling. Raise RequestRefused."""
        if not symbol:
            raise errors.missing("symbol")
        found = self.markets.get(symbol.upper())
        if found is None:
            raise errors.unknown_symbol()
        return found

    def second(self, number: int) -> None:
        """Send what is due each second and end listen keys that were not renewed."""
        for publisher in self.publishers.values():
            publisher.second(number)
        self._end_listen_keys()

    def expire_listen_key(self, account: str) -> bool:
        """End the life of an account's listen key now; tell whether it had one."""
        had = self.listen_keys.expire(account)
        self._end_listen_keys()
        return had

    def _end_listen_keys(self) -> None:
        now_ms = self.now_ms()
        for key in self.listen_keys.expired(now_ms):
            self.hub.tell(key.account, "listenKeyExpired", listen_key_expired(key.key, now_ms))
            self.hub.detach(key.account)

    def _known(self, stream: str) -> bool:
        """Tell whether a stream name is well formed; an unlisted symbol is only silent, as on the venue."""
        return bool(stream) and "@" in stream

    def _changed(self, stream: str, begun: bool) -> None:
        for publisher in self.publishers.values():
            if stream in publisher.names:
                publisher.changed(stream, begun)
