"""The log: appending against raw COPY of the same rows, and how fast everything is made again from it.

It runs in a process of its own, on a durable PostgreSQL of its own. Raw COPY and append of the same rows take turns,
so that whatever else the machine does strikes both.
"""

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

import msgspec
import psycopg

from bench.rebuilds import rebuilds
from bench.report import Row
from hedgeapp.core.events import Event
from hedgeapp.core.events.balances import BalanceStated
from hedgeapp.core.events.marks import MarksTaken
from hedgeapp.core.events.positions import FundingPaid, PositionStated
from hedgeapp.core.events.reference import AccountChanged, AssetChanged, InstrumentChanged, VenueChanged
from hedgeapp.core.events.trading import FillRecorded, OrderSeen
from hedgeapp.core.instruments import Instrument
from hedgeapp.core.marks import Mark
from hedgeapp.core.reference import Account, Asset, Venue
from hedgeapp.eventlog.append import append_encoded
from hedgeapp.eventlog.steps import Encoded, encoded

BATCH: Final = 1_000
BATCHES: Final = 120
SINGLES: Final = 300
AT: Final = datetime(2026, 3, 1, tzinfo=UTC)
ACCOUNT, ETH, BTC = "binance-usdm:main", "binance-usdm:ETH-USDT-PERP", "binance-usdm:BTC-USDT-PERP"

APPEND_RATIO_MIN: Final = 0.5


def measure() -> list[Row]:
    """Measure in a process of its own, whose Django knows only the private servers."""
    from hedgeapp.up.servers import private_servers

    with private_servers() as environment:
        done = subprocess.run(
            [sys.executable, "-m", "bench.eventlog"],
            env={**environment, "DJANGO_SETTINGS_MODULE": "hedgeapp.settings"},
            stdout=subprocess.PIPE,
            check=True,
            timeout=600,
        )
    return msgspec.json.decode(done.stdout, type=list[Row])


def main() -> None:
    """Migrate, measure, and write the rows as JSON."""
    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", database="owner", verbosity=0)
    url = os.environ["DATABASE_OWNER_URL"]
    with psycopg.connect(url, autocommit=True) as connection:
        rows = [*_appending(connection), *rebuilds(url)]
    sys.stdout.buffer.write(msgspec.json.encode(rows))


def _appending(connection: psycopg.Connection[Any]) -> Iterator[Row]:
    connection.execute("CREATE TABLE bench_raw (LIKE eventlog_event INCLUDING ALL)")
    given = list(batches())
    raw_s, ours_s, encode_s, seq = [], [], [], 1
    for events in given:
        began = time.perf_counter()
        ready = encoded(events)
        encode_s.append(time.perf_counter() - began)
        raw_s.append(_raw(connection, ready, seq))
        ours_s.append(_append(connection, ready))
        seq += len(ready)
    singles = [_append(connection, encoded([event])) for event in _events(1 + BATCH * BATCHES, SINGLES)]
    ratio = statistics.median(raw / ours for raw, ours in zip(raw_s, ours_s, strict=True))
    whole = statistics.median(raw / (ours + e) for raw, ours, e in zip(raw_s, ours_s, encode_s, strict=True))
    yield Row(
        name=f"log append, batches of {BATCH}",
        value=BATCH / statistics.median(ours_s),
        unit="events/s",
        compared_with="raw COPY of the same rows",
        ratio=ratio,
        budget=f"≥ {APPEND_RATIO_MIN:g} ×",
        is_met=ratio >= APPEND_RATIO_MIN,
    )
    yield Row(
        name="the same, encoding of the events included",
        value=BATCH / statistics.median(o + e for o, e in zip(ours_s, encode_s, strict=True)),
        unit="events/s",
        compared_with="raw COPY of the same rows",
        ratio=whole,
    )
    yield Row(name=f"log lock held, {BATCH} events, p50", value=1000 * statistics.median(ours_s), unit="ms")
    yield Row(name=f"log lock held, {BATCH} events, p99", value=1000 * _p99(ours_s), unit="ms")
    yield Row(name="log lock held, 1 event, p50", value=1000 * statistics.median(singles), unit="ms")
    yield Row(name="log lock held, 1 event, p99", value=1000 * _p99(singles), unit="ms")


