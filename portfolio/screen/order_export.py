"""Order export: orders of ours as lines of CSV that no spreadsheet takes for formulas."""

import csv
import io
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Final

from portfolio.core.orders import HedgeOrder
from portfolio.screen.blotter import hops

MICROSECOND: Final = timedelta(microseconds=1)
FORMULAS: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
COLUMNS: Final = (
    "client_order_id",
    "venue_order_id",
    "account",
    "instrument",
    "side",
    "time_in_force",
    "reduce_only",
    "quantity_contracts",
    "price",
    "state",
    "filled_contracts",
    "logged_contracts",
    "average_price",
    "by",
    "reason",
    "because",
    "proposal_id",
    "intended_at",
    "sent_at",
    "acknowledged_at",
    "first_fill_at",
    "ended_at",
    "cancel_asked_at",
    "cancel_asked_by",
    "intended_to_sent_ms",
    "sent_to_acknowledged_ms",
    "acknowledged_to_first_fill_ms",
    "total_ms",
)


def header() -> str:
    """Return the line of the columns' names."""
    return _written([COLUMNS])


def rows(orders: Iterable[HedgeOrder]) -> str:
    """Return a line for each order: decimals with all their digits, times in UTC, texts that are no formulas."""
    return _written(_cells(order) for order in orders)


def said(sentence: str) -> str:
    """Return a line that says something about the file."""
    return _written([[sentence]])


def _cells(order: HedgeOrder) -> list[str]:
    intent = order.intent
    return [
        *map(text, (order.client_order_id, order.venue_order_id, intent.account, intent.instrument)),
        *map(text, (intent.side, intent.time_in_force)),
        "true" if intent.reduce_only else "false",
        *map(exact, (intent.quantity, intent.price)),
        order.state,
        *map(exact, (order.filled, order.logged, order.average_price)),
        *map(text, (intent.by, intent.reason, order.because, intent.proposal_id)),
        *map(_time, (order.intended_at, order.sent_at, order.acknowledged_at, order.filled_at, order.ended_at)),
        _time(order.cancel_asked_at),
        text(order.cancel_asked_by),
        *map(_ms, hops(order)),
    ]


def text(value: str) -> str:
    """Return a text that a spreadsheet shows as it is, and does not compute."""
    return f"'{value}" if value.lstrip(" ").startswith(FORMULAS) else value


def exact(value: Decimal | None) -> str:
    """Return a number with all its digits and without an exponent; nothing for None."""
    return "" if value is None else f"{value:f}"


def _time(at: datetime | None) -> str:
    return "" if at is None else at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _ms(took: timedelta | None) -> str:
    return "" if took is None else exact(Decimal(took // MICROSECOND) / 1000)


def _written(lines: Iterable[Iterable[str]]) -> str:
    out = io.StringIO()
    csv.writer(out).writerows(lines)
    return out.getvalue()
