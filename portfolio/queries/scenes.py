"""Scenes: everything that a hedge is decided by, as it is now; without the board, by what the log holds."""

import asyncio
from datetime import datetime
from typing import Final

from asgiref.sync import async_to_sync

from hedgeapp.core.marks import Mark
from marketdata.board import AWAY, Board
from marketdata.core.board import Depth, FeedHealth
from portfolio.core.hedge_choices import Scene
from portfolio.core.valuation import Valuation
from portfolio.queries.books import current_book
from portfolio.queries.feeds import heard

BOARD_S_MAX: Final = 0.5  # a page does not wait longer for the board


def scene_at(at: datetime) -> Scene:
    """Return the book as of the log's head with the latest marks: the board's, else those that the log took last."""
    book = current_book()
    posted, health = async_to_sync(_posted)()
    marks = book.marks | {(mark.subject, mark.kind): mark for mark in posted}
    feeds = health or tuple(heard(book))
    return Scene(book=book, marks=marks, at=at, feeds=feeds, valuation=Valuation(book, marks, at, feeds))


def depth_of(instrument: str) -> Depth | None:
    """Return the book of an instrument next to its touch, None where there is none or the board is away."""
    return async_to_sync(_depth)(instrument)


def depths() -> dict[str, Depth]:
    """Return every book next to its touch, by instrument; none while the board is away."""
    return async_to_sync(_depths)()


async def _posted() -> tuple[list[Mark], tuple[FeedHealth, ...]]:
    board = Board.from_settings()
    try:
        async with asyncio.timeout(BOARD_S_MAX):
            return await board.read(), await board.read_health()
    except AWAY:
        return [], ()
    finally:
        await board.close()


async def _depth(instrument: str) -> Depth | None:
    board = Board.from_settings()
    try:
        async with asyncio.timeout(BOARD_S_MAX):
            return await board.read_depth(instrument)
    except AWAY:
        return None
    finally:
        await board.close()


async def _depths() -> dict[str, Depth]:
    board = Board.from_settings()
    try:
        async with asyncio.timeout(BOARD_S_MAX):
            return await board.read_depths()
    except AWAY:
        return {}
    finally:
        await board.close()
