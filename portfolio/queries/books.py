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
from hedgeapp.eventlog.chain import HASH_BYTES
from hedgeapp.eventlog.read import BATCH_ROWS, BATCH_SQL, END
from hedgeapp.eventlog.unpack import Unpack
from portfolio.core.book import Book
from portfolio.core.copies import copied
from portfolio.operations.books import restored_book

WAIT_S_MAX: Final = 5.0  # for another thread of this process that holds the book

# The hash of an event that was folded (another one, or none, if this is not the log that it was in), and what came
# after the last one: most looks find a few events or nothing, and cost one answer.
_HASH: Final = "SELECT hash FROM eventlog_event WHERE seq = %(known)s"
_TAIL: Final = f"SELECT ({_HASH}), tail.* FROM ({BATCH_SQL}) AS tail"

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
        self._known: tuple[int, bytes | None] = (0, None)  # an event that is in the book, and its hash
        self._unpack = Unpack(verify=False)

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
        cursor = psycopg.Cursor(connection.connection, row_factory=tuple_row)
        while True:
            if self._book is None:
                self._book = restored_book()
                (hash_,) = cursor.execute(_HASH, {"known": self._book.seq}, binary=True).fetchone() or (None,)
                self._known = (self._book.seq, hash_)
            book, after = self._book, self._book.seq
            given = {"known": self._known[0], "after": after, "until": END, "rows": BATCH_ROWS}
            # Prepared: to parse this takes longer than to answer it.
            ((known, blob, before, last),) = cursor.execute(_TAIL, given, binary=True, prepare=True)
            if known != self._known[1] or (after and before is None):
                self._book = None  # of another log, or of more than this one has
                continue
            if blob is not None:
                self._fold(book, self._unpack(blob, before, after))
                self._known = (last, blob[-HASH_BYTES:])
            if blob is None or last - after < BATCH_ROWS:
                return book

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
