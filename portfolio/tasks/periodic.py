"""Periodic tasks: the book is kept, old frames are let go."""

from datetime import UTC, datetime

import structlog
from celery import shared_task

from portfolio.operations import books, frames

log = structlog.get_logger()


@shared_task(name="portfolio.tasks.snapshot_book")
def snapshot_book() -> None:
    """Keep the book as of now, so that a restart folds only the log's tail."""
    book = books.restored_book()
    if book.seq:
        books.keep_book(book, datetime.now(UTC))
        log.info("book.kept", seq=book.seq)


@shared_task(name="portfolio.tasks.prune_frames")
def prune_frames() -> None:
    """Let go of frames that are older than they are kept for."""
    log.info("frames.pruned", count=frames.prune_frames(datetime.now(UTC)))
