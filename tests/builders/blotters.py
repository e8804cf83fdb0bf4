"""Many orders of ours, in the log and in their rows, or in the rows alone."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import psycopg
from django.db import connection, transaction

from hedgeapp.core.events import Event
from hedgeapp.core.events.orders import OrderAcknowledged, OrderRefused
from hedgeapp.database import conninfo
from hedgeapp.eventlog.append import append
from hedgeapp.eventlog.read import read
from portfolio.models import Checkpoint, HedgeOrder
from portfolio.operations import read_models
from portfolio.operations.books import restored_book
from portfolio.projections import TABLES
from portfolio.queries.rows import projected_seq
from tests.builders.desks import history
from tests.builders.log import emptied
from tests.builders.orders import AT, fill, intended, seen, sent

MS = timedelta(milliseconds=1)


def name(number: int) -> str:
    """Return the id of an order of ours."""
    return f"hg{number:026d}"


def began() -> None:
    """Empty the log and every row, and begin a log in which orders make sense."""
    with psycopg.connect(conninfo()) as raw:
        emptied(raw)
        for table in TABLES:
            raw.execute(f"TRUNCATE {table.name}")
        raw.execute("TRUNCATE portfolio_checkpoint, eventlog_snapshot")
    told(*history())
    projected()


def told(*events: Event, at: datetime = AT) -> None:
    """Append events to the log, a millisecond between each and the next."""
    with transaction.atomic():
        connection.ensure_connection()
        for place, event in enumerate(events):
            append(connection.connection, [event], at=at + place * MS)


def projected() -> None:
    """Bring the rows to the log's head."""
    seq = projected_seq()
    with psycopg.connect(conninfo()) as raw:
        log = list(read(raw, after=seq))
    if log:
        read_models.advance(restored_book(seq), log)


def life(number: int, upto: str = "filled", at: datetime = AT, **given: Any) -> list[Event]:
    """Return the life of one order, up to a state: intended, sent, working, filled, canceled or refused."""
    order, venue_order_id = name(number), str(7000 + number)
    events: list[Event] = [intended(order, at=at, **given)]
    if upto == "refused":
        return [*events, OrderRefused(at=at, client_order_id=order, rule="order_size_max", said="5 ETH, limit 4 ETH")]
    if upto == "intended":
        return events
    events.append(sent(order, at=at + 2 * MS))
    if upto == "sent":
        return events
    events.append(OrderAcknowledged(at=at + 12 * MS, client_order_id=order, venue_order_id=venue_order_id))
    events.append(seen(order, venue_order_id=venue_order_id))
    if upto == "filled":
        events.append(fill(str(number), "5", venue_order_id))
        events.append(seen(order, status="filled", filled="5", venue_order_id=venue_order_id))
    elif upto == "canceled":
        events.append(seen(order, status="canceled", venue_order_id=venue_order_id))
    return events


def rows(numbers: Iterable[int], first_seq: int = 10_000) -> None:
    """Put filled orders into the rows alone, many at once, a second between each and the next."""
    made = [_row(number, first_seq + 10 * place) for place, number in enumerate(numbers)]
    HedgeOrder.objects.bulk_create(made, batch_size=1_000)
    last = max(row.from_seq for row in made)
    Checkpoint.objects.update_or_create(name=Checkpoint.READ_MODELS, defaults={"seq": last})


def _row(number: int, seq: int) -> HedgeOrder:
    order, at = intended(name(number)), AT + timedelta(seconds=number)
    return HedgeOrder(
        from_seq=seq + 5, client_order_id=order.client_order_id, account=order.account, instrument=order.instrument,
        side=order.side, time_in_force=order.time_in_force, quantity=order.quantity, price=order.price,
        reduce_only=order.reduce_only, by=order.by, reason=order.reason, proposal_id="", at=at, state="filled",
        venue_order_id=str(7000 + number), filled=Decimal(5), logged=Decimal(5), average_price=Decimal("2999.5"),
        because="", intended_seq=seq, intended_at=at, sent_seq=seq + 1, sent_at=at + (1 + number % 100) * MS,
        valid_until=at + 3000 * MS, acknowledged_at=at + (11 + number % 100) * MS, filled_at=at + 150 * MS,
        ended_at=at + 160 * MS, cancel_asked_at=None, cancel_asked_by="",
    )  # fmt: skip
