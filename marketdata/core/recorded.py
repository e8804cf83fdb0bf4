"""Recorded: what is kept of market data, column by column with its unit.  board, tape -> rows

Every kind is kept by the day on which it was received, by our clock; numbers are floats, for nobody is paid by them.
"""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Final, Literal

from hedgeapp.core.marks import Mark, MarkKind
from hedgeapp.core.records import record
from marketdata.core.tape import Batch

Kind = Literal["quotes", "trades", "marks", "funding", "liquidations"]
Value = datetime | str | float | None
Rows = dict[Kind, list[tuple[Value, ...]]]

FRESH: Final = timedelta(seconds=10)  # an older mark is not sampled beside a quote
FUNDING_EVERY: Final = timedelta(minutes=1)  # a rate that does not change is kept this often
_EPOCH: Final = datetime.fromtimestamp(0, UTC)


@record
class Column:
    """A column: its name, what it holds, in which unit."""

    name: str
    holds: Literal["time", "text", "number"]
    unit: str


@record
class Recorded:
    """A kind of market data: its table, its columns, what one row is."""

    table: str
    row: str
    columns: tuple[Column, ...]


_RECEIVED: Final = Column(name="received_at", holds="time", unit="UTC, our clock")
_AT: Final = Column(name="at", holds="time", unit="UTC, the source's clock")
_INSTRUMENT: Final = Column(name="instrument", holds="text", unit="venue:SYMBOL, our spelling")
_SIDE: Final = Column(name="side", holds="text", unit="buy or sell")
_PRICE: Final = Column(name="price", holds="number", unit="the instrument's quote")
_QUANTITY: Final = Column(name="quantity", holds="number", unit="contracts")


def _price(name: str) -> Column:
    return Column(name=name, holds="number", unit="the instrument's quote")


RECORDED: Final[dict[Kind, Recorded]] = {
    "quotes": Recorded(
        table="marketdata_quote",
        row="best bid and ask of an instrument, sampled each second in which something changed",
        columns=(_RECEIVED, _AT, _INSTRUMENT, _price("bid"), _price("ask"), _price("mark"), _price("index")),
    ),
    "trades": Recorded(
        table="marketdata_trade",
        row="a public trade; the side is the taker's",
        columns=(
            _RECEIVED,
            _AT,
            _INSTRUMENT,
            Column(name="trade_id", holds="text", unit="the venue's"),
            _SIDE,
            _PRICE,
            _QUANTITY,
        ),
    ),
    "marks": Recorded(
        table="marketdata_mark",
        row="a datum that prices rest on, by source, sampled each second in which it changed",
        columns=(
            _RECEIVED,
            _AT,
            Column(name="subject", holds="text", unit="an instrument or an asset"),
            Column(name="kind", holds="text", unit="mark, index, protocol_rate, pool_rate, market_rate, usd"),
            Column(name="source", holds="text", unit="a feed's source"),
            Column(name="value", holds="number", unit="by kind: the quote, the underlying, or USD"),
            Column(name="suspect", holds="text", unit="why nothing may rest on it; empty where it may"),
            Column(name="conf", holds="number", unit="half the width of what its sources allow; empty where none does"),
        ),
    ),
    "funding": Recorded(
        table="marketdata_funding",
        row="the rate of an instrument's next funding; positive: longs pay shorts",
        columns=(
            _RECEIVED,
            _AT,
            _INSTRUMENT,
            Column(name="rate", holds="number", unit="fraction of notional per payment, else per 8 hours"),
            Column(
                name="due_at", holds="time", unit="UTC, the venue's clock; empty where funding accrues all the time"
            ),
        ),
    ),
    "liquidations": Recorded(
        table="marketdata_liquidation",
        row="an order by which a venue closed somebody's position; the side is the order's",
        columns=(_RECEIVED, _AT, _INSTRUMENT, _SIDE, _PRICE, _QUANTITY),
    ),
}


def nothing() -> Rows:
    """Return no rows of any kind."""
    return {kind: [] for kind in RECORDED}


def of_batch(batch: Batch) -> Rows:
    """Return the rows of what a feed saw."""
    rows = nothing()
    rows["trades"] = [
        (_at(one.received_ms), _at(one.at_ms), one.instrument, one.trade_id, one.side, one.price, one.quantity)
        for one in batch.trades
    ]
    rows["liquidations"] = [
        (_at(one.received_ms), _at(one.at_ms), one.instrument, one.side, one.price, one.quantity)
        for one in batch.liquidations
    ]
    return rows


class Sampler:
    """Turns the board, looked at each second, into rows; what did not change since is not repeated."""

    def __init__(self) -> None:
        self._sampled: dict[tuple[str, str], datetime] = {}  # what was sampled last, by the time it was received
        self._funding: dict[str, tuple[Value, Value, datetime]] = {}  # rate, due, when it was kept

    def sample(self, marks: Iterable[Mark], at: datetime) -> Rows:
        """Return the rows of a look at the board at a moment."""
        rows = nothing()
        by_subject: dict[str, dict[MarkKind, Mark]] = {}
        for mark in marks:
            by_subject.setdefault(mark.subject, {})[mark.kind] = mark
            if mark.kind in ("bid", "ask", "funding_rate", "funding_at"):
                continue
            if self._is_new(mark.subject, mark.kind, mark.received_at):
                conf = None if mark.conf is None else float(mark.conf)
                named = (mark.subject, mark.kind, mark.source)
                rows["marks"].append((at, mark.at, *named, float(mark.value), mark.suspect, conf))
        for subject, found in by_subject.items():
            rows["quotes"] += self._quote(subject, found, at)
            rows["funding"] += self._rate(subject, found, at)
        return rows

    def _is_new(self, subject: str, what: str, received_at: datetime) -> bool:
        if self._sampled.get((subject, what)) == received_at:
            return False
        self._sampled[subject, what] = received_at
        return True

    def _quote(self, subject: str, found: dict[MarkKind, Mark], at: datetime) -> list[tuple[Value, ...]]:
        bid, ask = found.get("bid"), found.get("ask")
        if bid is None or ask is None:
            return []
        if not self._is_new(subject, "quote", max(bid.received_at, ask.received_at)):
            return []
        mark, index = (_fresh(found.get(kind), at) for kind in ("mark", "index"))
        return [(at, max(bid.at, ask.at), subject, float(bid.value), float(ask.value), mark, index)]

    def _rate(self, subject: str, found: dict[MarkKind, Mark], at: datetime) -> list[tuple[Value, ...]]:
        rate, due = found.get("funding_rate"), found.get("funding_at")
        if rate is None or not self._is_new(subject, "funding", rate.received_at):
            return []
        value, due_at = float(rate.value), _EPOCH + timedelta(seconds=float(due.value)) if due else None
        before = self._funding.get(subject)
        if before is not None and before[:2] == (value, due_at) and at - before[2] < FUNDING_EVERY:
            return []
        self._funding[subject] = value, due_at, at
        return [(at, rate.at, subject, value, due_at)]


def _fresh(mark: Mark | None, at: datetime) -> float | None:
    return float(mark.value) if mark is not None and at - mark.received_at <= FRESH else None


def _at(milliseconds: int) -> datetime:
    return _EPOCH + timedelta(milliseconds=milliseconds)
