"""Plays a capture of Binance: its recorded messages are told again as they were, shifted to now."""

from collections.abc import Callable
from typing import Any

import msgspec

from sandbox.binance.publisher import Publisher
from sandbox.binance.wire import depth_update
from sandbox.market import Market, Trade
from sandbox.player import Player, Track


class BookPlayer(Player):
    """Binance's: its recorded messages are told again as they were, wherever the book is still theirs."""

    def __init__(self, track: Track, market: Market, publisher: Publisher) -> None:
        self.publisher = publisher
        self._offset = 0
        self._snapshot_id = 0
        super().__init__(track, market)

    def open(self) -> None:
        """Take the recorded snapshot as the book."""
        snapshot = self.track.capture.snapshot
        self._snapshot_id = int(snapshot["lastUpdateId"])
        self._offset = max(0, self.market.book.update_id + 1 - self._snapshot_id)
        bids, asks = self.levels(snapshot["bids"]), self.levels(snapshot["asks"])
        self.begin(bids, asks, self._snapshot_id + self._offset)

    def live(self, kind: str, data: dict[str, Any], shifted: Callable[[int], int]) -> None:
        """Live through one message of a stream."""
        if kind.startswith("depth"):
            self._depth(data, shifted)
        elif kind == "trade":
            if data.get("X", "MARKET") == "MARKET":  # insurance fund and ADL prints are no trades of the book
                self.trade(data, shifted)
        elif kind == "bookTicker" and self.publisher.hears("bookTicker"):
            self._quote(data, shifted)

    def tell(self, trade: Trade, data: dict[str, Any], shifted: Callable[[int], int]) -> None:
        """Tell the message again, under the trade's new id."""
        if self.publisher.hears("trade"):
            data["t"] = trade.id
            self._tell("trade", data, shifted)

    def _depth(self, data: dict[str, Any], shifted: Callable[[int], int]) -> None:
        book = self.market.book
        if data["u"] < self._snapshot_id:
            return
        told, previous_id = book.diffs.get(0), book.update_id
        recorded = not book.touched and (told is None or told.previous_id == previous_id)
        last_id = max(previous_id + 1, data["u"] + self._offset)
        bids, asks = self.levels(data["b"]), self.levels(data["a"])
        book.apply(bids, asks, last_id)
        if book.touched:
            self.note(bids, asks, data["T"])
            self.market.residents.uncross(self.market)
        if not self.publisher.hears("depth@0ms"):
            return
        diff = book.take_diff(0)
        if recorded:
            data["U"], data["u"], data["pu"] = previous_id + 1, last_id, previous_id
            self._tell("depth@0ms", data, shifted)
        elif diff is not None:
            self.publisher.raw("depth@0ms", depth_update(self.market, diff))

    def _quote(self, data: dict[str, Any], shifted: Callable[[int], int]) -> None:
        """Tell the recorded touch, or the book's own where orders of accounts made it another."""
        if self.market.book.touched:
            self.publisher.quote()
            return
        data["u"] += self._offset
        self._tell("bookTicker", data, shifted)

    def _tell(self, kind: str, data: dict[str, Any], shifted: Callable[[int], int]) -> None:
        data["E"], data["T"] = shifted(data["E"]), shifted(data["T"])
        self.publisher.raw(kind, msgspec.json.encode(data).decode())
