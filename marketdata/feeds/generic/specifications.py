"""Specifications: an exchange's word on its contracts as ccxt reads it, which needs no key."""

import asyncio
from collections.abc import Collection
from functools import partial
from typing import Any

import aiohttp

from hedgeapp.core.reference import Venue
from marketdata.core.ccxt_markets import instruments
from marketdata.core.reference import Specified
from marketdata.feeds.generic.client import markets_of, note_busy, require_not_busy, sentence
from marketdata.feeds.public.protocol import SpecificationIsMissing

Rows = list[dict[str, Any]]

_latest: dict[Venue, Rows] = {}  # so that a socket that is dialed again costs no requests


async def specify(session: aiohttp.ClientSession, venue: Venue, symbols: Collection[str]) -> Specified:
    """Ask for all contracts by a client of ccxt's own; raise SpecificationIsMissing.

    Some exchanges have thousands: they are read beside the loop, in which other feeds run.
    """
    try:
        require_not_busy(venue)
        rows = await asyncio.to_thread(markets_of, venue)
    except Exception as error:  # of any kind: each exchange's reading is its own
        note_busy(venue, error)
        raise SpecificationIsMissing(sentence(venue, error)) from error
    _latest[venue] = rows
    return partial(instruments, venue.name, rows)


async def rows_of(venue: Venue) -> Rows:
    """Return the contracts that were asked for last; ask where none were."""
    if venue not in _latest:
        _latest[venue] = await asyncio.to_thread(markets_of, venue)
    return _latest[venue]
