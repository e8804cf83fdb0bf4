"""Recorded market data as pages read it: refused messages, and an instrument's quotes, marks and funding over time."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from django.db import connection

from hedgeapp.core.marks import MarkKind
from hedgeapp.core.records import record

REFUSED_SHOWN: Final = 50
POINTS_MAX: Final = 600  # of each line
LINES_MAX: Final = 8  # of marks of other sources
FUNDING_SPAN: Final = timedelta(days=7)
LIQUIDATIONS_MAX: Final = 200


@record
class RefusedMessage:
    """A message that a feed would not take: when it came, what was wrong, and its first bytes."""

    id: int
    received_at: datetime
    feed: str
    kind: str
    fault: str
    raw: bytes

    @property
    def text(self) -> str:
        """The bytes as text; what is none is shown as its escape."""
        return self.raw.decode(errors="backslashreplace").replace("\0", "\\x00")


def refused(feed: str = "", count: int = REFUSED_SHOWN) -> tuple[RefusedMessage, ...]:
    """Return the latest refused messages, the newest first; of one feed if one is given."""
    query = "SELECT id, received_at, feed, kind, fault, raw FROM marketdata_refused WHERE %s IN ('', feed)"
    with connection.cursor() as cursor:
        cursor.execute(f"{query} ORDER BY id DESC LIMIT %s", [feed, count])
        names = ("id", "received_at", "feed", "kind", "fault", "raw")
        return tuple(RefusedMessage(**_bytes(dict(zip(names, row, strict=True)))) for row in cursor.fetchall())


def refused_counts() -> dict[str, int]:
    """Return how many refused messages of each feed are kept."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT feed, count(*) FROM marketdata_refused GROUP BY feed ORDER BY feed")
        return dict(cursor.fetchall())


def _bytes(row: dict[str, Any]) -> dict[str, Any]:
    return row | {"raw": bytes(row["raw"])}


# The last row of each step; the index on instrument and time bounds what is read.
_QUOTES: Final = """
SELECT DISTINCT ON (step) received_at, bid, ask, mark, index FROM (
    SELECT *, floor(extract(epoch FROM received_at) / %(step_s)s) AS step FROM marketdata_quote
     WHERE instrument = %(instrument)s AND received_at > %(since)s AND received_at <= %(until)s) AS found
 ORDER BY step, received_at DESC
"""
_MARKS: Final = """
SELECT DISTINCT ON (subject, kind, source, step) subject, kind, source, received_at, value FROM (
    SELECT *, floor(extract(epoch FROM received_at) / %(step_s)s) AS step FROM marketdata_mark
     WHERE (subject = ANY(%(subjects)s) AND kind = 'mark' OR subject = %(asset)s AND kind = ANY(%(kinds)s))
       AND received_at > %(since)s AND received_at <= %(until)s) AS found
 ORDER BY subject, kind, source, step, received_at DESC
"""
# What is suspect makes no band: a hole says that nothing was signed that could be believed.
_USD: Final = """
SELECT DISTINCT ON (step, subject) step, subject, received_at, value, conf FROM (
    SELECT *, floor(extract(epoch FROM received_at) / %(step_s)s) AS step FROM marketdata_mark
     WHERE subject = ANY(%(assets)s) AND kind = 'usd' AND suspect = ''
       AND received_at > %(since)s AND received_at <= %(until)s) AS found
 ORDER BY step, subject, received_at DESC
"""
_FUNDING: Final = """
SELECT DISTINCT ON (step) received_at, rate FROM (
    SELECT *, floor(extract(epoch FROM received_at) / %(step_s)s) AS step FROM marketdata_funding
     WHERE instrument = %(instrument)s AND received_at > %(since)s AND received_at <= %(until)s) AS found
 ORDER BY step, received_at DESC
"""
_LIQUIDATIONS: Final = """
SELECT received_at, side, price, quantity FROM marketdata_liquidation
 WHERE instrument = %(instrument)s AND received_at > %(since)s AND received_at <= %(until)s
 ORDER BY received_at DESC LIMIT %(count)s
"""


