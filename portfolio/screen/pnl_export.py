"""PnL export: profits and minutes as lines of CSV that no spreadsheet takes for formulas."""

import csv
import io
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

from hedgeapp.core.amounts import ZERO
from portfolio.core.attribution import LINES
from portfolio.core.profits import CUTS, PROFIT_LINES, Profit, rows
from portfolio.core.stands import Stand
from portfolio.queries.minutes import KeptMinute
from portfolio.screen.order_export import exact, text


def profits(spans: dict[str, tuple[Profit, ...]], stood: Stand) -> str:
    """Return a line for each span, cut, name and asset: all digits, in units of the asset and its sum in USD."""
    lines = [
        [
            span,
            cut,
            text(row.name),
            row.asset,
            *map(exact, [*(row.amounts[one] for one in PROFIT_LINES), row.total, row.usd]),
        ]
        for span, of in spans.items()
        for cut in CUTS
        for row in rows(of, cut, stood)
    ]
    return _written((["span", "cut", "name", "asset", *PROFIT_LINES, "total", "total_usd_at_the_price_of_now"], *lines))


def minutes(of: Iterable[KeptMinute]) -> str:
    """Return a line for each minute: the net asset value, each line and the rest, in USD with all digits."""
    head = ["from", "to", "from_seq", "to_seq", "nav_before", "nav_after", *LINES, "unexplained_rest"]
    return _written((head, *_minutes(of)))


def _minutes(of: Iterable[KeptMinute]) -> Iterator[list[str]]:
    for one in of:
        amounts = [one.lines.get(line, ZERO) for line in LINES]
        numbers = map(exact, (one.before, one.after, *amounts, one.rest))
        yield [_time(one.from_at), _time(one.at), str(one.from_seq), str(one.to_seq), *numbers]


def _time(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _written(lines: Iterable[Iterable[str]]) -> str:
    out = io.StringIO()
    csv.writer(out).writerows(lines)
    return out.getvalue()
