"""Market: one venue's public data as the bytes arrive, without a socket or a clock.  bytes x time -> books, marks

A venue's own market says what its messages mean. What is refused is counted, named and kept in a bounded quarantine;
nothing that a venue sends can raise.
"""

from abc import ABC, abstractmethod
from collections import Counter, deque
from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Final, Literal, get_args

import msgspec

from hedgeapp.core.instruments import Instrument
from hedgeapp.core.marks import Mark, MarkKind
from hedgeapp.core.records import record
from marketdata.core import checks
from marketdata.core.books import Book, BookLimits, SequenceRule
from marketdata.core.channels import Channel, ChannelName, Drift
from marketdata.core.checks import Bounds, Fault
from marketdata.core.reference import Spelling
from marketdata.core.tape import RAW_BYTES_MAX, RefusedSeen, Roll

QUARANTINE_MAX: Final = 100  # refused messages that are kept
CONFIRM_MS: Final = 250  # a quote of a book that did not move is said again so often
UNREADABLE: Final = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)

# Faults that mean a message is missing, rather than that one is wrong.
_GAPS: Final = frozenset({"gap", "too_old", "buffer_full"})
_EPOCH: Final = datetime.fromtimestamp(0, UTC)

PriceKind = MarkKind | Literal["trade"]


@record
class Refused:
    """A message that was refused: its first bytes, when it came, why."""

    raw: bytes
    received_ms: int
    fault: Fault


@record
class Reply:
    """The venue's answer to a subscription: why it was refused, empty when it was taken.

    Or no answer but, in `farewell`, the venue's word that it will close the socket, and why; or, in `answer`, what it
    has to be told now.
    """

    refusal: str = ""
    farewell: str = ""
    answer: str = ""


class Line:
    """What is known of one instrument now."""

    __slots__ = (
        "book",
        "book_ms",
        "decimals",
        "instrument",
        "is_resync",
        "marks",
        "open_interest",
        "prices",
        "said",
        "tick",
        "trade_id",
    )

    def __init__(self, instrument: Instrument, rule: SequenceRule, limits: BookLimits) -> None:
        self.instrument = instrument
        self.tick = float(instrument.tick_size)
        self.decimals = max(0, -int(instrument.tick_size.normalize().as_tuple().exponent))
        self.book = Book(instrument.id, rule, instrument.tick_size, limits)
        self.book_ms = (0, 0)  # the venue's time of its last delta, and ours
        self.is_resync = False  # whether a next snapshot is not the first one
        self.trade_id: int | None = None
        self.open_interest: float | None = None  # as the venue counts it: the base if linear, the quote if inverse
        # The value as its text, or as a price of the book on its tick; its time, and when it came, in ms.
        self.marks: dict[MarkKind, tuple[str | float, int, int]] = {}
        self.prices: dict[PriceKind, tuple[float, int]] = {}  # the last price of each kind, when it came in ms
        self.said = (0.0, 0.0, 0, 0)  # the touch that needs not be said again, bid and ask, from and before when, in ms


