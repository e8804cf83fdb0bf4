"""Market: Bybit's public data as the bytes arrive.  bytes x time -> books, marks

Source: Bybit's API documentation, v5, WebSocket public: `u` is consecutive on each topic, a message of `u` 1 replaces
the book (their service restarted), and a field that a ticker's delta leaves out has not changed.
"""

import re
from collections.abc import Callable, Iterable
from typing import Any, Final

import msgspec

from hedgeapp.core.instruments import Instrument
from hedgeapp.core.marks import MarkKind
from marketdata.core import checks
from marketdata.core.books import BookLimits, InStream, SequenceRule
from marketdata.core.channels import ChannelName
from marketdata.core.checks import Bounds, Fault
from marketdata.core.tape import LiquidationSeen, TradeSeen
from marketdata.feeds.bybit import messages
from marketdata.feeds.bybit.messages import BookMessage, ForcedMessage, TickerMessage, TradesMessage
from marketdata.feeds.public import market
from marketdata.feeds.public.market import UNREADABLE, Line, Reply, malformed

CHANNELS: Final[dict[type, ChannelName]] = {
    BookMessage: "book",
    TickerMessage: "mark",
    TradesMessage: "trade",
    ForcedMessage: "liquidation",
}
RESTARTED: Final = 1  # the update id of a book that the venue's service began anew
TICKER_KINDS: Final[tuple[MarkKind, ...]] = ("mark", "index")

_BOOK_HEADS: Final = (b'{"topic":"orderbook.', '{"topic":"orderbook.')  # how nearly every message begins
_HEAD: Final = 256  # characters of a torn message in which its topic is looked for
_TORN_TOPIC: Final = re.compile(r'"topic" ?: ?"(\w+)\.(?:\d+\.)?([\w-]+)"')


