"""The projector: read models follow the log, a batch and its checkpoint at a time, so that a kill loses nothing."""

from typing import Final

import structlog

from hedgeapp.database import conninfo
from hedgeapp.eventlog.stream import follow
from hedgeapp.services import Lease
from portfolio.operations import read_models
from portfolio.operations.books import restored_book
from portfolio.queries.rows import projected_seq

GATHER_S: Final = 0.05  # pages may be so far behind; whoever acts reads the log

log = structlog.get_logger()


async def run(lease: Lease) -> None:
    """Write the read models for as long as the lease lasts, from their checkpoint on."""
    seq = await lease.in_database(projected_seq)
    book = await lease.in_database(restored_book, seq)
    log.info("projector.begun", seq=seq)
    async for batch in follow(conninfo(), after=seq, gather_s=GATHER_S):
        await lease.in_database(read_models.advance, book, batch)
