"""Tells the subscribers of Deribit what happens in one market: a book that begins with a snapshot, tickers, trades."""

from dataclasses import dataclass, field
from typing import Any

from sandbox.deribit import wire
from sandbox.deribit.funding import Funding
from sandbox.market import Market, Trade
from sandbox.model import STEP_MS
from sandbox.rows import Order
from sandbox.sockets import Hub

EVERY_STEPS = 100 // STEP_MS
MALFORMED = '{{"jsonrpc":"2.0","method":"subscription","params":{{"channel":"{channel}","data":{{"bids":[["new",oops'
KIND_OF_STREAM = {"book": "depth", "ticker": "markPrice", "trades": "trade"}


@dataclass(slots=True, kw_only=True)
class Shown:
    """What the subscribers of the book have been told."""

    change_id: int
    update_id: int
    bids: dict[int, int] = field(default_factory=dict)
    asks: dict[int, int] = field(default_factory=dict)


class Publisher:
    """One market's public channels, told every 100 ms."""

    def __init__(self, market: Market, hub: Hub) -> None:
        self.market = market
        self.hub = hub
        self.symbol = market.spec.symbol
        self.funding = Funding(market)
        self.names = {stream: f"{stream}.{self.symbol}.100ms" for stream in KIND_OF_STREAM}
        self._shown = Shown(change_id=0, update_id=-1)
        self._trades: list[Trade] = []
        self._told: dict[str, Any] = {}
        self._step = 0
        self.skips = 0  # how many changes of the book are still to be left out, for drills

    def changed(self, channel: str, begun: bool) -> None:
        """Begin anew with the book when it gains its first listener."""
        if channel == self.names["book"] and begun:
            self._shown = self._now()
        elif channel == self.names["trades"]:
            self._trades = []

    def snapshot(self, channel: str) -> tuple[str, str] | None:
        """Give the kind and the text that a new listener hears first, none of trades."""
        if channel == self.names["ticker"]:
            return "markPrice", wire.notice(channel, wire.ticker(self.market, self.funding))
        if channel != self.names["book"]:
            return None
        shown, spec = self._shown, self.market.spec
        sides = {
            "bids": [("new", *level) for level in sorted(shown.bids.items(), reverse=True)],
            "asks": [("new", *level) for level in sorted(shown.asks.items())],
        }
        data = {"type": "snapshot", "timestamp": self.market.now_ms, "instrument_name": self.symbol}
        data |= {"change_id": shown.change_id}
        data |= {name: wire.changes(spec, rows) for name, rows in sides.items()}
        return "depth", wire.notice(channel, data)

    def step(self) -> None:
        """Send what happened in the last 100 ms."""
        self._step += 1
        if self._step % EVERY_STEPS:
            return
        if self.hub.wants(self.names["book"]):
            self._send_book()
        if self.hub.wants(self.names["ticker"]):
            self._send_ticker()
        if self._trades:
            rows, self._trades = [wire.trade(self.market, row) for row in self._trades], []
            self.hub.publish(self.names["trades"], self.symbol, "trade", wire.notice(self.names["trades"], rows))

    def second(self, number: int) -> None:
        """Let funding accrue."""
        self.funding.second()

    def quote(self) -> None:
        """Leave the touch to the book's channel."""

    def traded(self, trade: Trade) -> None:
        """Keep a trade until the next message."""
        if self.hub.wants(self.names["trades"]):
            self._trades.append(trade)

    def aggregated(self, trade: Trade) -> None:
        """Leave aggregates: the venue has none."""

    def forced(self, order: Order) -> None:
        """Leave forced orders: the venue tells of them in its trades alone."""

    def skip_depth(self, count: int) -> None:
        """Leave out the next changes of the book if somebody hears it."""
        self.skips = count

    def spoil(self, kind: str) -> list[str]:
        """Send a broken text on the channels of a kind that somebody hears; give which."""
        heard = [name for stream, name in self.names.items() if KIND_OF_STREAM[stream] == kind and self.hub.wants(name)]
        for name in heard:
            self.hub.publish(name, self.symbol, kind, MALFORMED.format(channel=name))
        return heard

    def _now(self) -> Shown:
        book = self.market.book
        bids, asks = dict(book.bids.top(len(book.bids))), dict(book.asks.top(len(book.asks)))
        return Shown(change_id=book.update_id, update_id=book.update_id, bids=bids, asks=asks)

    def _send_book(self) -> None:
        before, channel = self._shown, self.names["book"]
        if before.update_id == self.market.book.update_id:
            return
        now = self._now()
        bids, asks = _changes(before.bids, now.bids), _changes(before.asks, now.asks)
        if not bids and not asks:
            before.update_id = now.update_id
            return
        self._shown = now
        if self.skips:
            self.skips -= 1
            return
        spec = self.market.spec
        data = {"type": "change", "timestamp": self.market.now_ms, "prev_change_id": before.change_id}
        data |= {"instrument_name": self.symbol, "change_id": now.change_id}
        data |= {"bids": wire.changes(spec, bids), "asks": wire.changes(spec, asks)}
        self.hub.publish(channel, self.symbol, "depth", wire.notice(channel, data))

    def _send_ticker(self) -> None:
        now = wire.ticker(self.market, self.funding)
        if now | {"timestamp": 0} == self._told:
            return
        self._told = now | {"timestamp": 0}
        self.hub.publish(self.names["ticker"], self.symbol, "markPrice", wire.notice(self.names["ticker"], now))


def _changes(before: dict[int, int], now: dict[int, int]) -> list[wire.Change]:
    """List what happened to the levels of a side."""
    gone = [("delete", ticks, 0) for ticks in before if ticks not in now]
    return gone + [
        ("change" if ticks in before else "new", ticks, steps)
        for ticks, steps in now.items()
        if before.get(ticks) != steps
    ]
