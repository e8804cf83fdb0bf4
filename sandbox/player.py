"""Plays captures again, all in step: lines shifted to now, any speed, looping by disconnect and a new snapshot."""

import logging
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from typing import Any

from sandbox.deribit.contracts import DERIBIT
from sandbox.instruments import Spec, units_of
from sandbox.market import Market, Trade
from sandbox.replay import SPOT, Capture, NotACapture, events

log = logging.getLogger(__name__)

EVENTS_PER_STEP_MAX = 20_000
Levels = list[tuple[int, int]]


class Track:
    """One capture being read: hands out the messages up to a recorded time."""

    def __init__(self, capture: Capture) -> None:
        self.capture = capture
        self.rewind()

    def rewind(self) -> None:
        """Go back to the snapshot."""
        self._events: Iterator[tuple[int, str, dict[str, Any]]] = events(self.capture)
        self._next: tuple[int, str, dict[str, Any]] | None = None
        self.ended = False

    def until(self, at_ns: int) -> Iterator[tuple[str, dict[str, Any]]]:
        """Hand out the messages recorded up to a time, at most EVENTS_PER_STEP_MAX."""
        for _ in range(EVENTS_PER_STEP_MAX):
            if self._next is None:
                self._next = self._read()
            if self._next is None or self._next[0] > at_ns:
                return
            _, kind, data = self._next
            self._next = None
            yield kind, data

    def _read(self) -> tuple[int, str, dict[str, Any]] | None:
        try:
            return next(self._events)
        except StopIteration:
            self.ended = True
        except NotACapture as problem:
            log.error("the replay of a capture ends early: %s", problem)
            self.ended = True
        return None


class IndexPlayer:
    """The index price of a coin from its recorded spot book."""

    def __init__(self, track: Track) -> None:
        self.track = track
        snapshot = track.capture.snapshot
        self.price = (float(snapshot["bids"][0][0]) + float(snapshot["asks"][0][0])) / 2

    def play(self, at_ns: int) -> None:
        """Follow the recorded touch up to a time."""
        for kind, data in self.track.until(at_ns):
            if kind == "bookTicker":
                self.price = (float(data["b"]) + float(data["a"])) / 2


class Player(ABC):
    """One contract's book and tape from its recording; ids go on rising, through loops and restarts."""

    def __init__(self, track: Track, market: Market) -> None:
        self.track = track
        self.market = market
        self._pending: list[Trade] = []
        market.follows_recording = market.book.recorded = True
        self.open()

    @abstractmethod
    def open(self) -> None:
        """Take the recorded snapshot as the book."""

    @abstractmethod
    def live(self, kind: str, data: dict[str, Any], shifted: Callable[[int], int]) -> None:
        """Live through one message."""

    @abstractmethod
    def tell(self, trade: Trade, data: dict[str, Any], shifted: Callable[[int], int]) -> None:
        """Tell the venue's subscribers of a recorded trade."""

    def play(self, at_ns: int, shifted: Callable[[int], int]) -> None:
        """Live through the recording up to a time; `shifted` turns the venue's recorded time into today's."""
        try:
            for kind, data in self.track.until(at_ns):
                self.live(kind, data, shifted)
        except ValueError as problem:  # a price or a size finer than the contract's
            log.error("the replay of %s ends early: %s", self.track.capture.path.name, problem)
            self.track.ended = True
        self._close_aggregate()

    def begin(self, bids: Levels, asks: Levels, update_id: int) -> None:
        """Take a whole book; the orders that rested in the one before rest in it."""
        book = self.market.book
        rested = book.clear()
        book.apply(bids, asks, update_id)
        for resting in rested:
            book.rest(resting)
        self.market.residents.uncross(self.market)

    def levels(self, rows: Sequence[Sequence[str]]) -> Levels:
        """Read levels in whole ticks and steps."""
        spec: Spec = self.market.spec
        return [(units_of(price, spec.price_decimals), units_of(size, spec.quantity_decimals)) for price, size in rows]

    def note(self, bids: Levels, asks: Levels, told_ms: int) -> None:
        """Remember when the recording last spoke of the levels where orders rest."""
        for side, rows in ((self.market.book.bids, bids), (self.market.book.asks, asks)):
            for ticks, _ in rows if side.queues else ():
                if queue := side.queues.get(ticks * side.sign):
                    queue.told_ms = told_ms

    def trade(self, data: dict[str, Any], shifted: Callable[[int], int]) -> None:
        """Let a recorded trade reach the orders that rest, then print what they did not take of it."""
        market = self.market
        ((ticks, steps),) = self.levels([(data["p"], data["q"])])
        sign = 1 if data["m"] else -1
        if market.book.side(sign).queues:
            self._close_aggregate()
            taken = market.residents.printed(market, sign, ticks, steps, data["T"])
            if taken == steps:
                return
            steps -= taken
            data["q"] = market.spec.quantity_text(steps)
        trade_id = market.trade_ids.take()
        trade = Trade(
            id=trade_id,
            ticks=ticks,
            steps=steps,
            buyer_is_maker=data["m"],
            at_ms=shifted(data["T"]),
            first_id=trade_id,
            last_id=trade_id,
        )
        market.trades.append(trade)
        if self._pending and not _same_order(self._pending[-1], trade):
            self._close_aggregate()
        self._pending.append(trade)
        self.tell(trade, data, shifted)

    def _close_aggregate(self) -> None:
        if self._pending:
            self.market.aggregate(self._pending)
            self._pending = []


