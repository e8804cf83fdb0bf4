"""Restored: after the log came back from its second store, everything beside it that its events say.

Read models and reference rows are folded up to the log's head and put in the place of the live ones, which are those of
an empty database. Halts, and the work that is still to be carried, are rows that are written with their events; they
are made again, each once. What is no event does not come back: people and their passwords, keys of accounts, frames.
"""

import time
from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final, assert_never

import psycopg
import structlog
from django.db import IntegrityError, connection, transaction

from hedgeapp.core.events.halts import HaltDeclared, HaltLifted, HaltTookHold, ResumeAsked
from hedgeapp.eventlog.append import lock as lock_log
from hedgeapp.eventlog.read import head, read, rebuilding
from portfolio.core.book import Book
from portfolio.core.halts import HaltEvent, Halts
from portfolio.models import Checkpoint, Halt
from portfolio.operations import read_models, tables
from portfolio.operations.orders import queue_of
from portfolio.operations.replay import SCHEMA, Rebuild, Replayed, Told, names
from portfolio.operations.work import open_again

HALT_KINDS: Final = [kind.__name__ for kind in (HaltDeclared, HaltTookHold, ResumeAsked, HaltLifted)]
OF_HALT: Final = [field.name for field in Halt._meta.fields if not field.primary_key]
_MOVE: Final = f"""
INSERT INTO {Checkpoint._meta.db_table} (name, seq, moved_at) VALUES (%s, %s, clock_timestamp())
ON CONFLICT (name) DO UPDATE SET seq = excluded.seq, moved_at = excluded.moved_at
"""

log = structlog.get_logger()


def rebuild(url: str, *, at: datetime, told: Told = lambda _: None) -> Replayed:
    """Build all rows that the log's events say, up to its head, with the owner's connections; doing so again is safe.

    Refuses with ChainIsBroken.
    """
    with psycopg.connect(url) as writer, psycopg.connect(url, autocommit=True) as reader:
        live = tables.current_schema(writer)
        tables.create_beside(writer, live, SCHEMA, names())
        fold = Rebuild(reader, writer)
        began = time.perf_counter()
        with rebuilding():
            fold.until(head(reader).seq)
            fold.finish()
        fold_s = time.perf_counter() - began
        told(f"folded {fold.book.seq} events in {fold_s:.1f} s, {fold.book.seq / (fold_s or 1):,.0f} a second")
        tables.index_as(writer, live, SCHEMA, names())
        writer.commit()
        _put_in_place(fold, live)
        counts = {name: tables.count(reader, live, name) for name in names()}
    _write_halts()
    open_what_is_not_over(fold.book, at)
    return Replayed(events=fold.folded, seq=fold.book.seq, rows=counts, fold_s=fold_s, differing={})


def _put_in_place(fold: Rebuild, live: str) -> None:
    """Swap the tables and move the checkpoint to where they stand, in one transaction."""
    writer = fold.writer
    read_models.lock(writer)
    lock_log(writer)
    until = head(fold.reader).seq
    fold.catch_up(until)
    fold.reference_until(until)
    if until:
        psycopg.Cursor(writer).execute(_MOVE, (Checkpoint.READ_MODELS, until))
    tables.swap(writer, live, SCHEMA, names())
    writer.commit()


def _write_halts() -> None:
    with transaction.atomic(durable=True):
        connection.ensure_connection()
        Halt.objects.bulk_create(
            list(_halts(connection.connection)), update_conflicts=True, unique_fields=["halt_id"], update_fields=OF_HALT
        )


def _halts(raw: psycopg.Connection[Any]) -> Iterator[Halt]:
    """Yield the row of each halt that was ever declared."""
    halts, rows = Halts(), dict[str, Halt]()
    for one in read(raw, kinds=HALT_KINDS):
        event = one.event
        assert isinstance(event, HaltDeclared | HaltTookHold | ResumeAsked | HaltLifted)
        if not halts.apply(event, one.seq):
            _note(rows, event)
    yield from rows.values()


def _note(rows: dict[str, Halt], event: HaltEvent) -> None:
    match event:
        case HaltDeclared(at=at, halt_id=name, scope=scope, by=by, reason=reason):
            rows[name] = Halt(halt_id=name, scope=scope, declared_at=at, declared_by=by, reason=reason)
        case HaltTookHold(at=at, halt_id=name, canceled=canceled):
            rows[name].held_at, rows[name].canceled = at, canceled
        case ResumeAsked(at=at, halt_id=name, by=by, reason=reason):
            rows[name].asked_at, rows[name].asked_by, rows[name].asked_because = at, by, reason
        case HaltLifted(at=at, halt_id=name, approved_by=by):
            rows[name].lifted_at, rows[name].approved_by = at, by
        case _:
            assert_never(event)


def open_what_is_not_over(book: Book, at: datetime) -> None:
    """Open the work of orders and moves that have no last word, and of halts that have not taken hold."""
    with transaction.atomic(durable=True):
        for order in book.our_orders:
            if not order.is_final:
                open_again("order", order.client_order_id, queue_of(order.intent), at=at)
                if order.cancel_asked_at is not None:
                    open_again("cancel", order.client_order_id, "urgent", at=at)
        for move in book.moves:
            if not move.is_final and (move.intended is not None or move.state == "approved"):
                _open_move(move.move_id, at)
        for halt in Halt.objects.filter(lifted_at=None, held_at=None):
            open_again("halt", halt.halt_id, "urgent", at=at)


def _open_move(move_id: str, at: datetime) -> None:
    """Open the work of a move; the database refuses one that the log calls approved without its quorum: it is left."""
    try:
        with transaction.atomic():
            open_again("move", move_id, "moves", at=at)
    except IntegrityError as refusal:
        log.warning("restored.move_left", move=move_id, because=str(refusal).partition("\n")[0])
