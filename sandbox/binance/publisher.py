"""Tells the subscribers of a venue what happens in one market, in the venue's words."""

from sandbox.binance import wire
from sandbox.binance.streams import Hub
from sandbox.book import DEPTH_RATES_MS
from sandbox.market import Market, Trade
from sandbox.model import STEP_MS
from sandbox.rows import Order

PARTIAL_COUNTS = (5, 10, 20)
DEFAULT_RATE_MS = 250
MALFORMED = '{{"e":"{kind}","E":{now},"s":"{symbol}","b":[["oops'


class Publisher:
    """One market's public streams."""

    def __init__(self, market: Market, hub: Hub) -> None:
        self.market = market
        self.hub = hub
        self.symbol = market.spec.symbol
        base = self.symbol.lower()
        self._quote = f"{base}@bookTicker"
        self._trade = f"{base}@trade"
        self._aggregate = f"{base}@aggTrade"
        self._marks = (f"{base}@markPrice@1s", f"{base}@markPrice")
        self._forced = f"{base}@forceOrder"
        self._tickers = (f"{base}@ticker", f"{base}@miniTicker")
        self._depths = {rate: self._names(f"{base}@depth", rate) for rate in DEPTH_RATES_MS}
        self._partials = {
            (count, rate): self._names(f"{base}@depth{count}", rate)
            for count in PARTIAL_COUNTS
            for rate in DEPTH_RATES_MS
        }
        self._raw = {"depth@0ms": self._depths[0][0], "bookTicker": self._quote, "trade": self._trade}
        self._partial_ids: dict[tuple[int, int], int] = {}
        self._touch: tuple[int, int, int, int] = (0, 0, 0, 0)
        self._step = 0
        self._skips: dict[int, int] = {}  # rate -> diffs to leave out, for drills
        self.names = {
            self._quote,
            self._trade,
            self._aggregate,
            self._forced,
            *self._marks,
            *self._tickers,
            *(name for names in self._depths.values() for name in names),
            *(name for names in self._partials.values() for name in names),
        }

    @staticmethod
    def _names(stem: str, rate: int) -> tuple[str, ...]:
        return (stem, f"{stem}@{rate}ms") if rate == DEFAULT_RATE_MS else (f"{stem}@{rate}ms",)

    def changed(self, stream: str, begun: bool) -> None:
        """Begin or stop collecting changes when a depth stream gains its first or loses its last listener."""
        for rate, names in self._depths.items():
            if stream not in names:
                continue
            if begun:
                self.market.book.watch(rate)
            elif not any(self.hub.wants(name) for name in names):
                self.market.book.unwatch(rate)

    def quote(self) -> None:
        """Tell the touch, when it changed and somebody listens."""
        if not self.hub.wants(self._quote) or (self.market.follows_recording and not self.market.book.touched):
            return
        bids, asks = self.market.book.bids, self.market.book.asks
        if not bids.keys or not asks.keys:
            return
        touch = (bids.best, bids.best_size, asks.best, asks.best_size)
        if touch != self._touch:
            self._touch = touch
            self.hub.publish(self._quote, self.symbol, "bookTicker", wire.book_ticker(self.market))

    def traded(self, trade: Trade) -> None:
        """Tell one trade."""
        if self.hub.wants(self._trade):
            text = wire.trade(self.market.spec, trade, self.market.now_ms)
            self.hub.publish(self._trade, self.symbol, "trade", text)

    def aggregated(self, trade: Trade) -> None:
        """Tell one aggregate trade."""
        if self.hub.wants(self._aggregate):
            text = wire.aggregate_trade(self.market.spec, trade, self.market.now_ms)
            self.hub.publish(self._aggregate, self.symbol, "aggTrade", text)

    def forced(self, order: Order) -> None:
        """Tell the order of a liquidation."""
        if self.hub.wants(self._forced):
            text = wire.forced_order(self.market.spec, order, self.market.now_ms)
            self.hub.publish(self._forced, self.symbol, "forceOrder", text)

    def hears(self, kind: str) -> bool:
        """Tell whether anybody listens to depth@0ms, bookTicker or trade."""
        return self.hub.wants(self._raw[kind])

    def raw(self, kind: str, text: str) -> None:
        """Tell a message that was recorded."""
        if kind == "depth@0ms" and self._skipped(0):
            return
        self.hub.publish(self._raw[kind], self.symbol, kind.partition("@")[0], text)

    def step(self) -> None:
        """Send the depth streams that are due in this step."""
        self._step += 1
        for rate, names in self._depths.items():
            if self._due(rate) and rate in self.market.book.diffs:
                self._send_diff(rate, names)
        for (count, rate), names in self._partials.items():
            if self._due(rate):
                self._send_partial(count, rate, names)

    def second(self, number: int) -> None:
        """Send what goes out each second (the plain mark price each third)."""
        if self.hub.wants(self._marks[0]):
            self.hub.publish(self._marks[0], self.symbol, "markPrice", wire.mark_price(self.market))
        if number % 3 == 0 and self.hub.wants(self._marks[1]):
            self.hub.publish(self._marks[1], self.symbol, "markPrice", wire.mark_price(self.market))
        for name, mini in zip(self._tickers, (False, True), strict=True):
            text = wire.day_ticker(self.market, mini=mini) if self.hub.wants(name) else None
            if text is not None:
                self.hub.publish(name, self.symbol, "ticker", text)

    def _due(self, rate: int) -> bool:
        if not rate:
            return True
        now = self._step * STEP_MS
        return now // rate != (now - STEP_MS) // rate

    def _send_diff(self, rate: int, names: tuple[str, ...]) -> None:
        if rate == 0 and self.market.follows_recording:
            return
        diff = self.market.book.take_diff(rate)
        if diff is None:
            return
        if self._skipped(rate):
            return
        text = wire.depth_update(self.market, diff)
        for name in names:
            self.hub.publish(name, self.symbol, "depth", text)

    def spoil(self, kind: str) -> list[str]:
        """Send a broken text on the streams of a kind that somebody hears; give which."""
        broken = MALFORMED.format(kind=kind, now=self.market.now_ms, symbol=self.symbol)
        heard = [name for name in self.names if self.hub.wants(name) and _kind(name) == kind]
        for name in heard:
            self.hub.publish(name, self.symbol, kind, broken)
        return heard

    def skip_depth(self, count: int) -> None:
        """Leave out the next diffs of each depth stream that somebody hears, or of all when nobody does."""
        self._skips = dict.fromkeys(self.market.book.diffs or DEPTH_RATES_MS, count)

    @property
    def skips(self) -> int:
        """Tell how many diffs are still to be left out."""
        return max(self._skips.values(), default=0)

    def _skipped(self, rate: int) -> bool:
        """Tell whether this diff is to be left out."""
        if not self._skips.get(rate):
            return False
        self._skips[rate] -= 1
        return True

    def _send_partial(self, count: int, rate: int, names: tuple[str, ...]) -> None:
        if not any(self.hub.wants(name) for name in names):
            return
        previous = self._partial_ids.get((count, rate), self.market.book.update_id - 1)
        if previous == self.market.book.update_id:
            return
        text = wire.partial_depth(self.market, count, previous)
        self._partial_ids[count, rate] = self.market.book.update_id
        for name in names:
            self.hub.publish(name, self.symbol, "depth", text)


def _kind(stream: str) -> str:
    kind = stream.split("@")[1]
    return "depth" if kind.startswith("depth") else "ticker" if kind == "miniTicker" else kind
