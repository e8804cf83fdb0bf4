"""Market: one venue's public data as the bytes arrive, without a socket or a clock.  bytes x time -> books, marks

What is refused is counted, named and kept in a bounded quarantine; nothing that a venue sends can raise.
"""

from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final, Literal

import msgspec

from hedgeapp.core.instruments import Instrument
from hedgeapp.core.marks import Mark, MarkKind
from hedgeapp.core.records import record
from marketdata.core import checks
from marketdata.core.books import BinanceInverse, BinanceLinear, Book, BookLimits
from marketdata.core.checks import Bounds, Fault
from marketdata.core.reference import Spelling
from marketdata.feeds.binance import messages
from marketdata.feeds.binance.messages import AggregateTrade, Answer, BookTicker, DepthUpdate, MarkPrice

QUARANTINE_MAX: Final = 100  # refused messages that are kept
QUARANTINE_BYTES_MAX: Final = 4_096  # of each of them

# Faults that mean a message is missing, rather than that one is wrong.
_GAPS: Final = frozenset({"gap", "too_old", "buffer_full"})
_EPOCH: Final = datetime.fromtimestamp(0, UTC)
_message: Final = messages.message
_UNREADABLE: Final = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)

PriceKind = MarkKind | Literal["trade"]


@record
class Refused:
    """A message that was refused: its first bytes, when it came, why."""

    raw: bytes
    received_ms: int
    fault: Fault


class Line:
    """What is known of one instrument now."""

    __slots__ = ("book", "book_ms", "instrument", "is_resync", "marks", "prices", "tick", "trade_id")

    def __init__(self, instrument: Instrument, limits: BookLimits) -> None:
        self.instrument = instrument
        self.tick = float(instrument.tick_size)
        rule = BinanceLinear() if instrument.kind == "linear" else BinanceInverse()
        self.book = Book(instrument.id, rule, instrument.tick_size, limits)
        self.book_ms = (0, 0)  # the venue's time of its last delta, and ours
        self.is_resync = False  # whether a next snapshot is not the first one
        self.trade_id: int | None = None
        self.marks: dict[MarkKind, tuple[str, int, int]] = {}  # text of the value, its time, when it came, in ms
        self.prices: dict[PriceKind, tuple[float, int]] = {}  # the last price of each kind, when it came in ms


