"""Market: Deribit's public data as the bytes arrive.  bytes x time -> books, marks

Source: Deribit's API documentation: a book begins with a snapshot, each change names the id of the one before in
`prev_change_id`, a level is new, changed or deleted. Amounts are in USD; ours are contracts.
"""

from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from typing import Any, Final, Literal

import msgspec

from hedgeapp.core.amounts import quantized
from hedgeapp.core.instruments import Instrument
from hedgeapp.core.marks import MarkKind
from marketdata.core import checks
from marketdata.core.books import BookLimits, InStream, Level, SequenceRule
from marketdata.core.channels import ChannelName
from marketdata.core.checks import Bounds, Fault
from marketdata.core.tape import LiquidationSeen, Side, TradeSeen
from marketdata.feeds.deribit import messages, requests
from marketdata.feeds.deribit.messages import (
    BookMessage,
    Depth,
    Frame,
    Rows,
    Ticker,
    TickerMessage,
    Trade,
    TradesMessage,
)
from marketdata.feeds.public import market
from marketdata.feeds.public.market import UNREADABLE, Line, Reply, malformed

CHANNELS: Final[dict[type, ChannelName]] = {BookMessage: "book", TickerMessage: "mark", TradesMessage: "trade"}
RATE_MAX: Final = Decimal(1)
PRICE_MAX: Final = Decimal("1e15")
DIGITS_MAX: Final = 30  # of a number that may become a fact
FINEST: Final = -30  # power of ten of its last digit
OPPOSITE: Final[dict[Side, Side]] = {"buy": "sell", "sell": "buy"}

_HEAD: Final = '{"jsonrpc":"2.0","method":"subscription","params":{"channel":"book.'  # how nearly every message begins
_BOOK_HEADS: Final = (_HEAD.encode(), _HEAD)


class Change(msgspec.Struct, gc=False):
    """A change of a book in contracts, with its own and the previous id."""

    last_id: int
    previous_id: int
    bids: Sequence[Level]
    asks: Sequence[Level]

    @property
    def first_id(self) -> int:
        """Each change has one id."""
        return self.last_id


