"""Specifications: Binance's word on its spot pairs, which needs no key."""

from collections.abc import Collection
from functools import partial
from typing import Any

import aiohttp
import msgspec

from hedgeapp.core.reference import Venue
from marketdata.core.binance_pairs import instruments, venue_symbol_of
from marketdata.core.reference import Specified
from marketdata.feeds.public.asking import answer_of
from marketdata.feeds.public.protocol import SpecificationIsMissing


class Listing(msgspec.Struct):
    """The pairs of exchangeInfo."""

    symbols: list[dict[str, Any]]


async def specify(session: aiohttp.ClientSession, venue: Venue, symbols: Collection[str]) -> Specified:
    """Ask for the pairs that we want; raise SpecificationIsMissing."""
    url = f"{venue.rest_url.rstrip('/')}/api/v3/exchangeInfo"
    if not symbols:
        return partial(instruments, venue.name, ())
    named = msgspec.json.encode([venue_symbol_of(symbol) for symbol in symbols]).decode()
    body = await answer_of(session, url, {"symbols": named})
    try:
        listing = msgspec.json.decode(body, type=Listing)
    except msgspec.MsgspecError as error:
        raise SpecificationIsMissing(f"{url}: pairs expected, found another answer: {error}") from error
    return partial(instruments, venue.name, listing.symbols)
