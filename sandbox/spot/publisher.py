"""Tells the subscribers of the spot market what happens in one pair."""

from sandbox.binance.streams import Hub
from sandbox.market import Market, Trade
from sandbox.model import STEP_MS
from sandbox.spot import wire

DEPTHS = {100: "@depth@100ms", 1000: "@depth"}  # ms between two changes -> how the stream is named
MALFORMED = '{{"e":"{kind}","E":{now},"s":"{symbol}","b":[["oops'


class Publisher:
    """One pair's public streams."""

    def __init__(self, market: Market, hub: Hub) -> None:
        self.market, self.hub = market, hub
        self.symbol = market.spec.symbol
        base = self.symbol.lower()
        self._depths = {rate: base + name for rate, name in DEPTHS.items()}
        self._kinds = dict.fromkeys(self._depths.values(), "depth")
        self._kinds |= {f"{base}@{kind}": kind for kind in ("bookTicker", "trade", "aggTrade")}
        self._quote, self._trade, self._aggregate = f"{base}@bookTicker", f"{base}@trade", f"{base}@aggTrade"
        self._touch: tuple[int, int, int, int] = (0, 0, 0, 0)
        self._step = 0
        self._skips: dict[int, int] = {}  # rate -> changes to leave out, for drills

    @property
    def skips(self) -> int:
        """Tell how many changes are still to be left out."""
        return max(self._skips.values(), default=0)

    def changed(self, stream: str, begun: bool) -> None:
        """Begin or stop collecting changes when a depth stream gains its first or loses its last listener."""
        for rate, name in self._depths.items():
            if stream == name:
                (self.market.book.watch if begun else self.market.book.unwatch)(rate)

    def quote(self) -> None:
        """Tell the touch, when it changed and somebody listens."""
        bids, asks = self.market.book.bids, self.market.book.asks
        if not self.hub.wants(self._quote) or not bids.keys or not asks.keys:
            return
        touch = (bids.best, bids.best_size, asks.best, asks.best_size)
        if touch != self._touch:
            self._touch = touch
            self.hub.publish(self._quote, self.symbol, "bookTicker", wire.book_ticker(self.market))

    def traded(self, trade: Trade) -> None:
        """Tell one trade."""
        if self.hub.wants(self._trade):
            self.hub.publish(self._trade, self.symbol, "trade", wire.trade(self.market.spec, trade, self.market.now_ms))

    def aggregated(self, trade: Trade) -> None:
        """Tell one aggregate trade."""
        if self.hub.wants(self._aggregate):
            text = wire.aggregate_trade(self.market.spec, trade, self.market.now_ms)
            self.hub.publish(self._aggregate, self.symbol, "aggTrade", text)

    def step(self) -> None:
        """Send the depth streams that are due in this step."""
        self._step += 1
        for rate, name in self._depths.items():
            if self._step % (rate // STEP_MS) == 0 and rate in self.market.book.diffs:
                self._send_diff(rate, name)

    def _send_diff(self, rate: int, name: str) -> None:
        diff = self.market.book.take_diff(rate)
        if diff is None:
            return
        if self._skips.get(rate):
            self._skips[rate] -= 1
            return
        self.hub.publish(name, self.symbol, "depth", wire.depth_update(self.market, diff))

    def skip_depth(self, count: int) -> None:
        """Leave out the next changes of each depth stream that somebody hears, or of all when nobody does."""
        self._skips = dict.fromkeys(self.market.book.diffs or DEPTHS, count)

    def spoil(self, kind: str) -> list[str]:
        """Send a broken text on the streams of a kind that somebody hears; give which."""
        broken = MALFORMED.format(kind=kind, now=self.market.now_ms, symbol=self.symbol)
        heard = [name for name, of in self._kinds.items() if of == kind and self.hub.wants(name)]
        for name in heard:
            self.hub.publish(name, self.symbol, kind, broken)
        return heard
