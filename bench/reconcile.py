"""Reconcile: a statement of 100,000 rows against the log's, from the facts to the sized differences and their events.

Compared in the same run with a plain join of two dictionaries of the same rows, which sizes, digests and says nothing.
"""

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Final

from bench.decode import LINEAR
from bench.report import Row
from hedgeapp.core.differences import DifferenceKind, Evidence
from hedgeapp.core.events import Event, Recorded
from hedgeapp.core.events.reference import InstrumentChanged
from hedgeapp.core.events.trading import FillRecorded
from hedgeapp.core.marks import Mark, MarkKind
from hedgeapp.eventlog import codec
from portfolio.core.book import Book
from portfolio.core.valuation import Valuation
from reconciliation.core import ours
from reconciliation.core.breaks import Breaks
from reconciliation.core.findings import compared, findings
from reconciliation.core.grades import Limits
from reconciliation.core.runs import Run, conclusions
from reconciliation.core.statements import Statement

ROWS: Final = 100_000
MISSED_EVERY, CHANGED_EVERY = 1_000, 1_500  # one of so many is not in the log, or is there with another fee
ROUNDS: Final = 5
S_MAX: Final = 1.0
KIND: Final[DifferenceKind] = "fill"
AT: Final = datetime(2026, 3, 1, 12, tzinfo=UTC)


def measure() -> list[Row]:
    """Measure the best of a few rounds of both."""
    theirs = [_fill(number) for number in range(ROWS)]
    recorded = [
        replace(fill, fee=fill.fee * 2) if number % CHANGED_EVERY == 7 else fill
        for number, fill in enumerate(theirs)
        if number % MISSED_EVERY != 3
    ]
    valuation = _valuation()
    found = _run(recorded, theirs, valuation)
    expected = len(range(3, ROWS, MISSED_EVERY)) + len(range(7, ROWS, CHANGED_EVERY))
    if found != expected:
        raise RuntimeError(f"{expected} differences expected, found {found}")
    seconds = _best(lambda: _run(recorded, theirs, valuation))
    joined = _best(lambda: _joined(recorded, theirs))
    return [
        Row(
            name=f"reconcile {ROWS:,} rows against a statement, {found} of them differ",
            value=seconds,
            unit="s",
            compared_with=f"plain join of dictionaries {joined:.2f} s",
            ratio=seconds / joined,
            budget=f"≤ {S_MAX:g} s",
            is_met=seconds <= S_MAX,
        )
    ]


def _run(recorded: list[FillRecorded], theirs: list[FillRecorded], valuation: Valuation) -> int:
    facts: dict[tuple[DifferenceKind, str], Event] = {
        (KIND, f"{fill.instrument}:{fill.trade_id}"): fill for fill in theirs
    }
    statement = Statement(subject="account:a", at=AT, sides={KIND: ours.fills(theirs)}, facts=facts, unread={})
    sides = {KIND: ours.fills(recorded)}
    found = findings(
        statement,
        sides,
        venue=LINEAR.venue,
        in_flight=(),
        valuation=valuation,
        evidence=_evidence,
    )
    compared(statement, sides, found)
    run = Run(run_id="r", subject="account:a", at=AT, kinds=(KIND,), findings=found)
    return len(conclusions(run, Breaks(), Limits()))


def _joined(recorded: list[FillRecorded], theirs: list[FillRecorded]) -> int:
    one = {(fill.instrument, fill.trade_id): (fill.side, fill.quantity, fill.price, fill.fee) for fill in recorded}
    other = {(fill.instrument, fill.trade_id): (fill.side, fill.quantity, fill.price, fill.fee) for fill in theirs}
    return sum(one.get(key) != row for key, row in other.items()) + len(one.keys() - other.keys())


def _best(work: Callable[[], int]) -> float:
    took = []
    for _ in range(ROUNDS):
        began = time.process_time()
        work()
        took.append(time.process_time() - began)
    return min(took)


def _evidence(event: Event) -> Evidence:
    kind, body = codec.encode(event)
    return Evidence(kind=kind, body=body.decode())


def _fill(number: int) -> FillRecorded:
    return FillRecorded(
        at=AT + timedelta(milliseconds=number),
        account="a",
        instrument=LINEAR.id,
        trade_id=str(4_000_000 + number),
        venue_order_id=str(9_000_000 + number // 3),
        side="buy" if number % 2 else "sell",
        price=Decimal(2_500) + Decimal(number % 997) / 100,
        quantity=Decimal(1 + number % 5_000) / 1_000,
        fee=Decimal(number % 911) / 10_000,
        fee_asset="USDT",
        is_maker=False,
    )


def _valuation() -> Valuation:
    book = Book()
    known = InstrumentChanged(at=AT, instrument=LINEAR, version=1, by="bench")
    book.apply(Recorded(seq=1, recorded_at=AT, event=known))
    priced: tuple[tuple[str, MarkKind, str], ...] = ((LINEAR.id, "mark", "2500"), ("USDT", "usd", "1"))
    marks: dict[tuple[str, str], Mark] = {
        (subject, kind): Mark(subject=subject, kind=kind, value=Decimal(price), at=AT, received_at=AT, source="bench")
        for subject, kind, price in priced
    }
    return Valuation(book, marks, AT)
