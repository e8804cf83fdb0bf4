"""Instruments on the screen: the latest quote, its age, and whether it trades.  marks x budget x at -> line"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from hedgeapp.core.events.suspensions import InstrumentSuspended
from hedgeapp.core.marks import Mark, MarkKind
from hedgeapp.core.records import record
from marketdata.core.board import freshness
from portfolio.core.suspensions import WHY


@record
class InstrumentLine:
    """An instrument: its row, its latest prices in its quote, their age, and the state in a word."""

    row: Any
    bid: Decimal | None
    ask: Decimal | None
    mark: Decimal | None
    index: Decimal | None
    funding_rate: Decimal | None
    age_s: float | None
    word: str
    level: str
    because: str

    @property
    def decimals(self) -> int:
        """The decimals of a price on the tick."""
        return max(0, -int(self.row.tick_size.normalize().as_tuple().exponent))

    @property
    def mark_decimals(self) -> int:
        """The decimals of a mark or an index, which are finer than the tick."""
        return self.decimals + 2

    @property
    def spread_bp(self) -> Decimal | None:
        """The spread in basis points of the middle."""
        if self.bid is None or self.ask is None or self.bid + self.ask <= 0:
            return None
        return (self.ask - self.bid) / ((self.ask + self.bid) / 2) * 10_000


def instrument_line(
    row: Any,
    marks: Mapping[MarkKind, Mark],
    budget: timedelta | None,
    at: datetime,
    suspended: Sequence[InstrumentSuspended] = (),
) -> InstrumentLine:
    """Return the line of an instrument; `budget` is the age from which a quote is stale."""
    quotes = [marks[kind] for kind in ("bid", "ask") if kind in marks]
    age = max((at - min(mark.at, mark.received_at) for mark in quotes), default=None)
    word, level, because = _state(row, age, budget, suspended)

    def value(kind: MarkKind) -> Decimal | None:
        return marks[kind].value if kind in marks else None

    return InstrumentLine(
        row=row,
        bid=value("bid"),
        ask=value("ask"),
        mark=value("mark"),
        index=value("index"),
        funding_rate=value("funding_rate"),
        age_s=None if age is None else max(0.0, age.total_seconds()),
        word=word,
        level=level,
        because=because,
    )


def _state(
    row: Any, age: timedelta | None, budget: timedelta | None, suspended: Sequence[InstrumentSuspended]
) -> tuple[str, str, str]:
    if suspended:
        return "suspended", "bad", "; ".join(f"{WHY[one.cause]}: {one.reason}" for one in suspended)
    if not row.is_trading:
        return "not trading", "bad", "the venue has halted, delisted or settled it"
    if age is None:
        return "no quote", "idle", "no feed quotes it: no enabled account trades it, or the board is away"
    if budget is None:
        return "unbounded", "warn", "no limit of kind data_age_ms_max for quote says how old it may be"
    state = freshness(age, budget)
    return state, {"live": "good", "late": "warn", "stale": "bad"}[state], f"budget {budget.total_seconds():g} s"
