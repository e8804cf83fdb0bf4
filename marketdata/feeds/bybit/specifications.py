"""Specifications: Bybit's word on its contracts and their tiers, which needs no key."""

from collections.abc import Collection
from functools import partial
from typing import Any, Final

import aiohttp
import msgspec

from hedgeapp.core.reference import Venue
from marketdata.core.bybit_instruments import instruments, symbol_of
from marketdata.core.reference import Specified
from marketdata.feeds.public.asking import answer_of
from marketdata.feeds.public.protocol import SpecificationIsMissing

CATEGORIES: Final = ("linear", "inverse")
PAGE_ROWS: Final = 1_000
PAGES_MAX: Final = 20  # of one listing


class Listing(msgspec.Struct):
    """A page of rows."""

    category: str
    rows: list[dict[str, Any]] = msgspec.field(name="list")
    next_page: str = msgspec.field(name="nextPageCursor", default="")


class Envelope(msgspec.Struct):
    """What every answer is wrapped in."""

    code: int = msgspec.field(name="retCode")
    said: str = msgspec.field(name="retMsg", default="")
    result: msgspec.Raw = msgspec.field(default_factory=msgspec.Raw)


async def specify(session: aiohttp.ClientSession, venue: Venue, symbols: Collection[str]) -> Specified:
    """Ask for all contracts, and for the tiers of those that we want; raise SpecificationIsMissing."""
    rows: list[dict[str, Any]] = []
    limits: list[dict[str, Any]] = []
    for category in CATEGORIES:
        listed = await _listed(session, venue, "instruments-info", category=category, limit=str(PAGE_ROWS))
        wanted = [row for row in listed if symbol_of(row) in symbols]
        for row in wanted:
            symbol = str(row.get("symbol"))
            limits += await _listed(session, venue, "risk-limit", category=category, symbol=symbol)
        rows += wanted
    return partial(instruments, venue.name, rows, limits)


async def _listed(session: aiohttp.ClientSession, venue: Venue, path: str, **parameters: str) -> list[dict[str, Any]]:
    url, rows = f"{venue.rest_url.rstrip('/')}/v5/market/{path}", list[dict[str, Any]]()
    for _ in range(PAGES_MAX):
        page = await _page(session, url, parameters)
        rows += page.rows
        if not page.next_page or not page.rows:
            return rows
        parameters["cursor"] = page.next_page
    raise SpecificationIsMissing(f"{url}: at most {PAGES_MAX} pages expected, found more")


async def _page(session: aiohttp.ClientSession, url: str, parameters: dict[str, str]) -> Listing:
    body = await answer_of(session, url, parameters)
    try:
        envelope = msgspec.json.decode(body, type=Envelope)
        if envelope.code:
            raise SpecificationIsMissing(f"{url}: contracts expected, found {envelope.code}: {envelope.said[:120]}")
        page = msgspec.json.decode(envelope.result, type=Listing)
    except msgspec.MsgspecError as error:
        raise SpecificationIsMissing(f"{url}: contracts expected, found another answer: {error}") from error
    if page.category != parameters["category"]:
        raise SpecificationIsMissing(f"{url}: {parameters['category']} contracts expected, found {page.category}")
    return page
