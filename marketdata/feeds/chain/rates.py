"""Rates: the market rates of staked ether, weighed each second out of what pool, spot books and oracles have posted."""

import asyncio
import contextlib
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final, get_args

from hedgeapp.core.events.suspensions import SuspensionCause
from hedgeapp.services import Lease
from marketdata.board import Board
from marketdata.core.staked_rates import STAKED, Pairs, houses, market_rates
from marketdata.feeds.polling import COMMON_FAULTS
from marketdata.queries.catalogue import reference
from marketdata.queries.suspensions import standing

WEIGH_S: Final = 1.0  # all are weighed again this often, so that what grew old counts no more
LOOK_S: Final = 5.0  # between two looks at reference data and suspensions


def books_of() -> tuple[str, tuple[Pairs, ...]]:
    """Return what staked ether is an exposure to, and the spot books that tell of it; blocking.

    A pair that is suspended for whatever cause is left out.
    """
    catalogue = reference()
    asset = catalogue.assets.get(STAKED)
    pairs = [
        replace(one, is_trading=False) if _is_suspended(one.id) else one
        for one in catalogue.instruments.values()
        if not one.is_contract
    ]
    coin = asset.underlying if asset else STAKED
    return coin, houses(pairs, catalogue.venues, coin)


def _is_suspended(instrument: str) -> bool:
    return any(standing(instrument, cause) for cause in get_args(SuspensionCause))


async def keep_rates(lease: Lease, board: Board) -> None:
    """Post the market rates until canceled; what cannot be looked up is taken to be as it was."""
    clock, looked, known = asyncio.get_running_loop().time, 0.0, (STAKED, tuple[Pairs, ...]())
    while True:
        if not looked or clock() - looked >= LOOK_S:
            with contextlib.suppress(*COMMON_FAULTS):
                known = await lease.in_database(books_of)
                looked = clock()
        coin, books = known
        quotes, marks = await board.read_quotes()
        await board.post(market_rates(marks, quotes, books, coin, datetime.now(UTC)))
        await asyncio.sleep(WEIGH_S)
