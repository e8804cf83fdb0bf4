"""Feeds: how each of them does by the log and by the leases, for when the board is away."""

from typing import Final

from hedgeapp.eventlog.models import Epoch
from marketdata.core.board import FeedHealth
from portfolio.core.book import Book

NOT_TOLD: Final = "its new holder has not told its state yet"


def heard(book: Book) -> list[FeedHealth]:
    """Return the health of every feed that the log knows.

    A feed writes into the log when it falls silent or loses its source. One that was live by its last word, and whose
    holder proves that it lives, was therefore heard when the holder last proved it.
    """
    rows = Epoch.objects.values_list("service", "epoch", "heartbeat_at", named=True)
    held = {row.service: row for row in rows}
    found = []
    for name, told in sorted(book.feeds.items()):
        row, taken = held.get(name), book.services.get(name)
        is_told = taken is None or told.at >= taken.at
        is_live = told.state == "live" and is_told and row is not None
        error = "" if is_live else (told.reason if is_told else NOT_TOLD)
        found.append(
            FeedHealth(
                feed=name,
                is_connected=is_live,
                since=told.at,
                last_message_at=row.heartbeat_at if row is not None and is_live else None,
                messages_per_s=0.0,
                counters={},
                error=error,
                epoch=row.epoch if row else 0,
                posted_at=row.heartbeat_at if row else told.at,
            )
        )
    return found
