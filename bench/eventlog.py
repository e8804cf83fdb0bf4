"""The log: appending against raw COPY of the same rows, and how fast everything is made again from it.

It runs in a process of its own, on a durable PostgreSQL of its own. Raw COPY and append of the same rows take turns,
so that whatever else the machine does strikes both.
"""

import gc
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from hashlib import sha256
from importlib import import_module
from multiprocessing import get_context
from typing import Any, Final

import msgspec
import psycopg

from bench.report import Row
from hedgeapp.core.events import Event
from hedgeapp.core.events.balances import BalanceStated
from hedgeapp.core.events.marks import MarksTaken
from hedgeapp.core.events.positions import FundingPaid, PositionStated
from hedgeapp.core.events.reference import AccountChanged, AssetChanged, InstrumentChanged, VenueChanged
from hedgeapp.core.events.trading import FillRecorded, OrderSeen
from hedgeapp.core.instruments import Instrument
from hedgeapp.core.marks import Mark
from hedgeapp.core.records import record
from hedgeapp.core.reference import Account, Asset, Venue
from hedgeapp.eventlog import chain
from hedgeapp.eventlog.append import append_encoded
from hedgeapp.eventlog.codec import DECODERS
from hedgeapp.eventlog.read import read_batches, rebuilding
from hedgeapp.eventlog.steps import Encoded, encoded

BATCH: Final = 1_000
BATCHES: Final = 120
SINGLES: Final = 300
ROUNDS: Final = 12  # the best counts: what else the machine does only slows
AT: Final = datetime(2026, 3, 1, tzinfo=UTC)
ACCOUNT, ETH, BTC = "binance-usdm:main", "binance-usdm:ETH-USDT-PERP", "binance-usdm:BTC-USDT-PERP"

APPEND_RATIO_MIN: Final = 0.5
BOOK_PER_S_MIN: Final = 150_000
ROWS_PER_S_MIN: Final = 50_000


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
        rows = [*_appending(connection), *_rebuilding(url)]
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


def _rebuilding(url: str) -> Iterator[Row]:
    # Each in a process just begun from one that is ready, as a service that comes back is (`hedgeapp/up/cradle.py`),
    # not on the heap that the others leave behind.
    import_module("portfolio.operations.replay")
    gc.freeze()
    with get_context("fork").Pool(1, maxtasksperchild=1) as alone:
        for name, rebuild, least in (
            ("rebuild the book", _book, BOOK_PER_S_MIN),
            ("rebuild all read models", _read_models, ROWS_PER_S_MIN),
        ):
            # They take turns: what else the machine does strikes both.
            pairs = [(alone.apply(rebuild, (url,)), alone.apply(_bare, (url,))) for _ in range(ROUNDS)]
            yield from _rates(name, pairs, least)


@record
class Rate:
    """How fast events were folded: per second of one core's work for us, and per second of the clock."""

    per_core_s: float
    per_s: float


def _bare(url: str) -> Rate:
    """Do what no rebuild can leave out, and nothing else: each row hashed, each body decoded, from memory."""
    with psycopg.connect(url) as connection:
        rows = connection.execute(f"SELECT kind, body, {chain.MATERIAL_SQL} || hash FROM eventlog_event").fetchall()
    ready = [(DECODERS[kind], body, material) for kind, body, material in rows]
    with rebuilding():
        watch = Watch()
        for decode, body, material in ready:
            sha256(material).digest()
            decode(body)
        return watch.rate(len(ready))


def _book(url: str) -> Rate:
    from portfolio.core.book import Book

    with psycopg.connect(url, autocommit=True) as connection, rebuilding():
        book, watch = Book(), Watch()
        for batch in read_batches(connection, verify=True):
            book.fold(batch)
        return watch.rate(book.seq)


def _read_models(url: str) -> Rate:
    from portfolio.operations import replay, tables

    with psycopg.connect(url) as writer, psycopg.connect(url, autocommit=True) as reader:
        names = replay.names()
        tables.create_beside(writer, "public", replay.SCHEMA, names)
        rebuild, watch = replay.Rebuild(reader, writer), Watch()
        with rebuilding():
            rebuild.until(BATCH * BATCHES)
            rebuild.finish()
        tables.index_as(writer, "public", replay.SCHEMA, names)
        writer.commit()
        return watch.rate(rebuild.folded)


class Watch:
    """Measures from its making on."""

    def __init__(self) -> None:
        self._wall, self._core = time.perf_counter(), time.process_time()

    def rate(self, count: int) -> Rate:
        """Return how many a second."""
        wall, core = time.perf_counter() - self._wall, time.process_time() - self._core
        return Rate(per_core_s=count / core, per_s=count / wall)


def _rates(name: str, pairs: Sequence[tuple[Rate, Rate]], least: int) -> Iterator[Row]:
    rates = [ours for ours, _ in pairs]
    ratio = statistics.median(ours.per_core_s / other.per_core_s for ours, other in pairs)
    best = max(rate.per_core_s for rate in rates)
    yield Row(
        name=f"{name}, hashes verified",
        value=best,
        unit="events/s a core",
        compared_with=f"hashing and decoding alone: {max(other.per_core_s for _, other in pairs):,.0f}",
        ratio=ratio,
        budget=f"≥ {least:,} events/s a core",
        is_met=best >= least,
    )
    yield Row(name=f"{name}, by the clock", value=max(rate.per_s for rate in rates), unit="events/s")


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
