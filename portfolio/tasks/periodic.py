"""Periodic tasks: the book is kept, old frames are let go."""

from datetime import UTC, datetime
from typing import Final

import structlog
from celery import shared_task

from portfolio.operations import books, frames, minutes

MILESTONES_MAX: Final = 25  # of one run, some seconds of work; the next comes in a minute

log = structlog.get_logger()


@shared_task(name="portfolio.tasks.snapshot_book")
def snapshot_book() -> None:
    """Keep the book as of now, so that a restart folds only the log's tail."""
    book = books.restored_book()
    if book.seq:
        books.keep_book(book, datetime.now(UTC))
        log.info("book.kept", seq=book.seq)


@shared_task(name="portfolio.tasks.keep_milestones")
def keep_milestones() -> None:
    """Keep the books that make every moment of the past quick to see."""
    if count := books.keep_milestones(MILESTONES_MAX, datetime.now(UTC)):
        log.info("book.milestones_kept", count=count)


@shared_task(name="portfolio.tasks.prune_frames")
def prune_frames() -> None:
    """Let go of frames that are older than they are kept for."""
    log.info("frames.pruned", count=frames.prune_frames(datetime.now(UTC)))


@shared_task(name="portfolio.tasks.prune_minutes")
def prune_minutes() -> None:
    """Let go of attributed minutes that are older than they are kept for; their days stay."""
    log.info("minutes.pruned", count=minutes.prune_minutes(datetime.now(UTC)))
