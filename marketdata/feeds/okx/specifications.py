"""Specifications: OKX's word on its contracts, their tiers and how they pay funding, which needs no key."""

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
    """Ask for all contracts of the types that we want, the tiers and the funding of ours.

    Raise SpecificationIsMissing.
    """
    is_dated = any(not symbol.endswith("-PERP") for symbol in symbols)
    rows: list[dict[str, Any]] = []
    for kind in ("SWAP", *(("FUTURES",) if is_dated else ())):
        rows += await _listed(session, venue, kind)
    wanted = [row for row in rows if symbol_of(row) in symbols]
    limits: list[dict[str, Any]] = []
    for kind, family in sorted({(str(row["instType"]), str(row.get("instFamily"))) for row in wanted}):
        limits += await _tiers(session, venue, kind, family)
    swaps = sorted(str(row.get("instId")) for row in wanted if row.get("instType") == "SWAP")
    fundings = [row for name in swaps for row in await _rows(session, venue, "funding-rate", instId=name)]
    return partial(instruments, venue.name, wanted, limits, fundings)


async def _listed(session: aiohttp.ClientSession, venue: Venue, kind: str) -> list[dict[str, Any]]:
    rows = await _rows(session, venue, "instruments", instType=kind)
    strange = next((row for row in rows if row.get("instType") != kind), None)
    if strange is not None:
        raise SpecificationIsMissing(f"contracts of {kind} expected, found {strange.get('instType')}")
    return rows


async def _tiers(session: aiohttp.ClientSession, venue: Venue, kind: str, family: str) -> list[dict[str, Any]]:
    rows = await _rows(session, venue, "position-tiers", instType=kind, tdMode="cross", instFamily=family)
    strange = next((row for row in rows if row.get("instFamily") != family), None)
    if strange is not None:
        raise SpecificationIsMissing(f"tiers of {family} expected, found those of {strange.get('instFamily')}")
    return rows


async def _rows(session: aiohttp.ClientSession, venue: Venue, path: str, **parameters: str) -> list[dict[str, Any]]:
    url = f"{venue.rest_url.rstrip('/')}/api/v5/public/{path}"
    body = await answer_of(session, url, parameters)
    try:
        listing = msgspec.json.decode(body, type=Listing)
    except msgspec.MsgspecError as error:
        raise SpecificationIsMissing(f"{url}: contracts expected, found another answer: {error}") from error
    if listing.code != "0":
        raise SpecificationIsMissing(f"{url}: contracts expected, found {listing.code[:10]}: {listing.said[:120]}")
    return listing.data