class Market(ABC):
    """All instruments of one venue: books by sequence rule, the latest marks, counters, quarantine.

    `hears` are the channels that the venue has: of another one silence says nothing. `unproven` says what of its books
    cannot be proven, empty where each change is known to follow on the one before.
    """

    hears: Collection[ChannelName] = get_args(ChannelName)
    unproven: str = ""

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
        self.counters: Counter[str] = Counter(gaps=0, resyncs=0, refused=0)
        self.last_fault = ""
        self.suspect = ""  # why nothing that is said here may be used, empty while it may be
        self.quarantine: deque[Refused] = deque(maxlen=QUARANTINE_MAX)
        self.roll = Roll()  # trades, liquidations and refused messages that the recorder gets
        self.channels: dict[ChannelName, Channel] = {
            name: Channel() for name in get_args(ChannelName) if name in self.hears
        }
        self._others = Channel()  # what is of none of them: answers, and what nobody can read
        self.drift = Drift()
        self._bounds = bounds or Bounds()
        self._near = self._bounds.jump_max
        # A comparison here saves the call of a check for nearly every message.
        self._behind_ms, self._ahead_ms = -self._bounds.clock_behind_ms_max, self._bounds.clock_ahead_ms_max
        limits = limits or BookLimits()
        self._lines = {
            symbol: Line(instrument, self.rule_of(instrument), limits)
            for symbol, instrument in self.spelling.instruments.items()
        }
        self._changed: dict[tuple[str, MarkKind], None] = {}  # a set that keeps its order
        self.listener: Callable[[], object] = _nobody  # is called when marks have changed

    @abstractmethod
    def rule_of(self, instrument: Instrument) -> SequenceRule:
        """Return the rule by which the venue numbers changes of an instrument's book."""

    @abstractmethod
    def receive(self, raw: bytes | str, received_ms: int) -> Reply | None:
        """Take one message of a socket; return the venue's answer, if it is one to a request."""

    @property
    def message_count(self) -> int:
        """How many messages came, of whatever kind."""
        return self._others.count + sum(channel.count for channel in self.channels.values())

    @property
    def last_message_ms(self) -> int | None:
        """When the last one came, in ms; None before the first."""
        return max(self._others.last_ms, *(channel.last_ms for channel in self.channels.values())) or None

    @property
    def books(self) -> Mapping[str, Book]:
        """The books by the venue's symbol; only to be read while they run."""
        return {symbol: line.book for symbol, line in self._lines.items()}

    def wipe_books(self) -> None:
        """Forget all books and trade ids, as after a reconnect."""
        for line in self._lines.values():
            line.book.wipe()
            line.trade_id = None
            line.open_interest = None

    def wanted(self) -> list[str]:
        """Return the venue's symbols whose books wait for a snapshot."""
        return [symbol for symbol, line in self._lines.items() if line.book.wants_snapshot]

    def changed(self) -> list[Mark]:
        """Return the marks that changed since the last call, each once, with its latest value."""
        changed, self._changed = self._changed, {}
        return [self._mark(self._lines[symbol], kind) for symbol, kind in changed]

    def tell(self) -> None:
        """Call who listens for changed marks, if there are any: once for each message, however many it changed."""
        if self._changed:
            self.listener()

    def doubt(self, because: str) -> None:
        """Mark all that is said here as suspect, and say each mark again; an empty reason ends it."""
        if bool(because) != bool(self.suspect):
            self._changed.update({(symbol, kind): None for symbol, line in self._lines.items() for kind in line.marks})
        self.suspect = because
        self.tell()

    def marks(self) -> list[Mark]:
        """Return the latest of every mark."""
        return [self._mark(line, kind) for line in self._lines.values() for kind in line.marks]

    def book_times(self, symbol: str) -> tuple[datetime, datetime]:
        """Return the venue's time of a book's latest change, and ours."""
        at_ms, received_ms = self._lines[symbol].book_ms
        return _datetime(at_ms), _datetime(received_ms)

    def open_interest(self, symbol: str) -> float | None:
        """Return what everybody holds of an instrument, in its base if linear, else its quote; None: not heard."""
        return self._lines[symbol].open_interest

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
        said, at_ms, received_ms = line.marks[kind]
        return Mark(
            subject=line.instrument.id,
            kind=kind,
            value=Decimal(said if isinstance(said, str) else f"{said:.{line.decimals}f}"),
            at=_datetime(at_ms),
            received_at=_datetime(received_ms),
            source=self.venue,
            suspect=self.suspect,
            caveat=self.unproven if kind in ("bid", "ask") else "",
        )

    def _line_of(self, symbol: str, raw: bytes | str, received_ms: int) -> Line | None:
        """Return what is known of an instrument; refuse a message of one that reference data does not have."""
        line = self._lines.get(symbol)
        if line is None:
            expected = f"one of {', '.join(sorted(self._lines))}"
            fault = Fault(kind="unknown_symbol", subject=self.venue, expected=expected, found=symbol[:40])
            self._refuse(raw, received_ms, fault)
        return line

    def _touch_fault(self, line: Line, before: float) -> Fault | None:
        """Check the best bid of a book that just changed against the one before; wipe the book when it jumped."""
        book = line.book
        # What did not move cannot have jumped, and what was empty had no price to jump from.
        if book.bids.touch == before or not book.is_running or before <= 0:
            return None
        fault = checks.steady(line.instrument.id, book.bids.touch, before, self._bounds)
        if fault is not None:
            book.wipe()
        return fault

    def _price_fault(self, line: Line, kind: PriceKind, price: float, received_ms: int) -> Fault | None:
        """Check a price, also against the last one of its kind while that is young enough."""
        fault = checks.positive(line.instrument.id, price)
        before = line.prices.get(kind)
        # A price that came later than now came before our clock was set back: it bounds nothing.
        if fault is None and before is not None and 0 <= received_ms - before[1] <= self._bounds.jump_memory_ms:
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

    def _take_touch(self, line: Line, at_ms: int, received_ms: int) -> Fault | None:
        """Keep the best bid and ask of a book that runs; wipe it when one of them jumped."""
        book, prices, marks = line.book, line.prices, line.marks
        bid, ask, from_ms, before_ms = line.said
        if from_ms <= received_ms < before_ms and bid == book.bids.touch and ask == book.asks.touch:
            return None  # as after nearly every message
        touches: tuple[tuple[Literal["bid", "ask"], float], ...] = (("bid", book.bids.touch), ("ask", book.asks.touch))
        for kind, touch in touches:
            before = prices.get(kind)
            if before is not None:
                price, came_ms = before
                if price == touch and 0 <= received_ms - came_ms < CONFIRM_MS:
                    continue
                is_near = -self._near * price <= touch - price <= self._near * price
            # The comparison saves the call for nearly every message.
            if before is None or not is_near:
                fault = self._price_fault(line, kind, touch, received_ms)
                if fault is not None:
                    book.wipe()
                    return fault
            known = marks.get(kind)
            if known is None or at_ms >= known[1]:
                marks[kind] = (touch, at_ms, received_ms)
                prices[kind] = (touch, received_ms)
                self._changed[line.instrument.venue_symbol, kind] = None
        (bid, bid_ms), (ask, ask_ms) = prices["bid"], prices["ask"]
        line.said = (bid, ask, max(bid_ms, ask_ms), min(bid_ms, ask_ms) + CONFIRM_MS)
        return None

    def _keep_funding(self, line: Line, rate: str, due_ms: int | None, at_ms: int, received_ms: int) -> Fault | None:
        """Keep the rate of the next payment and its time; refuse a rate that no venue may ask for.

        Where funding accrues all the time there is no next payment: then it is the rate of 8 hours.
        """
        fault = checks.capped(line.instrument.id, float(rate), self._bounds)
        if fault is None:
            self._keep(line, "funding_rate", rate, at_ms, received_ms)
            if due_ms is not None:
                self._keep(line, "funding_at", f"{due_ms // 1000}.{due_ms % 1000:03d}", at_ms, received_ms)
        return fault

    def _refuse(self, raw: bytes | str, received_ms: int, fault: Fault) -> None:
        is_gap = fault.kind in _GAPS
        self.counters["gaps" if is_gap else "refused"] += 1
        self.last_fault = str(fault)
        head = (raw.encode(errors="replace") if isinstance(raw, str) else raw)[:RAW_BYTES_MAX]
        self.quarantine.append(Refused(raw=head, received_ms=received_ms, fault=fault))
        if not is_gap:
            self.roll.refused(RefusedSeen(kind=fault.kind, fault=str(fault), received_ms=received_ms, raw=head))


def malformed(subject: str, expected: str, error: Exception) -> Fault:
    """Return the fault of a message that is not of the venue's format."""
    return Fault(kind="malformed", subject=subject, expected=expected, found=str(error)[:200])


def _datetime(milliseconds: int) -> datetime:
    return _EPOCH + timedelta(milliseconds=milliseconds)


def _nobody() -> None:
    """Listen to nothing."""
