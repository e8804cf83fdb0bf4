"""Specifications: OKX's word on its contracts, which needs no key."""

from collections.abc import Collection
from functools import partial
from typing import Any

import aiohttp
import msgspec

from hedgeapp.core.reference import Venue
from marketdata.core.okx_instruments import instruments, symbol_of
from marketdata.core.reference import Specified
from marketdata.feeds.public.asking import answer_of
from marketdata.feeds.public.protocol import SpecificationIsMissing


class Listing(msgspec.Struct):
    """All contracts of a type; a code other than 0 says why there are none."""

    code: str
    said: str = msgspec.field(name="msg", default="")
    data: list[dict[str, Any]] = []


async def specify(session: aiohttp.ClientSession, venue: Venue, symbols: Collection[str]) -> Specified:
    """Ask for all contracts of the types that we want; raise SpecificationIsMissing."""
    is_dated = any(not symbol.endswith("-PERP") for symbol in symbols)
    rows: list[dict[str, Any]] = []
    for kind in ("SWAP", *(("FUTURES",) if is_dated else ())):
        rows += await _listed(session, venue, kind)
    return partial(instruments, venue.name, [row for row in rows if symbol_of(row) in symbols])


async def _listed(session: aiohttp.ClientSession, venue: Venue, kind: str) -> list[dict[str, Any]]:
    url = f"{venue.rest_url.rstrip('/')}/api/v5/public/instruments"
    body = await answer_of(session, url, {"instType": kind})
    try:
        listing = msgspec.json.decode(body, type=Listing)
    except msgspec.MsgspecError as error:
        raise SpecificationIsMissing(f"{url}: contracts expected, found {type(error).__name__} {error}") from error
    if listing.code != "0":
        raise SpecificationIsMissing(f"{url}: contracts expected, found {listing.code[:10]}: {listing.said[:120]}")
    strange = next((row for row in listing.data if row.get("instType") != kind), None)
    if strange is not None:
        raise SpecificationIsMissing(f"{url}: contracts of {kind} expected, found {strange.get('instType')}")
    return listing.data