def _raw(connection: psycopg.Connection[Any], ready: Sequence[Encoded], seq: int) -> float:
    rows = [(seq + n, AT, type(one.event).__name__, one.key, one.body, bytes(32)) for n, one in enumerate(ready)]
    began = time.perf_counter()
    with connection.transaction(), connection.cursor().copy("COPY bench_raw FROM STDIN (FORMAT binary)") as copy:
        copy.set_types(["int8", "timestamptz", "text", "text", "bytea", "bytea"])
        for row in rows:
            copy.write_row(row)
    return time.perf_counter() - began


def _append(connection: psycopg.Connection[Any], ready: Sequence[Encoded]) -> float:
    """Append and commit; the lock is held from the first round trip to the end of the commit."""
    began = time.perf_counter()
    with connection.transaction():
        taken = append_encoded(connection, ready, at=AT)
    took = time.perf_counter() - began
    assert len(taken) == len(ready)
    return took


def _p99(values: Sequence[float]) -> float:
    return statistics.quantiles(values, n=100)[98]


def batches(count: int = BATCHES) -> Iterator[list[Event]]:
    """Yield the log: reference data first, then trading, nine tenths of it fills."""
    first = _reference()
    yield [*first, *_events(1, BATCH - len(first))]
    for number in range(1, count):
        yield _events(1 + number * BATCH, BATCH)


def _events(first: int, count: int) -> list[Event]:
    return [_event(number) for number in range(first, first + count)]


def _event(number: int) -> Event:
    at, instrument = AT + timedelta(milliseconds=number), ETH if number % 3 else BTC
    price = Decimal(300_000 + number % 997) / 100
    quantity = Decimal(1 + number % 4_999) / 1_000
    match number % 100:
        case 11 | 33 | 55 | 77:
            return OrderSeen(
                at=at,
                account=ACCOUNT,
                instrument=instrument,
                venue_order_id=str(number),
                client_order_id=f"h-{number}",
                side="sell",
                type="LIMIT",
                status="filled",
                price=price,
                quantity=quantity,
                filled=quantity,
                average_price=price,
                reduce_only=False,
            )
        case 22 | 66:
            return BalanceStated(at=at, account=ACCOUNT, asset="USDT", total=price * 100)
        case 44 | 88:
            return PositionStated(at=at, account=ACCOUNT, instrument=instrument, quantity=quantity, entry_price=price)
        case 99:
            return FundingPaid(
                at=at, account=ACCOUNT, instrument=instrument, payment_id=str(number), amount=quantity, asset="USDT"
            )
        case 50:
            mark = Mark(subject=instrument, kind="mark", value=price, at=at, received_at=at, source="bench")
            return MarksTaken(at=AT + timedelta(seconds=number), marks=(mark,) * 20)
    return FillRecorded(
        at=at,
        account=ACCOUNT,
        instrument=instrument,
        trade_id=str(number),
        venue_order_id=str(number // 3),
        side="sell" if number % 2 else "buy",
        price=price,
        quantity=quantity,
        fee=Decimal(number % 97) / 1_000,
        fee_asset="USDT",
        is_maker=number % 5 == 0,
    )


def _reference() -> list[Event]:
    venue = Venue(name="binance-usdm", protocol="binance-usdm", rest_url="https://x.test", ws_url="wss://x.test")
    account = Account(name=ACCOUNT, venue=venue.name, label="main", instruments=("ETH-USDT-PERP", "BTC-USDT-PERP"))
    found: list[Event] = [
        AssetChanged(at=AT, asset=Asset(symbol=name, name=name, decimals=18, underlying=name), version=1, by="bench")
        for name in ("ETH", "BTC", "USDT")
    ]
    found += [
        VenueChanged(at=AT, venue=venue, version=1, by="bench"),
        AccountChanged(at=AT, account=account, version=1, by="bench"),
    ]
    for id_ in (ETH, BTC):
        symbol = id_.partition(":")[2]
        instrument = Instrument(
            id=id_,
            venue=venue.name,
            symbol=symbol,
            venue_symbol=symbol.replace("-PERP", "").replace("-", ""),
            kind="linear",
            expiry="perpetual",
            base=symbol[:3],
            quote="USDT",
            settlement="USDT",
            contract_size=Decimal(1),
            tick_size=Decimal("0.01"),
            step_size=Decimal("0.001"),
        )
        found.append(InstrumentChanged(at=AT, instrument=instrument, version=1, by="bench"))
    return found


if __name__ == "__main__":
    main()
