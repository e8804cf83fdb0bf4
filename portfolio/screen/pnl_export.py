"""PnL export: profits and minutes as lines of CSV that no spreadsheet takes for formulas."""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from itertools import chain

from hedgeapp.core.amounts import ZERO
from portfolio.core.attribution import LINES, Part
from portfolio.core.profits import CUTS, PROFIT_LINES, Profit, rows
from portfolio.core.stands import Stand, exactly
from portfolio.queries.minutes import Day, KeptDay, KeptMinute
from portfolio.queries.profits import Earned
from portfolio.screen.order_export import exact, text
from portfolio.screen.pnl import sums_of


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


def lines(shown: Earned) -> str:
    """Return a line for each span and line of the attribution, the rest last: in USD with all digits."""
    day = [("today", shown.day.parts, shown.day.rest)] if shown.day else []
    told = [
        [span, line, exact(usd)]
        for span, parts, rest in (*day, ("whole", shown.sums.parts, shown.sums.rest))
        for line, usd in (*sums_of(parts).items(), ("unexplained_rest", rest))
    ]
    return _written((["span", "line", "usd"], *told))


def days(shown: Earned, before: Iterable[tuple[KeptDay, Sequence[Part]]]) -> str:
    """Return a line for each day until the one that is shown: net asset value, lines and rest, in USD with all digits.

    `change_since_begun` is since the beginning of the first of them.
    """
    head = ["day", "to_seq", "nav_before", "nav_after", "change_since_begun", *LINES, "unexplained_rest"]
    return _written((head, *_days(shown, before)))


def _days(shown: Earned, before: Iterable[tuple[KeptDay, Sequence[Part]]]) -> Iterator[list[str]]:
    begun: Decimal | None = None
    last: list[tuple[Day | KeptDay, Sequence[Part]]] = [(shown.day, shown.day.parts)] if shown.day else []
    every: Iterable[tuple[Day | KeptDay, Sequence[Part]]] = chain(before, last)
    for one, parts in every:
        begun = one.before if begun is None else begun
        with exactly():
            since = one.after - begun
        numbers = (one.before, one.after, since, *sums_of(parts).values(), one.rest)
        yield [one.day.isoformat(), str(one.to_seq), *map(exact, numbers)]


def unexplained(of: Iterable[KeptMinute]) -> str:
    """Return a line for each asset that a minute left unexplained, in units and in USD with all digits."""
    found = [
        [_time(one.at), text(each.who), each.asset, exact(each.units), exact(each.usd)]
        for one in of
        for each in one.missing
    ]
    return _written((["minute_until", "where", "asset", "units", "usd"], *found))


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
