"""Market: OKX's public data as the bytes arrive.  bytes x time -> books, marks

Source: OKX's API documentation, v5, WebSocket public: a change of a book names the id of the one before, whether ids
grow or begin anew lower after a maintenance; one that has the id of the one before says that nothing changed.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

import msgspec

from hedgeapp.core.instruments import Instrument
from marketdata.core import checks
from marketdata.core.books import BookLimits, InStream, SequenceRule
from marketdata.core.channels import ChannelName
from marketdata.core.checks import Bounds, Fault
from marketdata.core.tape import LiquidationSeen, TradeSeen
from marketdata.feeds.okx import checksum, messages
from marketdata.feeds.okx.messages import (
    BookMessage,
    Depth,
    ForcedMessage,
    Funding,
    FundingMessage,
    Index,
    IndexMessage,
    MarkMessage,
    MarkPrice,
    OpenInterest,
    OpenInterestMessage,
    Trade,
    TradesMessage,
)
from marketdata.feeds.public import market
from marketdata.feeds.public.market import UNREADABLE, Line, Reply, malformed

CHANNELS: Final[dict[type, ChannelName]] = {
    BookMessage: "book",
    TradesMessage: "trade",
    MarkMessage: "mark",
    IndexMessage: "mark",
    FundingMessage: "mark",
    OpenInterestMessage: "mark",
    ForcedMessage: "liquidation",
}
PONGS: Final = (b"pong", "pong")

_BOOK_HEADS: Final = (b'{"arg":{"channel":"books"', '{"arg":{"channel":"books"')  # how nearly every message begins

Take = Callable[[Line, Any, int], Fault | None]


class Market(market.Market):
    """All linear and inverse instruments of OKX."""

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
        by_symbol: dict[str, Sequence[Line]] = {symbol: (line,) for symbol, line in self._lines.items()}
        by_index: dict[str, Sequence[Line]] = {}
        for line in self._lines.values():
            name = index_of(line.instrument)
            by_index[name] = (*by_index.get(name, ()), line)
        # Where the subject of each kind of rows is looked up, and what is done with one of them.
        self._rows: dict[type, tuple[Mapping[str, Sequence[Line]], Take]] = {
            TradesMessage: (by_symbol, self._take_trade),
            MarkMessage: (by_symbol, self._take_mark),
            IndexMessage: (by_index, self._take_index),
            FundingMessage: (by_symbol, self._take_funding),
            OpenInterestMessage: (by_symbol, self._take_open_interest),
        }

    def rule_of(self, instrument: Instrument) -> SequenceRule:
        """Return the rule of streams that begin with a snapshot."""
        return InStream()

    def wanted(self) -> list[str]:
        """Return the venue's symbols whose book has to begin anew."""
        return [symbol for symbol, line in self._lines.items() if not line.book.is_running]

    def receive(self, raw: bytes | str, received_ms: int) -> Reply | None:
        """Take one message of a socket; return the venue's answer, if it is one to a subscription."""
        try:
            is_book = raw.startswith(_BOOK_HEADS[isinstance(raw, str)])  # type: ignore[arg-type]
            message: Any = messages.book(raw) if is_book else self._decoded(raw)
        except UNREADABLE as error:
            self._others.count += 1
            self._others.last_ms = received_ms
            return self._receive_other(raw, received_ms, error)
        kind = type(message)
        channel = self.channels[CHANNELS[kind]]
        channel.count += 1
        channel.last_ms = received_ms
        if kind is BookMessage:
            line = self._lines.get(message.arg.symbol) or self._line_of(message.arg.symbol, raw, received_ms)
            fault = self._take_book(line, message, received_ms) if line else None
        elif kind is ForcedMessage:
            fault = self._take_forced(message, received_ms)
        else:
            fault = self._take_rows(message, received_ms)
        if fault is not None:
            self._refuse(raw, received_ms, fault)
        return None

    def _decoded(self, raw: bytes | str) -> Any:
        channel = messages.topic(raw).arg.channel
        if channel not in messages.DECODERS:
            raise msgspec.ValidationError(f"Unknown channel {channel[:40]}")
        return messages.DECODERS[channel](raw)

    def _receive_other(self, raw: bytes | str, received_ms: int, error: Exception) -> Reply | None:
        """Sort out what is no message of ours: a pong, an event, a channel that we did not ask for, or malformed."""
        if raw in PONGS:
            return None
        try:
            event = messages.event(raw)
        except UNREADABLE:
            pass
        else:
            said = f"{event.code[:10]} {event.said[:200]}".strip()
            if event.event in ("subscribe", "unsubscribe"):
                return Reply() if event.event == "subscribe" else None
            if event.event in ("error", "notice"):
                said = said or "without a reason"
                return Reply(refusal=said) if event.event == "error" else Reply(farewell=said)
        self._refuse(raw, received_ms, self._fault_of_other(raw, error))
        return None

    def _fault_of_other(self, raw: bytes | str, error: Exception) -> Fault:
        for name, known in (("event", ("subscribe", "unsubscribe", "error", "notice")), ("channel", messages.DECODERS)):
            try:
                found = messages.event(raw).event if name == "event" else messages.topic(raw).arg.channel
            except UNREADABLE:
                continue
            if found not in known:
                return Fault(
                    kind="unknown_event", subject=self.venue, expected=f"one of {', '.join(known)}", found=found[:40]
                )
        return malformed(self.venue, "a message of a channel", error)

    def _untimely(self, line: Line, at_ms: int, received_ms: int) -> Fault | None:
        """Check a row's time, and learn from it how far the venue's clock is off."""
        lead_ms = at_ms - received_ms
        if lead_ms > self.drift.lead_ms:
            self.drift.lead_ms = lead_ms
        if self._behind_ms <= lead_ms <= self._ahead_ms:
            return None
        return checks.in_time(line.instrument.id, at_ms, received_ms, self._bounds)

    def _take_book(self, line: Line, message: BookMessage, received_ms: int) -> Fault | None:
        book = line.book
        for depth in message.data:
            fault = self._untimely(line, depth.at_ms, received_ms)
            if fault is not None:
                return fault
            if message.action == "snapshot":
                fault = book.begin(depth.last_id, depth.bids, depth.asks)
                self.counters["resyncs"] += line.is_resync and fault is None
                line.is_resync = True
            elif not book.is_running:
                return None  # of before the snapshot that was asked for
            else:
                fault = book.apply(depth)
            fault = fault or (_fault_of_sum(line, depth) if depth.checksum else None)
            if fault is not None:
                return fault
            line.book_ms = (depth.at_ms, received_ms)
            fault = self._take_touch(line, depth.at_ms, received_ms)
            if fault is not None:
                return fault
        return None

    def _take_rows(self, message: Any, received_ms: int) -> Fault | None:
        """Take the rows of a message, each of the subject that the message is about."""
        named, take = self._rows[type(message)]
        symbol = message.arg.symbol
        lines = named.get(symbol)
        if lines is None:
            expected = f"one of {', '.join(sorted(named))}"
            return Fault(kind="unknown_symbol", subject=self.venue, expected=expected, found=symbol[:40])
        for row in message.data:
            if row.symbol != symbol:
                expected = f"rows of {symbol[:40]} only"
                return Fault(kind="malformed", subject=self.venue, expected=expected, found=row.symbol[:40])
            for line in lines:
                fault = self._untimely(line, row.at_ms, received_ms) or take(line, row, received_ms)
                if fault is not None:
                    return fault
        return None

    def _take_trade(self, line: Line, trade: Trade, received_ms: int) -> Fault | None:
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
                trade_id=trade.trade_id,
                side=trade.side,
                price=trade.price,
                quantity=trade.quantity,
            )
        )
        return None

    def _take_mark(self, line: Line, row: MarkPrice, received_ms: int) -> Fault | None:
        fault = self._price_fault(line, "mark", float(row.mark), received_ms)
        if fault is None:
            self._keep(line, "mark", row.mark, row.at_ms, received_ms)
        return fault

    def _take_index(self, line: Line, row: Index, received_ms: int) -> Fault | None:
        fault = self._price_fault(line, "index", float(row.index), received_ms)
        if fault is None:
            self._keep(line, "index", row.index, row.at_ms, received_ms)
        return fault

    def _take_funding(self, line: Line, row: Funding, received_ms: int) -> Fault | None:
        if row.rate and row.due_ms:
            return self._keep_funding(line, row.rate, row.due_ms, row.at_ms, received_ms)
        return None

    def _take_open_interest(self, line: Line, row: OpenInterest, received_ms: int) -> None:
        line.open_interest = row.contracts * float(line.instrument.contract_size)

    def _take_forced(self, message: ForcedMessage, received_ms: int) -> Fault | None:
        """Take the liquidations of our instruments; those of all others come as well."""
        for row in message.data:
            line = self._lines.get(row.symbol)
            for order in row.orders if line else ():
                assert line is not None
                fault = self._untimely(line, order.at_ms, received_ms)
                if fault is not None:
                    return fault
                self.roll.liquidation(
                    LiquidationSeen(
                        instrument=line.instrument.id,
                        at_ms=order.at_ms,
                        received_ms=received_ms,
                        side=order.side,
                        price=order.price,
                        quantity=order.quantity,
                    )
                )
        return None


def index_of(instrument: Instrument) -> str:
    """Return what the venue calls the index of an instrument."""
    return f"{instrument.base}-{instrument.quote}"


def _fault_of_sum(line: Line, depth: Depth) -> Fault | None:
    """Compare the book with the checksum that came with its latest change; wipe it when they differ."""
    book = line.book
    found = checksum.checksum(book.bids.top(checksum.LEVELS), book.asks.top(checksum.LEVELS))
    if found == depth.checksum:
        return None
    book.wipe()
    expected = f"a book that comes to {depth.checksum}"
    return Fault(kind="gap", subject=line.instrument.id, expected=expected, found=str(found))
