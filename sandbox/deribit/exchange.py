"""Deribit as its clients see it: markets, channels, accounts with their sessions, and the limit of requests."""

import time
from collections.abc import Iterable, Mapping
from typing import Any

from sandbox.binance.signing import Keys
from sandbox.deribit.contracts import DERIBIT
from sandbox.deribit.interference import Interference
from sandbox.deribit.limits import BURST_MAX, Requests
from sandbox.deribit.publisher import Publisher
from sandbox.deribit.refusals import invalid
from sandbox.deribit.settlements import Settlements
from sandbox.deribit.streams import Hub
from sandbox.deribit.userdata import PORTFOLIO
from sandbox.faults import Faults
from sandbox.liquidation import Liquidation
from sandbox.market import Market


class Deribit:
    """A venue that clients can talk to."""

    venue = DERIBIT
    request_limit = BURST_MAX

    def __init__(self, markets: Iterable[Market], liquidation: Liquidation, keys: Keys, faults: Faults) -> None:
        self.markets = {each.spec.symbol: each for each in markets}
        self.accounts, self.engine, self.cross = liquidation.accounts, liquidation.engine, liquidation.cross
        self.ledger = self.accounts.ledger
        self.settlements = Settlements(self.accounts, self.cross, DERIBIT)
        self.keys = keys
        self.down = False  # refuses every connection
        self.requests = Requests()
        self.interference = Interference(DERIBIT, faults, self.now_ms)
        self.hub = Hub(DERIBIT, faults, self._publisher_of, keys)
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
        for account in self.settlements.settle_due():
            for asset in self.accounts.assets(account):
                self.hub.tell(account, PORTFOLIO, asset)

    def market(self, parameters: Mapping[str, Any]) -> Market:
        """Find the market whose contract is named. Raise Refused."""
        if "instrument_name" not in parameters:
            raise invalid("instrument_name", "value required")
        market = self.markets.get(str(parameters["instrument_name"]))
        if market is None:
            raise invalid("instrument_name", "wrong format")
        return market

    def _publisher_of(self, channel: str) -> Publisher | None:
        """Find who tells a channel."""
        _, _, rest = channel.partition(".")
        publisher = self.publishers.get(rest.rpartition(".")[0])
        return publisher if publisher and channel in publisher.names.values() else None
