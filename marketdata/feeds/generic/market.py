"""Market: any exchange's public data as ccxt tells it.  messages x time -> books, marks

ccxt puts books together by itself. What can be seen of one from outside is checked here: that it is there, not crossed,
on its ticks, that it did not jump and is not older than the one before. That no change was missed cannot be seen.
"""

from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any, Final

from hedgeapp.core.instruments import Instrument
from hedgeapp.core.marks import MarkKind
from marketdata.core import checks
from marketdata.core.books import BookLimits, InStream, SequenceRule
from marketdata.core.ccxt_markets import name_of
from marketdata.core.channels import ChannelName
from marketdata.core.checks import Bounds, Fault
from marketdata.core.tape import RAW_BYTES_MAX, TradeSeen
from marketdata.core.wellformed import DECIMAL_PLACES_MAX
from marketdata.feeds.generic import messages
from marketdata.feeds.generic.messages import Book, Funding, Ticker, Trades
from marketdata.feeds.public import market
from marketdata.feeds.public.market import UNREADABLE, Line, malformed

CHANNELS: Final[dict[type, ChannelName]] = {Book: "book", Ticker: "mark", Funding: "mark", Trades: "trade"}
UNPROVEN: Final = "put together by ccxt: that no change of the book was missed is not proven"


class Market(market.Market):
    """All instruments of one exchange, by ccxt's names for them."""

    hears = frozenset(CHANNELS.values())
    unproven = UNPROVEN

    def __init__(
        self,
        venue: str,
        instruments: Iterable[Instrument],
        *,
        bounds: Bounds | None = None,
        limits: BookLimits | None = None,
    ) -> None:
        super().__init__(venue, instruments, bounds=bounds, limits=limits)
        self._takers: dict[type, Callable[[Line, Any, int], Fault | None]] = {
            Book: self._take_book,
            Ticker: self._take_ticker,
            Trades: self._take_trades,
            Funding: self._take_funding,
        }
        self._named = {name_of(line.instrument): line for line in self._lines.values()}
        self._numbers: dict[str, int] = {}  # of each instrument's latest book
        self._streamed: set[tuple[str, MarkKind]] = set()  # what needs no asking

    @property
    def names(self) -> tuple[str, ...]:
        """What ccxt calls the instruments."""
        return tuple(self._named)

    def rule_of(self, instrument: Instrument) -> SequenceRule:
        """Return the rule of books that come whole."""
        return InStream()

    def wipe_books(self) -> None:
        """Forget all books, and their numbers."""
        super().wipe_books()
        self._numbers.clear()
        self._streamed.clear()

    def without_book(self) -> list[str]:
        """Return ccxt's names of the instruments that have no book to be read."""
        return [name for name, line in self._named.items() if not line.book.is_running]

    def receive(self, raw: bytes | str, received_ms: int) -> None:
        """Take a message, as `messages.written` writes it."""
        try:
            message = messages.message(raw)
        except UNREADABLE as error:
            self.unreadable(raw, "a structure of ccxt", error, received_ms)
            return
        channel = self.channels[CHANNELS[type(message)]]
        channel.count += 1
        channel.last_ms = received_ms
        line = self._named.get(message.symbol)
        if line is None:
            expected = f"one of {', '.join(sorted(self._named))}"
            fault: Fault | None = Fault(
                kind="unknown_symbol", subject=self.venue, expected=expected, found=message.symbol[:40]
            )
        else:
            fault = self._takers[type(message)](line, message, received_ms)
        if fault is not None:
            self._refuse(raw, received_ms, fault)

    def unreadable(self, raw: bytes | str, expected: str, error: Exception, received_ms: int) -> None:
        """Refuse what cannot be read, by us or by ccxt."""
        self._others.count += 1
        self._others.last_ms = received_ms
        found = ValueError(f"{type(error).__name__} {error}")
        self._refuse(raw[:RAW_BYTES_MAX], received_ms, malformed(self.venue, expected, found))

    def broken(self, name: str, because: str, received_ms: int) -> None:
        """Wipe a book of which ccxt says itself that a change is missing."""
        line = self._named[name]
        line.book.wipe()
        self._numbers.pop(name, None)
        fault = Fault(kind="gap", subject=line.instrument.id, expected="each change of its book", found=because[:200])
        self._refuse(b"", received_ms, fault)

    def _untimely(self, line: Line, at_ms: int | None, received_ms: int) -> Fault | None:
        """Check a time of the exchange's, where it says one, and learn from it how far its clock is off."""
        if at_ms is None:
            return None
        self.drift.lead_ms = max(self.drift.lead_ms, at_ms - received_ms)
        return checks.in_time(line.instrument.id, at_ms, received_ms, self._bounds)

    def _take_book(self, line: Line, said: Book, received_ms: int) -> Fault | None:
        fault = self._untimely(line, said.at_ms, received_ms)
        before, at_ms = self._numbers.get(said.symbol), said.at_ms or received_ms
        if fault is None and said.number is not None and before is not None and said.number < before:
            expected, found = f"a book after {before}", f"book {said.number}"
            fault = Fault(kind="gap", subject=line.instrument.id, expected=expected, found=found)
        if fault is None:
            fault = line.book.begin((line.book.last_id or 0) + 1, said.bids, said.asks)
        if fault is not None:
            line.book.wipe()
            return fault
        if said.number is not None:
            self._numbers[said.symbol] = said.number
        line.book_ms = (at_ms, received_ms)
        return self._take_touch(line, at_ms, received_ms)

    def _take_ticker(self, line: Line, said: Ticker, received_ms: int) -> Fault | None:
        fault = self._take_prices(line, said, received_ms)
        if fault is None:
            self._streamed |= {(said.symbol, kind) for kind, price in _prices(said) if price is not None}
        return fault

    def _take_funding(self, line: Line, said: Funding, received_ms: int) -> Fault | None:
        """Take what was asked for; mark and index only where the stream does not tell them sooner."""
        fault = self._take_prices(line, said, received_ms)
        if fault is not None or said.rate is None:
            return fault
        at_ms = said.at_ms or received_ms
        if said.due_ms is not None and said.due_ms < received_ms - self._bounds.clock_behind_ms_max:
            return Fault(
                kind="clock", subject=line.instrument.id, expected="a payment to come", found=f"one at {said.due_ms} ms"
            )
        return self._keep_funding(line, _text(said.rate), said.due_ms, at_ms, received_ms)

    def _take_prices(self, line: Line, said: Ticker | Funding, received_ms: int) -> Fault | None:
        fault = self._untimely(line, said.at_ms, received_ms)
        asked = isinstance(said, Funding)
        told = [
            (kind, price)
            for kind, price in _prices(said)
            if price is not None and not (asked and (said.symbol, kind) in self._streamed)
        ]
        for kind, price in told:
            fault = fault or self._price_fault(line, kind, price, received_ms)
        for kind, price in told if fault is None else ():
            self._keep(line, kind, _text(price), said.at_ms or received_ms, received_ms)
        return fault

    def _take_trades(self, line: Line, said: Trades, received_ms: int) -> Fault | None:
        instrument = line.instrument.id
        for trade in said.trades:
            if trade.at_ms < received_ms - self._bounds.clock_behind_ms_max:
                continue  # some exchanges begin with trades of before
            fault = (
                self._untimely(line, trade.at_ms, received_ms)
                or self._price_fault(line, "trade", trade.price, received_ms)
                or checks.on_tick(instrument, trade.price, line.tick)
            )
            if fault is not None:
                return fault
            line.prices["trade"] = (trade.price, received_ms)
            self.roll.trade(
                TradeSeen(
                    instrument=instrument,
                    at_ms=trade.at_ms,
                    received_ms=received_ms,
                    trade_id=trade.trade_id,
                    side=trade.side,
                    price=trade.price,
                    quantity=trade.quantity,
                )
            )
        return None


def _prices(said: Ticker | Funding) -> tuple[tuple[MarkKind, float | None], ...]:
    return ("mark", said.mark), ("index", said.index)


def _text(value: float) -> str:
    """Return the digits that ccxt read, without an exponent and none finer than a mark may have."""
    return f"{Decimal(repr(value)):.{DECIMAL_PLACES_MAX}f}".rstrip("0").rstrip(".")
