"""Past frames: the Overview as of any event, folded again out of the log.

The book is the nearest written-out one before, and the events since; the marks are those that the log took then; a feed
was heard if its last word was that it is live. What is kept here belongs to a log that only grows.
"""

from datetime import datetime
from functools import lru_cache
from typing import Final

from hedgeapp.eventlog.models import LoggedEvent
from marketdata.core.board import FeedHealth
from portfolio.core.book import Book
from portfolio.core.frames import Frame, frame
from portfolio.models import FrameTaken
from portfolio.operations.books import restored_book
from portfolio.queries.past import Moment

KEPT: Final = 8  # frames of the past that one process remembers
BOOKS_KEPT: Final = 2


def past_frame(moment: Moment) -> Frame:
    """Return the frame as of a moment; `number` is that of the last frame that was shown by then, 0 if none is kept."""
    return _frame(moment.seq, moment.at, _hash(moment.seq))


def past_book(moment: Moment) -> Book:
    """Return the book as of a moment; it is read, never changed."""
    return _book(moment.seq, _hash(moment.seq))


def past_health(book: Book, at: datetime) -> tuple[FeedHealth, ...]:
    """Return how each feed did by its last word in a book of the past."""
    return tuple(
        FeedHealth(
            feed=name,
            is_connected=told.state == "live",
            since=told.at,
            last_message_at=at if told.state == "live" else told.at,
            messages_per_s=0.0,
            counters={},
            error="" if told.state == "live" else told.reason,
            epoch=book.services[name].epoch if name in book.services else 0,
            posted_at=at,
        )
        for name, told in sorted(book.feeds.items())
    )


def _hash(seq: int) -> bytes:
    return bytes(LoggedEvent.objects.values_list("hash", flat=True).get(seq=seq))


@lru_cache(maxsize=KEPT)
def _frame(seq: int, at: datetime, digest: bytes) -> Frame:
    book = _book(seq, digest)
    shown = FrameTaken.objects.filter(at__lte=at, seq__lte=seq).order_by("-at").values_list("number", flat=True).first()
    return frame(book, book.marks, past_health(book, at), number=shown or 0, at=at)


@lru_cache(maxsize=BOOKS_KEPT)
def _book(seq: int, digest: bytes) -> Book:
    return restored_book(until=seq)


def forget() -> None:
    """Forget the frames and books that were made."""
    _frame.cache_clear()
    _book.cache_clear()
