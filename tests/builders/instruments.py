"""Instruments with recorded market data, as pages of one show them."""

import math
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import psycopg

from marketdata.core.recorded import RECORDED
from marketdata.models import Instrument, Tier, Venue

LINEAR = "binance-usdm:ETH-USDT-PERP"
INVERSE = "binance-coinm:ETH-USD-PERP"


def instrument_rows(at: datetime) -> None:
    """Write two instruments of two venues."""
    for name in ("binance-usdm", "binance-coinm"):
        url = {"rest_url": "http://127.0.0.1:1", "ws_url": "ws://127.0.0.1:1"}
        Venue.objects.create(name=name, protocol=name, version=1, changed_by="seed", changed_at=at, **url)
    common = {"expiry": "perpetual", "base": "ETH", "tick_size": Decimal("0.01"), "version": 2, "changed_at": at}
    linear: dict[str, Any] = {"symbol": "ETH-USDT-PERP", "venue_symbol": "ETHUSDT", "kind": "linear", "quote": "USDT"}
    inverse: dict[str, Any] = {
        "symbol": "ETH-USD-PERP",
        "venue_symbol": "ETHUSD_PERP",
        "kind": "inverse",
        "quote": "USD",
    }
    Instrument.objects.create(
        id=LINEAR,
        venue_id="binance-usdm",
        settlement="USDT",
        contract_size=Decimal(1),
        step_size=Decimal("0.001"),
        changed_by="account:binance-usdm:main",
        **common,
        **linear,
    )
    Instrument.objects.create(
        id=INVERSE,
        venue_id="binance-coinm",
        settlement="ETH",
        contract_size=Decimal(10),
        step_size=Decimal(1),
        changed_by="account:binance-coinm:main",
        is_trading=False,
        **common,
        **inverse,
    )
    Tier.objects.create(
        instrument_id=LINEAR,
        number=1,
        floor=Decimal(0),
        cap=Decimal(50_000),
        maintenance_rate=Decimal("0.004"),
        deduction=Decimal(0),
        leverage_max=Decimal(125),
    )


def recorded_history(connection: psycopg.Connection[Any], until: datetime, minutes: int = 30) -> None:
    """Record quotes, marks, funding and a liquidation, up to a moment, a row each two seconds."""
    first = until - timedelta(days=8)
    connection.execute("SELECT marketdata_keep_days(%s, %s)", [first.date(), until.date() + timedelta(days=1)])
    rows: dict[str, list[tuple[Any, ...]]] = {kind: [] for kind in RECORDED}
    for number in range(minutes * 30):
        at = until - timedelta(seconds=2 * number)
        price = 3000 + 8 * math.sin(number / 60)
        rows["quotes"].append((at, at, LINEAR, price - 0.05, price + 0.05, price + 0.6, price + 0.3))
        rows["marks"].append((at, at, INVERSE, "mark", "binance-coinm", price + 1.4, "", None))
        rows["marks"].append((at, at, "ETH", "usd", "pyth", price - 0.9, "", 1.5))
        rows["marks"].append((at, at, "USDT", "usd", "pyth", 0.999, "", 0.0002))
    for hour in range(7 * 24):
        at = until - timedelta(hours=hour)
        rows["funding"].append((at, at, LINEAR, 0.0001 * math.cos(hour / 12), at + timedelta(hours=8)))
    at = until - timedelta(minutes=5)
    rows["liquidations"].append((at, at, LINEAR, "sell", 2996.5, 12.0))
    with connection.cursor() as cursor:
        for kind, recorded in RECORDED.items():
            values = ", ".join(["%s"] * len(recorded.columns))
            cursor.executemany(f"INSERT INTO {recorded.table} VALUES ({values})", rows[kind])
