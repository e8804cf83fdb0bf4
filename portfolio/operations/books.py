"""Books: keep a written-out book beside the log, and make one again from it and the log's tail."""

from datetime import datetime

import msgspec
from django.db import connection, transaction

from hedgeapp.eventlog import snapshot
from hedgeapp.eventlog.read import END, read_batches, rebuilding
from portfolio.core.book import Book
from portfolio.core.snapshots import VERSION, BookState, dump, load

NAME = "book"


def restored_book(until: int = END) -> Book:
    """Return the book as of the log's head or of a seq: the latest snapshot of this log, and what came after it."""
    connection.ensure_connection()
    kept = snapshot.load(connection.connection, NAME, version=str(VERSION), until=until)
    book = load(msgspec.json.decode(kept.state, type=BookState)) if kept else Book()
    with rebuilding():
        for batch in read_batches(connection.connection, after=book.seq, until=until):
            book.fold(batch)
    return book


def keep_book(book: Book, at: datetime) -> None:
    """Keep a book that has folded at least one event, as of its seq."""
    state = msgspec.json.encode(dump(book))
    with transaction.atomic(durable=True):
        snapshot.store(connection.connection, NAME, book.seq, state, version=str(VERSION), at=at)
