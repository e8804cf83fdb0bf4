"""A desk whose log, board and marks are of this moment: long some ETH, with coin and cash to hedge it."""

import asyncio
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

from hedgeapp.core.marks import Mark
from marketdata.board import Board
from marketdata.core.board import Depth
from tests.builders.books import COINM, INVERSE, LINEAR, USDM, balance, collateral, common, mark
from tests.builders.desks import history, written

COINS, CASH = "100", "1000000"


def fresh(net: str = "30") -> datetime:
    """Write a log in which the book is long so many ETH now; return now."""
    at = datetime.now(UTC)
    held = Decimal(net) - Decimal(COINS)
    written(*history())
    written(
        collateral("ETH", held if held > 0 else Decimal(0), at),
        balance(COINM, "ETH", COINS if held > 0 else net, at),
        balance(USDM, "USDT", CASH, at),
    )
    return at


def quoted(at: datetime, price: str = "3000") -> list[Mark]:
    """Return marks and quotes around a price, of a moment."""
    below, above = Decimal(price) - Decimal("0.1"), Decimal(price) + Decimal("0.1")
    touches = [
        mark(name, "bid" if value == below else "ask", value) for name in (LINEAR, INVERSE) for value in (below, above)
    ]
    return [replace(one, at=at, received_at=at) for one in (*common(price).values(), *touches)]


def depths(at: datetime, price: float = 3000.0) -> list[Depth]:
    """Return books around a price, of a moment: 20 levels a side, ten cents apart."""
    bids, asks = (
        tuple((round(price + way * (0.1 + 0.1 * place), 2), 100.0 + 50 * place) for place in range(20))
        for way in (-1, 1)
    )
    return [Depth(instrument=name, bids=bids, asks=asks, at=at, received_at=at) for name in (LINEAR, INVERSE)]


def posted(marks: Iterable[Mark], books: Iterable[Depth] = ()) -> None:
    """Put marks and books on the board, in place of what was there."""

    async def post() -> None:
        board = Board.from_settings()
        try:
            assert await board.post(list(marks))
            assert await board.post_depth(books)
        finally:
            await board.close()

    asyncio.run(post())