class TapePlayer(Player):
    """The other venues': the book and the trades are the recorded ones, the messages about them the venue's own.

    So its ids chain through every loop of the recording, and nobody has to begin anew.
    """

    def open(self) -> None:
        """Take the recorded snapshot as the book."""
        snapshot = self.track.capture.snapshot
        self.begin(self.levels(snapshot["bids"]), self.levels(snapshot["asks"]), self.market.book.update_id + 1)

    def live(self, kind: str, data: dict[str, Any], shifted: Callable[[int], int]) -> None:
        """Live through a whole book, a change of it, or a trade."""
        if kind == "trade":
            self.trade(data, shifted)
            return
        bids, asks, book = self.levels(data["b"]), self.levels(data["a"]), self.market.book
        if data["whole"]:
            self.begin(bids, asks, book.update_id + 1)
            return
        book.apply(bids, asks, book.update_id + 1)
        if book.touched:
            self.note(bids, asks, data["T"])
            self.market.residents.uncross(self.market)

    def tell(self, trade: Trade, data: dict[str, Any], shifted: Callable[[int], int]) -> None:
        """Let the venue tell it its own way."""
        self.market.listener.traded(trade)

    def levels(self, rows: Sequence[Sequence[str]]) -> Levels:
        """Read levels in whole ticks and steps; a venue that counts in USD has so many of them in a contract."""
        spec = self.market.spec
        in_contract = spec.contract_size if spec.venue == DERIBIT else Decimal(1)
        return [
            (
                units_of(price, spec.price_decimals) // spec.tick_units,
                units_of(f"{Decimal(size) / in_contract:f}", spec.quantity_decimals),
            )
            for price, size in rows
        ]


class Reel:
    """All captures on one clock. It begins at the latest snapshot and loops at the earliest end."""

    def __init__(self, found: Sequence[Capture], *, speed: float) -> None:
        self.speed = speed
        self._begin_ns = max(each.begin_ns for each in found)
        self._end_ns = min(each.end_ns for each in found)
        if self._begin_ns >= self._end_ns:
            raise NotACapture("expected captures of one and the same time, found none at which all were being recorded")
        self.indexes = {each.symbol[:3]: IndexPlayer(Track(each)) for each in found if each.venue == SPOT}
        self.spots = [each for each in found if each.venue == SPOT]
        self.captures = {(each.venue, each.symbol): each for each in found if each.venue != SPOT}
        self.players: list[Player] = []
        self.loops = 0
        self._begun_ms = 0

    def index(self, coin: str) -> float | None:
        """Give the coin's index price: its spot's, else the middle of a recorded contract, else None."""
        if coin in self.indexes:
            return self.indexes[coin].price
        for player in self.players:
            if player.market.spec.coin == coin:
                return player.market.mid
        return next(
            (
                (float(each.snapshot["bids"][0][0]) + float(each.snapshot["asks"][0][0])) / 2
                for (_, symbol), each in self.captures.items()
                if symbol.startswith(coin)
            ),
            None,
        )

    def play(self, now_ms: int) -> bool:
        """Live through what was recorded up to now; tell whether the reel began anew."""
        self._begun_ms = self._begun_ms or now_ms
        at_ns = self._begin_ns + int((now_ms - self._begun_ms) * 1_000_000 * self.speed)
        ended = at_ns >= self._end_ns or any(each.track.ended for each in self.players)
        if ended:
            at_ns = self._begin_ns
            self._begun_ms = now_ms
            self.loops += 1
            for track in (*(each.track for each in self.players), *(each.track for each in self.indexes.values())):
                track.rewind()
            for player in self.players:
                player.open()
        for index in self.indexes.values():
            index.play(at_ns)
        for player in self.players:
            player.play(at_ns, self._shift(player.track.capture))
        return ended

    def _shift(self, capture: Capture) -> Callable[[int], int]:
        """Give the function that turns a recorded time of the venue into today's."""
        begun_ms, speed = self._begun_ms, self.speed
        recorded_ms = self._begin_ns // 1_000_000 + capture.skew_ms
        return lambda at_ms: begun_ms + int((at_ms - recorded_ms) / speed)


def _same_order(first: Trade, second: Trade) -> bool:
    """Tell whether two trades came from one order at one price, as the venue aggregates them."""
    return (first.ticks, first.at_ms, first.buyer_is_maker) == (second.ticks, second.at_ms, second.buyer_is_maker)