class Market(market.Market):
    """All linear and inverse instruments of Bybit; quotes are the touch of its books."""

    hears = frozenset(CHANNELS.values())

    def __init__(
        self,
        venue: str,
        instruments: Iterable[Instrument],
        *,
        bounds: Bounds | None = None,
        limits: BookLimits | None = None,
    ) -> None:
        super().__init__(venue, instruments, bounds=bounds, limits=limits)
        self._sequences: dict[str, int] = {}
        self._tickers: dict[str, dict[str, str]] = {}  # merged fields of each ticker that begins with a snapshot
        takers: dict[type, Callable[[Line, Any, int], Fault | None]] = {
            BookMessage: self._take_book,
            TickerMessage: self._take_ticker,
            TradesMessage: self._take_trades,
            ForcedMessage: self._take_forced,
        }
        self._taken = {kind: (self.channels[name], takers[kind]) for kind, name in CHANNELS.items()}

    def rule_of(self, instrument: Instrument) -> SequenceRule:
        """Return the rule of streams that begin with a snapshot."""
        return InStream()

    def wanted(self) -> list[str]:
        """Return the venue's symbols whose book or ticker has to begin anew."""
        return [
            symbol for symbol, line in self._lines.items() if not line.book.is_running or symbol not in self._tickers
        ]

    def wipe_books(self) -> None:
        """Forget all books and what tickers were merged from, as after a reconnect."""
        super().wipe_books()
        self._tickers.clear()

    def receive(self, raw: bytes | str, received_ms: int) -> Reply | None:
        """Take one message of a socket; return the venue's answer, if it is one to a subscription."""
        try:
            is_book = raw.startswith(_BOOK_HEADS[isinstance(raw, str)])  # type: ignore[arg-type]
            message = messages.book(raw) if is_book else self._decoded(raw)
        except UNREADABLE as error:
            self._others.count += 1
            self._others.last_ms = received_ms
            return self._receive_other(raw, received_ms, error)
        channel, take = self._taken[type(message)]
        channel.count += 1
        channel.last_ms = received_ms
        symbol = message.data[0].symbol if isinstance(message.data, list) else message.data.symbol
        line = self._lines.get(symbol) or self._line_of(symbol, raw, received_ms)
        if line is None:
            return None
        lead_ms = message.at_ms - received_ms
        if lead_ms > self.drift.lead_ms:
            self.drift.lead_ms = lead_ms
        if not message.topic.endswith("." + symbol):
            expected, found = f"a message of {message.topic[:60]}", f"one of {symbol[:40]}"
            taken: Fault | None = Fault(kind="malformed", subject=line.instrument.id, expected=expected, found=found)
        elif self._behind_ms <= lead_ms <= self._ahead_ms:
            taken = take(line, message, received_ms)
        else:
            taken = checks.in_time(line.instrument.id, message.at_ms, received_ms, self._bounds)
        if taken is not None:
            if type(message) is TickerMessage:
                self._tickers.pop(symbol, None)  # what it left unsaid can no longer be told
            self._refuse(raw, received_ms, taken)
        return None

    def _decoded(self, raw: bytes | str) -> Any:
        kind = messages.topic(raw).topic.partition(".")[0]
        if kind not in messages.DECODERS:
            raise msgspec.ValidationError(f"Unknown topic {kind[:40]}")
        return messages.DECODERS[kind](raw)

    def _receive_other(self, raw: bytes | str, received_ms: int, error: Exception) -> Reply | None:
        """Sort out what is no message of ours: an answer, a topic that we did not ask for, or malformed."""
        try:
            answer = messages.answer(raw)
        except UNREADABLE:
            pass
        else:
            if not answer.success:
                return Reply(refusal=answer.ret_msg[:200] or answer.op[:40] or "without a reason")
            return Reply() if answer.op == "subscribe" else None
        fault = malformed(self.venue, "a message of a topic", error)
        try:
            kind = messages.topic(raw).topic.partition(".")[0]
            if kind not in messages.DECODERS:
                expected = f"one of {', '.join(messages.DECODERS)}"
                fault = Fault(kind="unknown_event", subject=self.venue, expected=expected, found=kind[:40])
        except UNREADABLE:
            pass
        self._doubt_tickers(raw, fault)
        self._refuse(raw, received_ms, fault)
        return None

    def _doubt_tickers(self, raw: bytes | str, fault: Fault) -> None:
        """Forget the tickers that an unreadable message may have changed; books find out by their ids."""
        if fault.kind != "malformed":
            return
        head = raw[:_HEAD] if isinstance(raw, str) else raw[:_HEAD].decode(errors="replace")
        named = _TORN_TOPIC.search(head)
        if named is None or named[2] not in self._lines:
            self._tickers.clear()
        elif named[1] == "tickers":
            self._tickers.pop(named[2], None)

    def _take_book(self, line: Line, message: BookMessage, received_ms: int) -> Fault | None:
        delta, book, symbol = message.data, line.book, message.data.symbol
        if message.type == "snapshot" or delta.last_id == RESTARTED:
            fault = book.begin(delta.last_id, delta.bids, delta.asks)
            self.counters["resyncs"] += line.is_resync and fault is None
            line.is_resync = True
        elif not book.is_running:
            return None  # of before the snapshot that was asked for
        elif delta.sequence < self._sequences[symbol]:
            book.wipe()
            expected, found = f"a sequence from {self._sequences[symbol]} on", str(delta.sequence)
            return Fault(kind="gap", subject=line.instrument.id, expected=expected, found=found)
        else:
            fault = book.apply(delta)
        if fault is not None:
            return fault
        line.book_ms = (message.at_ms, received_ms)
        self._sequences[symbol] = delta.sequence
        return self._take_touch(line, message.at_ms, received_ms)

    def _take_ticker(self, line: Line, message: TickerMessage, received_ms: int) -> Fault | None:
        ticker, symbol = message.data, message.data.symbol
        known = {} if message.type == "snapshot" else self._tickers.get(symbol)
        if known is None:
            return None  # of before the snapshot that was asked for
        for kind in TICKER_KINDS:
            text = getattr(ticker, kind)
            if text is not None and (fault := self._price_fault(line, kind, float(text), received_ms)):
                return fault
        if ticker.funding_rate and (
            fault := checks.capped(line.instrument.id, float(ticker.funding_rate), self._bounds)
        ):
            return fault
        said = {name: text for name in ticker.__struct_fields__ if (text := getattr(ticker, name)) is not None}
        self._tickers[symbol] = known = {**known, **said}
        # What a delta leaves out has not changed: it is as young as the delta.
        for kind in TICKER_KINDS:
            if kind in known:
                self._keep(line, kind, known[kind], message.at_ms, received_ms)
        if "open_interest" in known:
            line.open_interest = float(known["open_interest"]) if known["open_interest"] else None
        rate, due = known.get("funding_rate"), int(known.get("funding_at_ms") or 0)
        if rate and due:
            return self._keep_funding(line, rate, due, message.at_ms, received_ms)
        return None

    def _take_trades(self, line: Line, message: TradesMessage, received_ms: int) -> Fault | None:
        for trade in message.data:
            fault = (
                _fault_of_row(line, trade.symbol)
                or checks.in_time(line.instrument.id, trade.at_ms, received_ms, self._bounds)
                or self._price_fault(line, "trade", trade.price, received_ms)
                or checks.on_tick(line.instrument.id, trade.price, line.tick)
            )
            if fault is not None:
                return fault
            line.prices["trade"] = (trade.price, received_ms)
            self.roll.trade(
                TradeSeen(
                    instrument=line.instrument.id,
                    at_ms=trade.at_ms,
                    received_ms=received_ms,
                    trade_id=trade.trade_id,
                    side="buy" if trade.side == "Buy" else "sell",
                    price=trade.price,
                    quantity=trade.quantity,
                )
            )
        return None

    def _take_forced(self, line: Line, message: ForcedMessage, received_ms: int) -> Fault | None:
        for row in message.data:
            fault = _fault_of_row(line, row.symbol) or checks.in_time(
                line.instrument.id, row.at_ms, received_ms, self._bounds
            )
            if fault is not None:
                return fault
            self.roll.liquidation(
                LiquidationSeen(
                    instrument=line.instrument.id,
                    at_ms=row.at_ms,
                    received_ms=received_ms,
                    side="sell" if row.position == "Buy" else "buy",  # what closes a long position sells it
                    price=row.price,
                    quantity=row.quantity,
                )
            )
        return None


def _fault_of_row(line: Line, symbol: str) -> Fault | None:
    if symbol == line.instrument.venue_symbol:
        return None
    expected = f"rows of {line.instrument.venue_symbol} only"
    return Fault(kind="malformed", subject=line.instrument.id, expected=expected, found=symbol[:40])
