"""Tape: how a feed hands what it saw to the recorder, whichever venue it is of."""

import asyncio
from typing import Final
from uuid import uuid4

from marketdata.board import Board
from marketdata.core.tape import Roll

POST_S: Final = 1.0  # between two batches of a feed


async def keep_tape(feed: str, roll: Roll, board: Board) -> None:
    """Post what waits each second, until canceled; what the board does not take is lost, and its number says so."""
    run = uuid4().hex
    while True:
        await asyncio.sleep(POST_S)
        batch = roll.taken(feed, run)
        if batch is not None:
            await board.post_tape(batch)
