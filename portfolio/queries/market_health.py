"""Health of market data as the board has it now: feeds with their channels, and the recorder."""

import asyncio

from asgiref.sync import async_to_sync

from hedgeapp.core.marks import Mark
from marketdata.board import AWAY, Board
from marketdata.core.board import FeedHealth, RecorderHealth
from portfolio.queries.scenes import BOARD_S_MAX


def market_health() -> tuple[tuple[FeedHealth, ...], RecorderHealth | None]:
    """Return how every feed and the recorder do; nothing while the board is away."""
    return async_to_sync(_read)()


def marks_now() -> list[Mark]:
    """Return the marks of the board; none while it is away."""
    return async_to_sync(_marks)()


async def _marks() -> list[Mark]:
    board = Board.from_settings()
    try:
        async with asyncio.timeout(BOARD_S_MAX):
            return await board.read()
    except AWAY:
        return []
    finally:
        await board.close()


async def _read() -> tuple[tuple[FeedHealth, ...], RecorderHealth | None]:
    board = Board.from_settings()
    try:
        async with asyncio.timeout(BOARD_S_MAX):
            return await board.read_health(), await board.read_recorder()
    except AWAY:
        return (), None
    finally:
        await board.close()
