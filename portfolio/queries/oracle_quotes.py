"""What each oracle says of each asset as the board has it now, and how the oracles' feeds do."""

import asyncio

from asgiref.sync import async_to_sync

from marketdata.board import AWAY, Board
from marketdata.core.asset_prices import PriceQuote
from marketdata.core.board import FeedHealth
from portfolio.queries.scenes import BOARD_S_MAX


def oracle_quotes() -> tuple[tuple[FeedHealth, ...], list[PriceQuote]]:
    """Return the health of every feed and the latest quotes of every oracle; nothing while the board is away."""
    return async_to_sync(_read)()


async def _read() -> tuple[tuple[FeedHealth, ...], list[PriceQuote]]:
    board = Board.from_settings()
    try:
        async with asyncio.timeout(BOARD_S_MAX):
            quotes, _ = await board.read_quotes()
            return await board.read_health(), quotes
    except AWAY:
        return (), []
    finally:
        await board.close()
