"""Tells the subscribers of OKX what happens in one market: books whose changes name the one before, and the rest."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from sandbox.market import Market, Trade
from sandbox.model import STEP_MS, STEPS_PER_SECOND
from sandbox.okx import wire
from sandbox.okx.contracts import SWAP, family_of
from sandbox.rows import Order
from sandbox.shown import changes
from sandbox.sockets import Hub

LIQUIDATIONS = "liquidation-orders"
BOOK, BOOK_5, TOUCH = "books", "books5", "bbo-tbt"
DEPTHS = {BOOK: 400, BOOK_5: 5, TOUCH: 1}
EVERY_STEPS = {BOOK: 100 // STEP_MS, BOOK_5: 100 // STEP_MS, TOUCH: 1}  # between two messages
HEARTBEAT_STEPS = 60 * STEPS_PER_SECOND  # a book that does not change says so this often
EVERY_S = {"funding-rate": 30, "open-interest": 3}  # between two messages; all others come each second
MALFORMED = '{{"arg":{{"channel":"{channel}","instId":"{name}"}},"action":"update","data":[{{"asks":[["oops'
KINDS = {
    BOOK: "depth",
    BOOK_5: "depth",
    TOUCH: "bookTicker",
    "tickers": "ticker",
    "trades": "trade",
    "mark-price": "markPrice",
    "index-tickers": "markPrice",
    "funding-rate": "markPrice",
    "open-interest": "markPrice",
}


@dataclass(slots=True, kw_only=True)
class Shown:
    """What the subscribers of `books` have been told, and in which step."""

    sequence: int
    step: int
    bids: dict[int, int] = field(default_factory=dict)
    asks: dict[int, int] = field(default_factory=dict)


class Publisher:
    """One market's public channels."""

    def __init__(self, market: Market, hub: Hub) -> None:
        self.market = market
        self.hub = hub
        self.symbol = market.spec.symbol
        self.index = family_of(market.spec)
        self.skips = 0  # how many changes of `books` are still to be left out, for drills
        self._step = 0
        self._shown = Shown(sequence=0, step=0)
        self._rows: dict[str, Callable[[Market], dict[str, Any]]] = {
            "tickers": wire.ticker,
            "mark-price": wire.mark,
            "index-tickers": wire.index,
            "funding-rate": wire.funding,
            "open-interest": wire.open_interest,
        }

    def name_of(self, channel: str) -> str:
        """Give what a channel calls its subject."""
        return self.index if channel == "index-tickers" else self.symbol

    def stream(self, channel: str) -> str:
        """Give the name by which the sockets know a channel."""
        return f"{channel}:{self.name_of(channel)}"

    def begun(self, channel: str) -> None:
        """Begin anew with what a channel tells when it gains its first listener."""
        if channel == BOOK:
            self._shown = self._now()

    def first(self, channel: str) -> str | None:
        """Give what a new listener hears first, nothing where a channel waits for what happens."""
        if channel == BOOK:
            shown = self._shown
            bids, asks = sorted(shown.bids.items(), reverse=True), sorted(shown.asks.items())
            return self._book_text("snapshot", bids, asks, shown.sequence, -1)
        if channel in DEPTHS:
            return self._top_text(channel)
        told = self._rows.get(channel)
        return self._text(channel, told(self.market)) if told else None

    def step(self) -> None:
        """Send the books that are due in this step."""
        self._step += 1
        for channel, every in EVERY_STEPS.items():
            if self._step % every == 0 and self.hub.wants(self.stream(channel)):
                if channel == BOOK:
                    self._send_book()
                else:
                    self._send(channel, self._top_text(channel))

    def second(self, number: int) -> None:
        """Send statistics, mark and index, and now and then the funding rate and the open interest."""
        for channel, told in self._rows.items():
            if self.hub.wants(self.stream(channel)) and number % EVERY_S.get(channel, 1) == 0:
                self._send(channel, self._text(channel, told(self.market)))

    def quote(self) -> None:
        """Leave the touch to the channels of books."""

    def traded(self, trade: Trade) -> None:
        """Tell one trade."""
        if self.hub.wants(self.stream("trades")):
            row = wire.trade(self.market.spec, trade) | {"count": "1", "source": "0", "seqId": trade.id}
            self._send("trades", self._text("trades", row))

    def forced(self, order: Order) -> None:
        """Tell a liquidation to those who listen to all of them; `posSide` is of what was closed."""
        spec, stream = self.market.spec, f"{LIQUIDATIONS}:{SWAP}"
        if self.hub.wants(stream):
            row = wire.liquidation(spec, order)
            text = wire.message({"channel": LIQUIDATIONS, "instType": SWAP}, [row])
            self.hub.publish(stream, self.symbol, "trade", text)

    def aggregated(self, trade: Trade) -> None:
        """Leave aggregates: the venue has none."""

    def skip_depth(self, count: int) -> None:
        """Leave out the next changes of the book."""
        self.skips = count

    def spoil(self, kind: str) -> list[str]:
        """Send a broken text on the channels of a kind that somebody hears; give which."""
        heard = [channel for channel, of in KINDS.items() if of == kind and self.hub.wants(self.stream(channel))]
        for channel in heard:
            self._send(channel, MALFORMED.format(channel=channel, name=self.name_of(channel)))
        return [self.stream(channel) for channel in heard]

    def _send(self, channel: str, text: str) -> None:
        self.hub.publish(self.stream(channel), self.symbol, KINDS[channel], text)

    def _now(self) -> Shown:
        book, depth = self.market.book, DEPTHS[BOOK]
        bids, asks = dict(book.bids.top(depth)), dict(book.asks.top(depth))
        return Shown(sequence=book.update_id, step=self._step, bids=bids, asks=asks)

    def _send_book(self) -> None:
        before = self._shown
        is_same = before.sequence == self.market.book.update_id
        if is_same and self._step - before.step < HEARTBEAT_STEPS:
            return
        now = self._now()
        bids, asks = changes(before.bids, now.bids), changes(before.asks, now.asks)
        if not is_same and not bids and not asks:
            return  # what changed is deeper than what is shown: the ids wait for what is
        self._shown = now
        if self.skips:
            self.skips -= 1
            return
        self._send(BOOK, self._book_text("update", bids, asks, now.sequence, before.sequence))

    def _book_text(self, action: str, bids: wire.Rows, asks: wire.Rows, sequence: int, previous: int) -> str:
        row = wire.book(self.market.spec, bids, asks, self.market.now_ms)
        row |= {"checksum": 0, "seqId": sequence, "prevSeqId": previous}
        return self._text(BOOK, row, action)

    def _top_text(self, channel: str) -> str:
        book, depth = self.market.book, DEPTHS[channel]
        row = wire.book(self.market.spec, book.bids.top(depth), book.asks.top(depth), self.market.now_ms)
        return self._text(channel, row | {"instId": self.symbol, "seqId": book.update_id})

    def _text(self, channel: str, row: dict[str, Any], action: str = "") -> str:
        return wire.message({"channel": channel, "instId": self.name_of(channel)}, [row], action=action)
