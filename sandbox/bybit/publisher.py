"""Tells the subscribers of Bybit what happens in one market: topics that begin with a snapshot and go on by deltas."""

from dataclasses import dataclass, field

from sandbox.bybit import wire
from sandbox.market import Market, Trade
from sandbox.model import STEP_MS
from sandbox.rows import Order
from sandbox.shown import changes
from sandbox.sockets import Hub

FIRST_UPDATE_ID = 2  # 1 is the venue's word that its service began anew
EVERY_STEPS = {1: 1, 50: 1, 200: 100 // STEP_MS, 1000: 200 // STEP_MS}  # depth -> steps between two messages
MALFORMED = '{{"topic":"{topic}","type":"delta","ts":{now},"data":{{"s":"{symbol}","b":[["oops'
KIND_OF_PREFIX = {"orderbook": "depth", "tickers": "markPrice", "publicTrade": "trade", "allLiquidation": "forceOrder"}


@dataclass(slots=True, kw_only=True)
class Shown:
    """What the subscribers of a book's topic have been told."""

    update_id: int
    sequence: int
    bids: dict[int, int] = field(default_factory=dict)
    asks: dict[int, int] = field(default_factory=dict)


class Publisher:
    """One market's public topics."""

    def __init__(self, market: Market, hub: Hub) -> None:
        self.market = market
        self.hub = hub
        self.symbol = market.spec.symbol
        self._books = {f"orderbook.{depth}.{self.symbol}": depth for depth in EVERY_STEPS}
        self._ticker = f"tickers.{self.symbol}"
        self._trades = f"publicTrade.{self.symbol}"
        self._shown: dict[str, Shown] = {}
        self._told: dict[str, str] = {}  # the ticker's fields as they were sent last
        self._step = 0
        self.skips = 0  # how many deltas of each book are still to be left out, for drills
        self._liquidations = f"allLiquidation.{self.symbol}"
        self.names = {*self._books, self._ticker, self._trades, self._liquidations}

    def changed(self, topic: str, begun: bool) -> None:
        """Begin anew with what a topic tells when it gains its first listener."""
        if topic == self._ticker and begun:
            self._told = wire.ticker(self.market)
        elif topic in self._books and begun:
            before = self._shown.get(topic)
            self._shown[topic] = self._now(self._books[topic], before.update_id + 1 if before else FIRST_UPDATE_ID)

    def snapshot(self, topic: str) -> tuple[str, str] | None:
        """Give the kind and the text that a new listener hears first, none where a topic has no such text."""
        if topic == self._ticker:
            sequence, now_ms = self.market.book.update_id, self.market.now_ms
            return "markPrice", wire.ticker_message(topic, "snapshot", self._told, sequence, now_ms)
        shown = self._shown.get(topic)
        if shown is None:
            return None
        bids, asks = sorted(shown.bids.items(), reverse=True), sorted(shown.asks.items())
        ids = shown.update_id, shown.sequence
        return "depth", wire.book(topic, "snapshot", self.market.spec, bids, asks, ids, self.market.now_ms)

    def step(self) -> None:
        """Send the books that are due in this step and changed."""
        self._step += 1
        for topic, depth in self._books.items():
            if self._step % EVERY_STEPS[depth] == 0 and self.hub.wants(topic):
                self._send_book(topic, depth)

    def second(self, number: int) -> None:
        """Send what changed of the ticker."""
        if not self.hub.wants(self._ticker):
            return
        now = wire.ticker(self.market)
        changed = {name: value for name, value in now.items() if self._told.get(name) != value}
        self._told = now
        if changed:
            data = {"symbol": self.symbol, **changed}
            text = wire.ticker_message(self._ticker, "delta", data, self.market.book.update_id, self.market.now_ms)
            self.hub.publish(self._ticker, self.symbol, "markPrice", text)

    def quote(self) -> None:
        """Leave the touch to the book's topics."""

    def traded(self, trade: Trade) -> None:
        """Tell one trade."""
        if self.hub.wants(self._trades):
            text = wire.trade(self._trades, self.market.spec, trade, self.market.now_ms)
            self.hub.publish(self._trades, self.symbol, "trade", text)

    def aggregated(self, trade: Trade) -> None:
        """Leave aggregates: the venue has none."""

    def forced(self, order: Order) -> None:
        """Tell the order by which a position was liquidated."""
        if self.hub.wants(self._liquidations):
            text = wire.liquidation(self._liquidations, order, self.market.now_ms)
            self.hub.publish(self._liquidations, self.symbol, "forceOrder", text)

    def skip_depth(self, count: int) -> None:
        """Leave out the next deltas of the books that somebody hears."""
        self.skips = count

    def spoil(self, kind: str) -> list[str]:
        """Send a broken text on the topics of a kind that somebody hears; give which."""
        heard = [name for name in self.names if self.hub.wants(name) and KIND_OF_PREFIX[name.partition(".")[0]] == kind]
        for name in heard:
            broken = MALFORMED.format(topic=name, now=self.market.now_ms, symbol=self.symbol)
            self.hub.publish(name, self.symbol, kind, broken)
        return heard

    def _now(self, depth: int, update_id: int) -> Shown:
        book = self.market.book
        bids, asks = dict(book.bids.top(depth)), dict(book.asks.top(depth))
        return Shown(update_id=update_id, sequence=book.update_id, bids=bids, asks=asks)

    def _send_book(self, topic: str, depth: int) -> None:
        before = self._shown[topic]
        if before.sequence == self.market.book.update_id:
            return
        now = self._now(depth, before.update_id + 1)
        bids, asks = changes(before.bids, now.bids), changes(before.asks, now.asks)
        if not bids and not asks:
            before.sequence = now.sequence
            return
        self._shown[topic] = now
        if self.skips:
            self.skips -= 1
            return
        kind, ids = "delta", (now.update_id, now.sequence)
        if depth == 1:  # of the touch alone each message is a snapshot
            kind, bids, asks = "snapshot", list(now.bids.items()), list(now.asks.items())
        text = wire.book(topic, kind, self.market.spec, bids, asks, ids, self.market.now_ms)
        self.hub.publish(topic, self.symbol, "depth", text)
