"""Market: Binance's public data as the bytes arrive.  bytes x time -> books, marks"""

from collections.abc import Callable, Iterable
from typing import Any, Final

from hedgeapp.core.instruments import Instrument
from marketdata.core import checks
from marketdata.core.books import BinanceInverse, BinanceLinear, BookLimits, SequenceRule
from marketdata.core.channels import ChannelName
from marketdata.core.checks import Bounds, Fault
from marketdata.core.tape import LiquidationSeen, TradeSeen
from marketdata.feeds.binance import messages
from marketdata.feeds.binance.messages import (
    AggregateTrade,
    BookTicker,
    DepthUpdate,
    Liquidation,
    MarkPrice,
    OpenInterest,
    SpotDepthUpdate,
)
from marketdata.feeds.public import market
from marketdata.feeds.public.market import UNREADABLE, Line, Reply, malformed

Taker = Callable[[Line, Any, int], Fault | None]

CHANNELS: Final[dict[type, ChannelName]] = {
    DepthUpdate: "book",
    SpotDepthUpdate: "book",
    BookTicker: "quote",
    AggregateTrade: "trade",
    MarkPrice: "mark",
    Liquidation: "liquidation",
}
INTEREST_AGE_MS_MAX: Final = 120_000  # the venue reckons it every so often, not when it is asked


