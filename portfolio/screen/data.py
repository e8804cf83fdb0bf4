"""Data on the screen: every datum in use, its source, its age against its budget.  marks x budgets x at -> lines"""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Final

from hedgeapp.core.marks import Mark
from hedgeapp.core.records import record
from hedgeapp.live import Leaf
from marketdata.core.board import freshness
from portfolio.core.figures import Figure
from portfolio.core.valuation import BUDGET_OF
from portfolio.screen.leaves import figure, name

DECIMALS: Final = {"funding_rate": 8, "funding_at": 0, "usd": 6} | dict.fromkeys(
    ("protocol_rate", "pool_rate", "market_rate"), 8
)


@record
class Datum:
    """One datum as a line: where it is from, what it says, how old it may become, who signed it, why it is suspect."""

    subject: str
    kind: str
    source: str
    value: Leaf
    at: datetime
    delay_ms: int
    budget_ms: int | None
    state: str
    conf: str = ""
    proof: str = ""
    suspect: str = ""
    caveat: str = ""


def datums(marks: Iterable[Mark], budgets_ms: Mapping[str, int], at: datetime, words: str = "") -> list[Datum]:
    """Return the data whose subject, kind or source holds each of the words, by subject and kind."""
    asked = words.lower().split()
    lines = [_datum(mark, budgets_ms.get(BUDGET_OF[mark.kind]), at) for mark in marks]
    found = [
        one
        for one in lines
        if all(
            word in f"{one.subject} {one.kind} {one.source} {one.state} {one.proof} {one.caveat}".lower()
            for word in asked
        )
    ]
    return sorted(found, key=lambda one: (one.subject, one.kind))


def _decimals(mark: Mark) -> int:
    """Return the decimals that a value is shown with; a touch has those of its tick."""
    if mark.kind in ("bid", "ask"):
        return max(2, -int(mark.value.as_tuple().exponent))
    return DECIMALS.get(mark.kind, 2)


def _datum(mark: Mark, budget_ms: int | None, at: datetime) -> Datum:
    budget = timedelta(milliseconds=budget_ms) if budget_ms else None
    state = freshness(at - mark.at, budget) if budget and not mark.suspect else "stale"
    shown = Figure(
        value=mark.value,
        at=mark.at,
        state=state,
        because=f"{mark.kind} of {mark.subject} by {mark.source}"
        + (f": {mark.suspect}" if mark.suspect else "" if budget else ": no limit says how old it may be"),
        until=mark.at + budget if budget else None,
    )
    return Datum(
        subject=mark.subject,
        kind=mark.kind,
        source=mark.source,
        value=figure(name("datum", mark.subject, mark.kind), shown, "", decimals=_decimals(mark)),
        at=mark.at,
        delay_ms=round((mark.received_at - mark.at).total_seconds() * 1000),
        budget_ms=budget_ms,
        state="suspect" if mark.suspect else state,
        conf="" if mark.conf is None else f"± {mark.conf:,.6f}",
        proof=mark.proof,
        suspect=mark.suspect,
        caveat=mark.caveat,
    )