class Market:
    """All instruments of one venue: books by sequence rule, the latest marks, counters, quarantine."""

    def __init__(
        self,
        venue: str,
        instruments: Iterable[Instrument],
        *,
        bounds: Bounds | None = None,
        limits: BookLimits | None = None,
    ) -> None:
        self.venue = venue
        self.spelling = Spelling(instruments)
        self.message_count = 0
        self.counters: Counter[str] = Counter(gaps=0, resyncs=0, refused=0)
        self.last_fault = ""
        self.last_message_ms: int | None = None
        self.quarantine: deque[Refused] = deque(maxlen=QUARANTINE_MAX)
        self._bounds = bounds or Bounds()
        # A comparison here saves the call of a check for nearly every message.
        self._behind_ms, self._ahead_ms = -self._bounds.clock_behind_ms_max, self._bounds.clock_ahead_ms_max
        self._limits = limits or BookLimits()
        self._lines = {
            symbol: Line(instrument, self._limits) for symbol, instrument in self.spelling.instruments.items()
        }
        self._changed: dict[tuple[str, MarkKind], None] = {}  # a set that keeps its order
        self._takers: dict[type, Callable[[Line, Any, int], Fault | None]] = {
            DepthUpdate: self._take_depth,
            BookTicker: self._take_ticker,
            AggregateTrade: self._take_trade,
            MarkPrice: self._take_mark_price,
        }

    @property
    def books(self) -> Mapping[str, Book]:
        """The books by the venue's symbol; only to be read while they run."""
        return {symbol: line.book for symbol, line in self._lines.items()}

    def receive(self, raw: bytes | str, received_ms: int) -> Answer | None:
        """Take one message of a stream; return the venue's answer, if it is one to a request."""
        self.message_count += 1
        self.last_message_ms = received_ms
        try:
            message = _message(raw)
        except _UNREADABLE as error:
            return self._receive_other(raw, received_ms, error)
        line = self._lines.get(message.symbol)
        if line is None:
            expected = f"one of {', '.join(sorted(self._lines))}"
            fault = Fault(kind="unknown_symbol", subject=self.venue, expected=expected, found=message.symbol[:40])
            self._refuse(raw, received_ms, fault)
            return None
        if self._behind_ms <= message.at_ms - received_ms <= self._ahead_ms:
            taken = self._takers[type(message)](line, message, received_ms)
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
        except _UNREADABLE as error:
            fault: Fault | None = _malformed(line.instrument.id, "a snapshot of a book", error)
        else:
            fault = line.book.load(snapshot.last_id, snapshot.bids, snapshot.asks)
        if fault is None:
            self.counters["resyncs"] += line.is_resync
            line.is_resync = True
        else:
            self._refuse(raw, received_ms, fault)
        return fault

    def wipe_books(self) -> None:
        """Forget all books and trade ids, as after a reconnect."""
        for line in self._lines.values():
            line.book.wipe()
            line.trade_id = None

    def wanted(self) -> list[str]:
        """Return the venue's symbols whose books wait for a snapshot."""
        return [symbol for symbol, line in self._lines.items() if line.book.wants_snapshot]

    def changed(self) -> list[Mark]:
        """Return the marks that changed since the last call, each once, with its latest value."""
        changed, self._changed = self._changed, {}
        return [self._mark(self._lines[symbol], kind) for symbol, kind in changed]

    def marks(self) -> list[Mark]:
        """Return the latest of every mark."""
        return [self._mark(line, kind) for line in self._lines.values() for kind in line.marks]

    def book_times(self, symbol: str) -> tuple[datetime, datetime]:
        """Return the venue's time of a book's latest change, and ours."""
        at_ms, received_ms = self._lines[symbol].book_ms
        return _datetime(at_ms), _datetime(received_ms)

    def stale(self, at_ms: int, age_ms_max: Mapping[MarkKind, int]) -> str:
        """Return what is missing or older than its budget, in a sentence; empty when nothing is."""
        complaints = []
        for line in self._lines.values():
            if not line.instrument.is_trading:
                continue
            for kind, budget_ms in age_ms_max.items():
                if kind not in line.marks:
                    complaints.append(f"no {kind} of {line.instrument.id} yet")
                elif (age_ms := at_ms - line.marks[kind][2]) > budget_ms:
                    complaints.append(f"{kind} of {line.instrument.id} is {age_ms / 1000:.1f} s old")
            if not line.book.is_running:
                complaints.append(f"no book of {line.instrument.id}")
        return "; ".join(complaints[:3]) + ("; …" if len(complaints) > 3 else "")

    def _mark(self, line: Line, kind: MarkKind) -> Mark:
        text, at_ms, received_ms = line.marks[kind]
        return Mark(
            subject=line.instrument.id,
            kind=kind,
            value=Decimal(text),
            at=_datetime(at_ms),
            received_at=_datetime(received_ms),
            source=self.venue,
        )

    def _receive_other(self, raw: bytes | str, received_ms: int, error: Exception) -> Answer | None:
        """Sort out what is no message of ours: an answer, an event that we do not take, or malformed."""
        try:
            answer = messages.answer(raw)
            if answer.id is not None or answer.error is not None:
                return answer
        except _UNREADABLE:
            pass
        fault = _malformed(self.venue, "a message of a stream", error)
        try:
            kind = messages.named(raw).kind
            if kind not in messages.KINDS:
                expected = f"one of {', '.join(sorted(messages.KINDS))}"
                fault = Fault(kind="unknown_event", subject=self.venue, expected=expected, found=kind[:40])
        except _UNREADABLE:
            pass
        self._refuse(raw, received_ms, fault)
        return None

    def _take_depth(self, line: Line, delta: DepthUpdate, received_ms: int) -> Fault | None:
        book, line.book_ms = line.book, (delta.at_ms, received_ms)
        bids = book.bids
        before = bids.touch
        fault = book.apply(delta)
        # What did not move cannot have jumped, and what was empty had no price to jump from.
        if bids.touch != before and fault is None and book.is_running and before > 0:
            fault = checks.steady(line.instrument.id, bids.touch, before, self._bounds)
            if fault is not None:
                book.wipe()
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
            funding_at = f"{marks.funding_at_ms // 1000}.{marks.funding_at_ms % 1000:03d}"
            self._keep(line, "funding_rate", marks.funding_rate, marks.at_ms, received_ms)
            self._keep(line, "funding_at", funding_at, marks.at_ms, received_ms)
        return None

    def _price_fault(self, line: Line, kind: PriceKind, price: float, received_ms: int) -> Fault | None:
        """Check a price, also against the last one of its kind while that is young enough."""
        fault = checks.positive(line.instrument.id, price)
        before = line.prices.get(kind)
        if fault is None and before is not None and received_ms - before[1] <= self._bounds.jump_memory_ms:
            fault = checks.steady(line.instrument.id, price, before[0], self._bounds)
        return fault

    def _keep(self, line: Line, kind: MarkKind, text: str, at_ms: int, received_ms: int) -> None:
        """Keep a mark unless a later one is there."""
        before = line.marks.get(kind)
        if before is not None and at_ms < before[1]:
            return
        line.marks[kind] = (text, at_ms, received_ms)
        line.prices[kind] = (float(text), received_ms)
        self._changed[line.instrument.venue_symbol, kind] = None

    def _refuse(self, raw: bytes | str, received_ms: int, fault: Fault) -> None:
        self.counters["gaps" if fault.kind in _GAPS else "refused"] += 1
        self.last_fault = str(fault)
        head = (raw.encode(errors="replace") if isinstance(raw, str) else raw)[:QUARANTINE_BYTES_MAX]
        self.quarantine.append(Refused(raw=head, received_ms=received_ms, fault=fault))


def _malformed(subject: str, expected: str, error: Exception) -> Fault:
    return Fault(kind="malformed", subject=subject, expected=expected, found=str(error)[:200])


def _datetime(milliseconds: int) -> datetime:
    return _EPOCH + timedelta(milliseconds=milliseconds)
