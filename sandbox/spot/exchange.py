"""The spot market as its clients see it: pairs, their makers, streams and the limit of requests in one place."""

import time
from collections.abc import Callable, Iterable, Mapping
from random import Random

from aiohttp import web

from sandbox.binance import errors, interference
from sandbox.binance.signing import Keys
from sandbox.binance.streams import Hub
from sandbox.binance.weights import Weights
from sandbox.book import Book
from sandbox.faults import Fault, Faults
from sandbox.instruments import Spec
from sandbox.ledger import Numbers
from sandbox.market import Market, Prices
from sandbox.model import Maker
from sandbox.player import Track
from sandbox.replay import Capture
from sandbox.spot.pairs import SPOT, WEIGHT_PER_MINUTE, pairs
from sandbox.spot.player import SpotPlayer
from sandbox.spot.publisher import Publisher

FIRST_UPDATE_ID = 35_000_000_000
FIRST_TRADE_ID = 1_400_000_000
IDS_BLOCK = 10_000
UPDATE_IDS_BLOCK = 50_000_000
CALM = {"STETHETH": 0.1}  # how much less than a contract's basis that of a pair wanders
FUNDING_MS = 1_000  # there is none; a market wants to know

NumbersOf = Callable[[str, int, int], Numbers]


class Interference(interference.Interference):
    """The faults of the REST door, in the words of this limit."""

    def limited(self, fault: Fault) -> web.Response:
        """Answer a request above the limit, and when to ask again."""
        return interference.refused(errors.too_many(WEIGHT_PER_MINUTE, fault.retry_after_s))


class Spot:
    """A venue that clients can only listen to; `prices` tells what the base of each pair is worth in its quote."""

    venue = SPOT
    request_limit = WEIGHT_PER_MINUTE
    inverse = False

    def __init__(
        self,
        prices: Callable[[], Mapping[str, float]],
        numbers: NumbersOf,
        random: Callable[[str], Random],
        keys: Keys,
        faults: Faults,
        volatility: float,
    ) -> None:
        self._prices = prices
        self._update_ids: dict[str, Numbers] = {}
        self.markets = {spec.symbol: self._market(spec, numbers) for spec in pairs()}
        self.makers = {
            symbol: Maker(market, random(f"maker {SPOT}:{symbol}"), volatility * CALM.get(symbol, 1.0))
            for symbol, market in self.markets.items()
        }
        self.keys = keys
        self.down = False  # refuses every connection
        self.weights = Weights(WEIGHT_PER_MINUTE)
        self.interference = Interference(SPOT, faults, self.now_ms)
        self.hub = Hub(SPOT, faults, known=self._known, changed=self._changed)
        self.publishers = {symbol: Publisher(market, self.hub) for symbol, market in self.markets.items()}
        for symbol, publisher in self.publishers.items():
            self.markets[symbol].listener = publisher

    def _market(self, spec: Spec, numbers: NumbersOf) -> Market:
        name = f"{SPOT}:{spec.symbol}"
        basis = spec.basis_bp / 10_000
        self._update_ids[spec.symbol] = numbers(f"{name} updates", FIRST_UPDATE_ID, UPDATE_IDS_BLOCK)
        return Market(
            spec,
            Book(self._update_ids[spec.symbol].next),
            Prices(index=self._prices()[spec.symbol], basis=basis, premium=basis),
            trade_ids=numbers(f"{name} trades", FIRST_TRADE_ID, IDS_BLOCK),
            aggregate_ids=numbers(f"{name} aggregates", FIRST_TRADE_ID, IDS_BLOCK),
            funding_ms=FUNDING_MS,
        )

    def open(self, captures: Iterable[Capture]) -> list[SpotPlayer]:
        """Fill the books: the recorded ones from their captures, which the returned players play; others by makers."""
        recorded = {each.symbol: each for each in captures if each.symbol in self.markets}
        for symbol in recorded:
            del self.makers[symbol]
        for maker in self.makers.values():
            maker.open()
        return [SpotPlayer(Track(each), self.markets[symbol]) for symbol, each in recorded.items()]

    @staticmethod
    def now_ms() -> int:
        """Give the venue's time."""
        return time.time_ns() // 1_000_000

    def market(self, symbol: str | None) -> Market:
        """Find a market by the venue's spelling. Raise RequestRefused."""
        if not symbol:
            raise errors.missing("symbol")
        found = self.markets.get(symbol)
        if found is None:
            raise errors.unknown_symbol()
        return found

    def step(self) -> None:
        """Live through one step of every pair, and send what is due."""
        now_ms = self.now_ms()
        for symbol, market in self.markets.items():
            market.now_ms = now_ms
            if maker := self.makers.get(symbol):
                maker.step()
        for publisher in self.publishers.values():
            publisher.step()

    def second(self, number: int) -> None:
        """Take the prices of this second, and remember how far update ids are."""
        for symbol, price in self._prices().items():
            self.markets[symbol].second(price)
            self._update_ids[symbol].cover(self.markets[symbol].book.update_id)

    def _known(self, stream: str) -> bool:
        """Tell whether a stream name is well formed; an unlisted symbol is only silent, as on the venue."""
        return "@" in stream

    def _changed(self, stream: str, begun: bool) -> None:
        for publisher in self.publishers.values():
            publisher.changed(stream, begun)
