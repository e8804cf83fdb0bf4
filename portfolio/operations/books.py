"""Books: keep a written-out book beside the log, and make one again from it and the log's tail.

The latest ones are for a restart. Milestones, one every `MILESTONE` events for as long as the log goes back, are for
whoever looks at the past: from the one before, any event is a moment away.
"""

from datetime import datetime
from typing import Final

import msgspec
from django.db import connection, transaction

from hedgeapp.eventlog import snapshot
from hedgeapp.eventlog.read import END, head, read_batches, rebuilding
from portfolio.core.book import Book
from portfolio.core.snapshots import VERSION, BookState, dump, load

NAME: Final = "book"
MILESTONES: Final = "book-milestones"
MILESTONE: Final = 10_000  # events from one milestone to the next: folded in some tenths of a second
MILESTONES_KEPT: Final = 100_000  # a billion events


def restored_book(until: int = END) -> Book:
    """Return the book as of the log's head or of a seq: the latest snapshot of this log, and what came after it."""
    connection.ensure_connection()
    found = (
        snapshot.load(connection.connection, name, version=str(VERSION), until=until) for name in (NAME, MILESTONES)
    )
    kept = max((one for one in found if one is not None), key=lambda one: one.seq, default=None)
    book = load(msgspec.json.decode(kept.state, type=BookState)) if kept else Book()
    with rebuilding():
        for batch in read_batches(connection.connection, after=book.seq, until=until):
            book.fold(batch)
    return book


def head_seq() -> int:
    """Return the last event of the log, 0 when it is empty."""
    connection.ensure_connection()
    return head(connection.connection).seq


def keep_book(book: Book, at: datetime) -> None:
    """Keep a book that has folded at least one event, as of its seq."""
    _keep(book, NAME, at, snapshot.KEPT)


def keep_milestones(most: int, at: datetime) -> int:
    """Keep the milestones that are missing, at most so many, the earliest first; return how many were.

    All are missing after a change of the arithmetic: they are made again, run by run.
    """
    connection.ensure_connection()
    have = snapshot.seqs(connection.connection, MILESTONES, version=str(VERSION))
    last = head(connection.connection).seq
    missing = [seq for seq in range(MILESTONE, last + 1, MILESTONE) if seq not in have][:most]
    for seq in missing:
        _keep(restored_book(until=seq), MILESTONES, at, MILESTONES_KEPT)
    return len(missing)


def _keep(book: Book, name: str, at: datetime, kept: int) -> None:
    state = msgspec.json.encode(dump(book))
    with transaction.atomic(durable=True):
        snapshot.store(connection.connection, name, book.seq, state, version=str(VERSION), at=at, kept=kept)
