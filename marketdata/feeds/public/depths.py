"""Depths: books next to their touch, posted as they change but not as often."""

import asyncio
from typing import Final

from marketdata.board import Board
from marketdata.core.board import Depth
from marketdata.core.books import Book
from marketdata.feeds.public.market import Market

LEVELS: Final = 20  # of each side
POST_S: Final = 0.25  # a book is posted no more often
REPOST_S: Final = 1.0  # one that did not change is posted again this often, for a board that lost its memory


class Depths:
    """What of a market's books is on the board."""

    def __init__(self, market: Market) -> None:
        self._market = market
        # By symbol: last update id, and when. Before the first look all are taken off: they are of an earlier market.
        self._posted: dict[str, tuple[int | None, float]] = dict.fromkeys(market.books, (None, 0.0))

    def changed(self, now_s: float) -> tuple[list[Depth], list[str]]:
        """Return the books to post, and the instruments whose books may no longer be shown."""
        depths, gone = [], []
        for symbol, book in self._market.books.items():
            before = self._posted.get(symbol)
            if not book.is_running:
                if before is not None:
                    del self._posted[symbol]
                    gone.append(book.subject)
            elif before is None or before[0] != book.last_id or now_s - before[1] >= REPOST_S:
                self._posted[symbol] = book.last_id, now_s
                depths.append(self._depth(symbol, book))
        return depths, gone

    def _depth(self, symbol: str, book: Book) -> Depth:
        at, received_at = self._market.book_times(symbol)
        bids, asks = tuple(book.bids.top(LEVELS)), tuple(book.asks.top(LEVELS))
        return Depth(
            instrument=book.subject,
            bids=bids,
            asks=asks,
            at=at,
            received_at=received_at,
            open_interest=self._market.open_interest(symbol),
        )

    async def post(self, board: Board) -> None:
        """Post what changed, for as long as the market is followed."""
        clock = asyncio.get_running_loop().time
        while True:
            depths, gone = self.changed(clock())
            await board.post_depth(depths, gone)
            await asyncio.sleep(POST_S)
