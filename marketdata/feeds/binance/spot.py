"""Spot: Binance's public data of pairs as the bytes arrive, which has no marks and no funding.  bytes x time -> books

Quotes are the touch of the proven book: the `bookTicker` of spot tells no time.
"""

from hedgeapp.core.instruments import Instrument
from marketdata.core.books import BinanceSpot, SequenceRule
from marketdata.core.checks import Fault
from marketdata.feeds.binance import market, messages
from marketdata.feeds.binance.market import Taker
from marketdata.feeds.binance.messages import AggregateTrade, SpotDepthUpdate
from marketdata.feeds.public.market import Line


class SpotMarket(market.Market):
    """All pairs of Binance's spot market."""

    hears = frozenset({"book", "trade"})
    decode = staticmethod(messages.spot_message)
    kinds = messages.SPOT_KINDS

    def _takers(self) -> dict[type, Taker]:
        return {SpotDepthUpdate: self._take_change, AggregateTrade: self._take_trade}

    def rule_of(self, instrument: Instrument) -> SequenceRule:
        """Return the rule of pairs."""
        return BinanceSpot()

    def _take_change(self, line: Line, delta: SpotDepthUpdate, received_ms: int) -> Fault | None:
        fault = line.book.apply(delta)
        if fault is not None:
            return fault
        line.book_ms = (delta.at_ms, received_ms)
        return self._take_touch(line, delta.at_ms, received_ms) if line.book.is_running else None
