"""Starting: which sources have just begun and are not settled yet.  Book x FeedRows x at -> names

What has just begun is silent for a moment, and nobody is called for that. It ends when the source has been live for a
moment, and never lasts longer than `STARTING`: then its silence is a fault like any other.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

from portfolio.core.book import Book
from portfolio.core.rows import FeedRow

STARTING: Final = timedelta(seconds=60)  # so long a source may take until it is live
SETTLED_AFTER: Final = timedelta(seconds=5)  # live for so long, what rests on it has been made
ENGINE: Final = "engine"  # the service whose beginning counts for sources that no worker has taken yet


def starting(book: Book, feeds: Iterable[FeedRow], at: datetime) -> tuple[str, ...]:
    """Return the sources that began within `STARTING` and are not settled."""
    return tuple(row.feed for row in feeds if _is_starting(book, row.feed, at))


def _is_starting(book: Book, feed: str, at: datetime) -> bool:
    taken = book.services.get(feed) or book.services.get(ENGINE)
    if taken is None or not taken.at <= at < taken.at + STARTING:
        return False
    told = book.feeds.get(feed)
    return told is None or told.at < taken.at or told.state != "live" or at < told.at + SETTLED_AFTER