class Market(market.Market):
    """All inverse instruments of Deribit."""

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
        takers: dict[type, Callable[[Line, Any, int], Fault | None]] = {
            BookMessage: self._take_book,
            TickerMessage: self._take_ticker,
            TradesMessage: self._take_trades,
        }
        self._taken = {kind: (self.channels[name], takers[kind]) for kind, name in CHANNELS.items()}
        self._symbols = {name: symbol for symbol in self._lines for name in requests.channels_of([symbol])}
        self._sizes = {symbol: float(line.instrument.contract_size) for symbol, line in self._lines.items()}

    def rule_of(self, instrument: Instrument) -> SequenceRule:
        """Return the rule of streams that begin with a snapshot."""
        return InStream()

    def wanted(self) -> list[str]:
        """Return the venue's symbols whose books have to begin anew."""
        return [symbol for symbol, line in self._lines.items() if not line.book.is_running]

    def receive(self, raw: bytes | str, received_ms: int) -> Reply | None:
        """Take one message of the socket; return the venue's answer, or what it has to be answered."""
        try:
            is_book = raw.startswith(_BOOK_HEADS[isinstance(raw, str)])  # type: ignore[arg-type]
            message = messages.book(raw) if is_book else self._decoded(raw)
        except UNREADABLE as error:
            return self._receive_malformed(raw, received_ms, error)
        if type(message) is Frame:
            return self._receive_other(message, raw, received_ms)
        channel, take = self._taken[type(message)]
        channel.count += 1
        channel.last_ms = received_ms
        data = message.params.data
        latest = data[-1] if isinstance(data, list) else data
        symbol: str = latest.symbol
        line = self._lines.get(symbol) or self._line_of(symbol, raw, received_ms)
        if line is None:
            return None
        lead_ms = latest.at_ms - received_ms
        if lead_ms > self.drift.lead_ms:
            self.drift.lead_ms = lead_ms
        if self._symbols.get(message.params.channel) != symbol:
            expected, found = f"a message of {message.params.channel[:60]}", f"one of {symbol[:40]}"
            taken: Fault | None = Fault(kind="malformed", subject=line.instrument.id, expected=expected, found=found)
        elif self._behind_ms <= lead_ms <= self._ahead_ms:
            taken = take(line, data, received_ms)
        else:
            taken = checks.in_time(line.instrument.id, latest.at_ms, received_ms, self._bounds)
        if taken is not None:
            self._refuse(raw, received_ms, taken)
        return None

    def _decoded(self, raw: bytes | str) -> Any:
        """Decode a message of a channel, or give the frame of anything else."""
        said = messages.frame(raw)
        decoder = messages.DECODERS.get(said.params.channel.partition(".")[0]) if said.method else None
        return decoder(raw) if decoder else said

    def _receive_malformed(self, raw: bytes | str, received_ms: int, error: Exception) -> Reply | None:
        self._others.count += 1
        self._others.last_ms = received_ms
        self._refuse(raw, received_ms, malformed(self.venue, "a message of a channel, or an answer", error))
        return None

    def _receive_other(self, said: Frame, raw: bytes | str, received_ms: int) -> Reply | None:
        """Sort out what is of no channel of ours: an answer by its id, a heartbeat, or what nobody asked for."""
        self._others.count += 1
        self._others.last_ms = received_ms
        if said.error is not None:
            return Reply(refusal=f"{said.error.code} {said.error.message[:80]} {_text(said.error.data)}".strip())
        if said.method == "heartbeat":
            return Reply(answer=requests.test()) if said.params.type == "test_request" else None
        if not said.method and said.id == requests.SUBSCRIBE:
            return self._subscribed(said)
        if not said.method and said.id is not None:
            return None  # it was carried out
        found = said.params.channel or said.method or "neither a method nor an id"
        fault = Fault(
            kind="unknown_event",
            subject=self.venue,
            expected=f"a channel of {', '.join(messages.DECODERS)}, or an answer",
            found=found[:60],
        )
        self._refuse(raw, received_ms, fault)
        return None

    def _subscribed(self, said: Frame) -> Reply:
        """Compare what the venue will send with what was asked for: what it leaves out it says nowhere else."""
        try:
            begun = set(messages.channels(bytes(said.result)))
        except UNREADABLE:
            return Reply(refusal=f"a list of channels expected, found {_text(said.result)}")
        missing = [channel for channel in requests.channels_of(self._lines) if channel not in begun]
        return Reply(refusal=f"without {', '.join(missing[:3])}" if missing else "")

    def _take_book(self, line: Line, data: Depth, received_ms: int) -> Fault | None:
        book, size = line.book, self._sizes[data.symbol]
        bids, asks = _levels(data.bids, size), _levels(data.asks, size)
        if data.type == "snapshot":
            fault = book.begin(data.last_id, bids, asks)
            self.counters["resyncs"] += line.is_resync and fault is None
            line.is_resync = True
        elif data.previous_id is None:
            return _contradiction(line, "a change with prev_change_id", "none")
        elif not book.is_running:
            return None  # of before the snapshot that was asked for
        else:
            fault = book.apply(Change(data.last_id, data.previous_id, bids, asks))
        if fault is not None:
            return fault
        line.book_ms = (data.at_ms, received_ms)
        return self._take_touch(line, data.at_ms, received_ms)

    def _take_ticker(self, line: Line, ticker: Ticker, received_ms: int) -> Fault | None:
        said: tuple[tuple[MarkKind, Decimal], ...] = (("mark", ticker.mark), ("index", ticker.index))
        for kind, price in said:
            fault = _bounded(line, kind, price, PRICE_MAX) or self._price_fault(line, kind, float(price), received_ms)
            if fault is not None:
                return fault
        rate = ticker.current_funding
        if rate is not None and (fault := _bounded(line, "current_funding", rate, RATE_MAX)):
            return fault
        if rate is not None and (fault := self._keep_funding(line, _exact(rate), None, ticker.at_ms, received_ms)):
            return fault
        for kind, price in said:
            self._keep(line, kind, _exact(price), ticker.at_ms, received_ms)
        line.open_interest = ticker.open_interest
        return None

    def _take_trades(self, line: Line, trades: list[Trade], received_ms: int) -> Fault | None:
        for trade in trades:
            if trade.symbol != line.instrument.venue_symbol:
                return _contradiction(line, f"rows of {line.instrument.venue_symbol} only", trade.symbol[:40])
            fault = (
                checks.in_time(line.instrument.id, trade.at_ms, received_ms, self._bounds)
                or self._price_fault(line, "trade", trade.price, received_ms)
                or checks.on_tick(line.instrument.id, trade.price, line.tick)
            )
            if fault is not None:
                return fault
            line.prices["trade"] = (trade.price, received_ms)
            self._tell(line, trade, received_ms)
        return None

    def _tell(self, line: Line, trade: Trade, received_ms: int) -> None:
        """Put a trade on the roll, and each of its two orders that closed somebody's position."""
        instrument, quantity = line.instrument.id, trade.amount / self._sizes[trade.symbol]
        self.roll.trade(
            TradeSeen(
                instrument=instrument,
                at_ms=trade.at_ms,
                received_ms=received_ms,
                trade_id=trade.trade_id,
                side=trade.side,
                price=trade.price,
                quantity=quantity,
            )
        )
        orders: tuple[tuple[Literal["T", "M"], Side], ...] = (("T", trade.side), ("M", OPPOSITE[trade.side]))
        for whose, side in orders:
            if trade.liquidated != "none" and whose in trade.liquidated:
                self.roll.liquidation(
                    LiquidationSeen(
                        instrument=instrument,
                        at_ms=trade.at_ms,
                        received_ms=received_ms,
                        side=side,
                        price=trade.price,
                        quantity=quantity,
                    )
                )


def _levels(rows: Rows, size: float) -> list[Level]:
    """Return levels in contracts of a size in USD."""
    if size == 1:
        return [(row.price, row.amount) for row in rows]
    return [(row.price, row.amount / size) for row in rows]


def _bounded(line: Line, field: str, value: Decimal, most: Decimal) -> Fault | None:
    """Refuse what is not finite, of too many digits to be anything but noise, or beyond what it can be."""
    if value.is_finite():
        _, digits, exponent = value.as_tuple()
        if len(digits) <= DIGITS_MAX and int(exponent) >= FINEST and -most <= value <= most:
            return None
    return _contradiction(line, f"{field} of at most {most:.0e} in {DIGITS_MAX} digits", f"{str(value)[:60]}")


def _exact(value: Decimal) -> str:
    """Return the digits that the venue sent, without an exponent and none finer than the quantum."""
    kept = quantized(value)
    return f"{value if value == kept else kept:f}"


def _contradiction(line: Line, expected: str, found: str) -> Fault:
    return Fault(kind="malformed", subject=line.instrument.id, expected=expected, found=found)


def _text(raw: msgspec.Raw) -> str:
    return bytes(raw).decode(errors="replace")[:120]
