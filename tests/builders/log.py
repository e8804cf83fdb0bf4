"""The log in tests: emptied, and filled with fills."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import psycopg

from hedgeapp.core.events.trading import FillRecorded

AT = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)


def emptied(connection: psycopg.Connection[Any]) -> None:
    """Empty the log as only its owner can: by taking its guard away for a moment."""
    connection.execute("ALTER TABLE eventlog_event DISABLE TRIGGER eventlog_refuse_change")
    connection.execute("TRUNCATE eventlog_event")
    connection.execute("ALTER TABLE eventlog_event ENABLE TRIGGER eventlog_refuse_change")


def tampered(connection: psycopg.Connection[Any], statement: str) -> None:
    """Do to the log what only an owner who takes its guards away can do."""
    connection.execute("ALTER TABLE eventlog_event DISABLE TRIGGER USER")
    connection.execute(statement)
    connection.execute("ALTER TABLE eventlog_event ENABLE TRIGGER USER")


def fill(number: int, **changed: Any) -> FillRecorded:
    """Return a fill whose trade id is `number`."""
    given: dict[str, Any] = {
        "at": AT,
        "account": "binance-usdm:main",
        "instrument": "binance-usdm:ETH-USDT-PERP",
        "trade_id": str(number),
        "venue_order_id": "9001",
        "side": "sell",
        "price": Decimal("3012.34"),
        "quantity": Decimal("1.234"),
        "fee": Decimal("0.7434"),
        "fee_asset": "USDT",
        "is_maker": True,
    }
    return FillRecorded(**given | changed)


def fills(count: int, first: int = 1) -> list[FillRecorded]:
    """Return fills numbered from `first`."""
    return [fill(number) for number in range(first, first + count)]
