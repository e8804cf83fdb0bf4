"""Books: this process's own book, caught up with the log whenever somebody looks."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final

import psycopg
import structlog
from django.db import connection
from psycopg.rows import tuple_row

from hedgeapp.core.events import Recorded
from hedgeapp.eventlog.read import read_batches
from portfolio.core.book import Book
from portfolio.core.copies import copied
from portfolio.operations.books import restored_book

WAIT_S_MAX: Final = 5.0  # for another thread of this process that holds the book

# The hash of an event that was folded (another one, or none, if this is not the log that it was in), and the head.
_WHERE: Final = """
SELECT (SELECT hash FROM eventlog_event WHERE seq = %s), seq, hash FROM eventlog_event ORDER BY seq DESC LIMIT 1
"""

log = structlog.get_logger()


class BookIsBusy(TimeoutError):
    """Another thread of this process held the book for too long."""

    def __init__(self) -> None:
        super().__init__(f"this process's book expected to be free within {WAIT_S_MAX:g} s, found it in use: try again")


class FollowingBook:
    """A book that follows the log; made at the first look, from the latest snapshot, then only the log's tail is read.

    Threads take turns. Whoever holds the book may wait for the database's answers, never for a connection of the pool
    (those who have them all may be waiting for the book) nor for the log's lock: those are taken first, or not at all.
    """

    def __init__(self) -> None:
        self._turn = threading.RLock()
        self._book: Book | None = None
        self._known = (0, b"")  # an event that is in the book, and its hash

    @contextmanager
    def held(self) -> Iterator[Book]:
        """Give the book as of the log's head to this thread alone; it is read, never changed.

        Within a transaction it comes before the first append: what is rolled back must not be folded.
        """
        connection.ensure_connection()
        if not self._turn.acquire(timeout=WAIT_S_MAX):
            raise BookIsBusy
        try:
            yield self._caught_up()
        finally:
            self._turn.release()

    @contextmanager
    def glanced(self) -> Iterator[Book | None]:
        """Give the book as it was folded last, without a look at the log; None while there is none or it is in use.

        For whoever only wants to begin, and is told under the log's lock whether it may.
        """
        if not self._turn.acquire(blocking=False):
            yield None
            return
        try:
            yield self._book
        finally:
            self._turn.release()

    def take(self, batch: Sequence[Recorded]) -> bool:
        """Fold those of a run of events, read elsewhere, that come next; return whether any did."""
        with self._turn:
            book = self._book
            if book is None or not batch or not batch[0].seq <= book.seq + 1 <= batch[-1].seq:
                return False
            self._fold(book, batch[book.seq + 1 - batch[0].seq :])
            return True

    def _caught_up(self) -> Book:
        raw = connection.connection
        cursor = psycopg.Cursor(raw, row_factory=tuple_row)
        known, head, head_hash = cursor.execute(_WHERE, (self._known[0],), binary=True).fetchone() or (None, 0, b"")
        if self._book is None or known != self._known[1] or head < self._book.seq:
            self._book = restored_book()
            self._known = (head, head_hash) if head == self._book.seq else (0, b"")
            return self._book
        if head > self._book.seq:
            for batch in read_batches(raw, after=self._book.seq, until=head):
                self._fold(self._book, batch)
        self._known = (head, head_hash)
        return self._book

    def _fold(self, book: Book, batch: Sequence[Recorded]) -> None:
        try:
            book.fold(batch)
        except BaseException:
            self._book = None  # half folded: made again at the next look
            raise


FOLLOWING: Final = FollowingBook()


def current_book() -> Book:
    """Return the book as of the log's head: a copy, for this caller alone, that no later event changes."""
    with FOLLOWING.held() as book:
        return copied(book)