class Market(market.Market):
    """All contracts of one Binance venue; `decode` makes a message of bytes, `kinds` are what it knows."""

    decode: Callable[[bytes | str], Any] = staticmethod(messages.message)
    kinds: frozenset[str] = messages.KINDS

    def __init__(
        self,
        venue: str,
        instruments: Iterable[Instrument],
        *,
        bounds: Bounds | None = None,
        limits: BookLimits | None = None,
    ) -> None:
        super().__init__(venue, instruments, bounds=bounds, limits=limits)
        self._taken = {kind: (self.channels[CHANNELS[kind]], take) for kind, take in self._takers().items()}

    def rule_of(self, instrument: Instrument) -> SequenceRule:
        """Return the rule of the instrument's interface."""
        return BinanceLinear() if instrument.kind == "linear" else BinanceInverse()

    def _takers(self) -> dict[type, Taker]:
        """Return what is done with each kind of message."""
        return {
            DepthUpdate: self._take_depth,
            BookTicker: self._take_ticker,
            AggregateTrade: self._take_trade,
            MarkPrice: self._take_mark_price,
            Liquidation: self._take_liquidation,
        }

    def receive(self, raw: bytes | str, received_ms: int) -> Reply | None:
        """Take one message of a stream; return the venue's answer, if it is one to a request."""
        try:
            message = self.decode(raw)
        except UNREADABLE as error:
            self._others.count += 1
            self._others.last_ms = received_ms
            return self._receive_other(raw, received_ms, error)
        channel, take = self._taken[type(message)]
        channel.count += 1
        channel.last_ms = received_ms
        line = self._lines.get(message.symbol) or self._line_of(message.symbol, raw, received_ms)
        if line is None:
            return None
        lead_ms = message.at_ms - received_ms
        if lead_ms > self.drift.lead_ms:
            self.drift.lead_ms = lead_ms
        if self._behind_ms <= lead_ms <= self._ahead_ms:
            taken = take(line, message, received_ms)
        else:
            taken = checks.in_time(line.instrument.id, message.at_ms, received_ms, self._bounds)
        if taken is not None:
            self._refuse(raw, received_ms, taken)
        return None

    def load(self, symbol: str, raw: bytes, received_ms: int) -> Fault | None:
        """Take a snapshot of the book that the venue calls `symbol`."""
        line = self._lines[symbol]
        try:
            snapshot = messages.snapshot(raw)
        except UNREADABLE as error:
            fault: Fault | None = malformed(line.instrument.id, "a snapshot of a book", error)
        else:
            fault = line.book.load(snapshot.last_id, snapshot.bids, snapshot.asks)
        if fault is None:
            self.counters["resyncs"] += line.is_resync
            line.is_resync = True
        else:
            self._refuse(raw, received_ms, fault)
        return fault

    def take_interest(self, symbol: str, raw: bytes, received_ms: int) -> Fault | None:
        """Take what everybody holds of the contract that the venue calls `symbol`.

        A fault says nothing of prices: it is not counted against the venue.
        """
        line = self._lines[symbol]
        try:
            told = messages.open_interest(raw)
        except UNREADABLE as error:
            fault: Fault | None = malformed(line.instrument.id, "an open interest", error)
        else:
            fault = _interest_fault(line, told, received_ms + self._ahead_ms, received_ms - INTEREST_AGE_MS_MAX)
        if fault is None:
            line.open_interest = told.quantity * float(line.instrument.contract_size)
        return fault

    def forget_interest(self, symbol: str) -> None:
        """Forget what everybody holds of `symbol`: the venue was asked again and did not tell."""
        self._lines[symbol].open_interest = None

    def _receive_other(self, raw: bytes | str, received_ms: int, error: Exception) -> Reply | None:
        """Sort out what is no message of ours: an answer, an event that we do not take, or malformed."""
        try:
            answer = messages.answer(raw)
            if answer.id is not None or answer.error is not None:
                return Reply(refusal=(answer.error.msg or str(answer.error.code)) if answer.error else "")
        except UNREADABLE:
            pass
        fault = malformed(self.venue, "a message of a stream", error)
        try:
            kind = messages.named(raw).kind
            if kind not in self.kinds:
                expected = f"one of {', '.join(sorted(self.kinds))}"
                fault = Fault(kind="unknown_event", subject=self.venue, expected=expected, found=kind[:40])
        except UNREADABLE:
            pass
        self._refuse(raw, received_ms, fault)
        return None

    def _take_depth(self, line: Line, delta: DepthUpdate, received_ms: int) -> Fault | None:
        book, line.book_ms = line.book, (delta.at_ms, received_ms)
        before = book.bids.touch
        fault = book.apply(delta)
        # The comparison saves the call for nearly every message.
        if fault is None and book.bids.touch != before:
            fault = self._touch_fault(line, before)
        return fault

    def _take_ticker(self, line: Line, ticker: BookTicker, received_ms: int) -> Fault | None:
        bid, ask = float(ticker.bid), float(ticker.ask)
        fault = (
            self._price_fault(line, "bid", bid, received_ms)
            or self._price_fault(line, "ask", ask, received_ms)
            or checks.on_tick(line.instrument.id, bid, line.tick)
            or checks.on_tick(line.instrument.id, ask, line.tick)
            or checks.uncrossed(line.instrument.id, bid, ask)
        )
        if fault is None:
            self._keep(line, "bid", ticker.bid, ticker.at_ms, received_ms)
            self._keep(line, "ask", ticker.ask, ticker.at_ms, received_ms)
        return fault

    def _take_trade(self, line: Line, trade: AggregateTrade, received_ms: int) -> Fault | None:
        before, line.trade_id = line.trade_id, trade.trade_id
        fault = self._price_fault(line, "trade", trade.price, received_ms) or checks.on_tick(
            line.instrument.id, trade.price, line.tick
        )
        if fault is not None:
            return fault
        line.prices["trade"] = (trade.price, received_ms)
        self.roll.trade(
            TradeSeen(
                instrument=line.instrument.id,
                at_ms=trade.at_ms,
                received_ms=received_ms,
                trade_id=str(trade.trade_id),
                side="sell" if trade.buyer_is_maker else "buy",
                price=trade.price,
                quantity=trade.quantity,
            )
        )
        if before is None or trade.trade_id == before + 1:
            return None
        return Fault(
            kind="gap", subject=line.instrument.id, expected=f"trade {before + 1}", found=f"trade {trade.trade_id}"
        )

    def _take_mark_price(self, line: Line, marks: MarkPrice, received_ms: int) -> Fault | None:
        fault = self._price_fault(line, "mark", float(marks.mark), received_ms)
        if fault is None and marks.index is not None:
            fault = self._price_fault(line, "index", float(marks.index), received_ms)
        if fault is not None:
            return fault
        self._keep(line, "mark", marks.mark, marks.at_ms, received_ms)
        if marks.index is not None:
            self._keep(line, "index", marks.index, marks.at_ms, received_ms)
        if marks.funding_rate and marks.funding_at_ms:
            return self._keep_funding(line, marks.funding_rate, marks.funding_at_ms, marks.at_ms, received_ms)
        return None

    def _take_liquidation(self, line: Line, told: Liquidation, received_ms: int) -> Fault | None:
        order = told.order
        self.roll.liquidation(
            LiquidationSeen(
                instrument=line.instrument.id,
                at_ms=told.at_ms,
                received_ms=received_ms,
                side="buy" if order.side == "BUY" else "sell",
                price=order.average,
                quantity=order.filled,
            )
        )
        return None


def _interest_fault(line: Line, told: OpenInterest, until_ms: int, since_ms: int) -> Fault | None:
    """Refuse an open interest of another contract, or of another time."""
    subject, symbol = line.instrument.id, line.instrument.venue_symbol
    if told.symbol != symbol:
        return Fault(kind="malformed", subject=subject, expected=f"that of {symbol}", found=f"of {told.symbol[:40]}")
    if since_ms <= told.at_ms <= until_ms:
        return None
    expected = f"an open interest from {since_ms} to {until_ms} ms"
    return Fault(kind="clock", subject=subject, expected=expected, found=f"{told.at_ms} ms")