def quotes(instrument: str, until: datetime, span: timedelta) -> dict[str, list[Any]]:
    """Return the times, bids, asks, marks and indexes of an instrument, in at most `POINTS_MAX` steps with holes."""
    rows = _read(_QUOTES, until, span, {"instrument": instrument})
    rows = _with_holes(rows, span, 4)
    names = ("at", "bid", "ask", "mark", "index")
    columns = list(zip(*rows, strict=True)) or [()] * len(names)
    return {name: [_iso(value) for value in column] for name, column in zip(names, columns, strict=True)}


def marks_elsewhere(
    subjects: list[str], asset: str, until: datetime, span: timedelta, kinds: tuple[MarkKind, ...] = ("usd",)
) -> list[dict[str, Any]]:
    """Return the marks of other instruments and prices of an asset, in USD or other `kinds`, a line for each source."""
    lines: dict[tuple[str, str], list[Any]] = {}
    given = {"subjects": subjects, "asset": asset, "kinds": list(kinds)}
    for subject, kind, source, at, value in _read(_MARKS, until, span, given):
        told = f"{asset} in USD" if kind == "usd" else f"{kind.replace('_', ' ')} of {asset}"
        name = f"mark of {subject}" if kind == "mark" else f"{told} by {source}"
        lines.setdefault((name, source), []).append((at, value))
    return [
        {"name": name, "at": [_iso(at) for at, _ in kept], "value": [value for _, value in kept]}
        for (name, _), points in list(lines.items())[:LINES_MAX]
        if (kept := _with_holes(points, span, 1))
    ]


def oracle_band(base: str, quote: str, until: datetime, span: timedelta) -> dict[str, list[Any]]:
    """Return an asset's USD price over time in a quote, `low` and `high` of its conf around it, with holes.

    A quote in another asset than USD is reckoned by that asset's own USD price of the same step; where there is none,
    there is no band.
    """
    steps: dict[Any, dict[str, Any]] = {}
    for step, asset, at, value, conf in _read(_USD, until, span, {"assets": [base, quote]}):
        steps.setdefault(step, {})[asset] = (at, value, conf or 0.0)
    rows = []
    for found in steps.values():
        at, value, conf = found.get(base, (None, 0.0, 0.0))
        _, in_usd, _ = found.get(quote, (None, 1.0 if quote == "USD" else 0.0, 0.0))
        if at is not None and in_usd:
            rows.append((at, (value - conf) / in_usd, value / in_usd, (value + conf) / in_usd))
    names = ("at", "low", "price", "high")
    columns = list(zip(*_with_holes(rows, span, 3), strict=True)) or [()] * len(names)
    return {name: [_iso(one) for one in column] for name, column in zip(names, columns, strict=True)}


def funding(instrument: str, until: datetime) -> dict[str, list[Any]]:
    """Return the times and funding rates of an instrument's last days."""
    rows = _read(_FUNDING, until, FUNDING_SPAN, {"instrument": instrument})
    return {"at": [_iso(at) for at, _ in rows], "rate": [rate for _, rate in rows]}


def liquidations(instrument: str, until: datetime, span: timedelta) -> list[dict[str, Any]]:
    """Return the latest liquidations of an instrument, oldest first."""
    rows = _read(_LIQUIDATIONS, until, span, {"instrument": instrument, "count": LIQUIDATIONS_MAX})
    names = ("at", "side", "price", "quantity")
    return [dict(zip(names, (_iso(value) for value in row), strict=True)) for row in reversed(rows)]


def _read(query: str, until: datetime, span: timedelta, given: Mapping[str, Any]) -> list[Any]:
    step_s = span.total_seconds() / POINTS_MAX
    with connection.cursor() as cursor:
        cursor.execute(query, {**given, "since": until - span, "until": until, "step_s": step_s})
        found: list[Any] = cursor.fetchall()
        return found


def _with_holes(rows: list[Any], span: timedelta, values: int) -> list[Any]:
    """Put an empty point where nothing was recorded for several steps, so that no line is drawn across."""
    quiet, shown = max(3 * span / POINTS_MAX, timedelta(seconds=10)), list[Any]()
    for row in rows:
        if shown and row[0] - shown[-1][0] > quiet:
            shown.append((shown[-1][0] + quiet, *(None for _ in range(values))))
        shown.append(row)
    return shown


def _iso(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value
