"""Feeds: how each of them does by the log and by the leases, for when the board is away."""

from typing import Final

import psycopg
from django.db import connection
from psycopg.rows import tuple_row

from marketdata.core.board import FeedHealth
from portfolio.core.book import Book

NOT_TOLD: Final = "its new holder has not told its state yet"

_HELD: Final = "SELECT service, epoch, heartbeat_at FROM eventlog_epoch"


def heard(book: Book) -> list[FeedHealth]:
    """Return the health of every feed that the log knows.

    A feed writes into the log when it falls silent or loses its source. One that was live by its last word, and whose
    holder proves that it lives, was therefore heard when the holder last proved it.
    """
    connection.ensure_connection()
    # As it is, since the log's lock is held meanwhile: a query set takes several times as long.
    rows = psycopg.Cursor(connection.connection, row_factory=tuple_row).execute(_HELD, prepare=True)
    held = {service: (epoch, heartbeat_at) for service, epoch, heartbeat_at in rows}
    found = []
    for name, told in sorted(book.feeds.items()):
        (epoch, heartbeat_at), taken = held.get(name, (0, None)), book.services.get(name)
        is_told = taken is None or told.at >= taken.at
        is_live = told.state == "live" and is_told and heartbeat_at is not None
        error = "" if is_live else (told.reason if is_told else NOT_TOLD)
        found.append(
            FeedHealth(
                feed=name,
                is_connected=is_live,
                since=told.at,
                last_message_at=heartbeat_at if is_live else None,
                messages_per_s=0.0,
                counters={},
                error=error,
                epoch=epoch,
                posted_at=heartbeat_at or told.at,
            )
        )
    return found
