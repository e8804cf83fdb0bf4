"""The accountant: why the net asset value changed, minute by minute, kept after the log.

What it writes depends on the log alone. It begins where the last minute ended, so that a kill or a takeover loses
nothing and leaves nothing twice.
"""

from typing import Final

import structlog

from hedgeapp.database import conninfo
from hedgeapp.eventlog.stream import follow
from hedgeapp.services import Lease
from portfolio.core.book import Book
from portfolio.core.minutes import Minutes
from portfolio.operations import minutes as kept
from portfolio.operations.books import restored_book

GATHER_S: Final = 1.0  # a minute may be a second late on the screen

log = structlog.get_logger()


async def run(lease: Lease) -> None:
    """Keep minutes for as long as the lease lasts, from the last one on."""
    minutes = await lease.in_database(begun)
    log.info("accountant.begun", seq=minutes.book.seq)
    told = ""
    async for batch in follow(conninfo(), after=minutes.book.seq, gather_s=GATHER_S):
        ended = [minute for recorded in batch if (minute := minutes.take(recorded)) is not None]
        await lease.in_database(kept.keep_minutes, ended)
        if minutes.because != told:
            told = minutes.because
            log.info("accountant.net_asset_value", because=told or "is known")


def begun() -> Minutes:
    """Return the minutes as of the last one that is kept, of an empty book when there is none."""
    if kept.forget_if_ahead():
        log.warning("accountant.begun_anew", because="the log is another one")
    cut = kept.last_cut()
    return Minutes(restored_book(cut[0]), cut[1]) if cut else Minutes(Book())
