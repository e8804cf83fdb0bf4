"""Specifications: Deribit's word on its contracts, which needs no key."""

from collections.abc import Collection
from functools import partial
from typing import Any, Final

import aiohttp
import msgspec

from hedgeapp.core.reference import Venue
from marketdata.core.deribit_instruments import instruments
from marketdata.core.reference import Specified
from marketdata.feeds.public.asking import answer_of
from marketdata.feeds.public.protocol import SpecificationIsMissing

PATH: Final = "/api/v2/public/get_instruments"
# Of all currencies at once, for the venue wants this call once in ten seconds at most.
PARAMETERS: Final = {"currency": "any", "kind": "future", "expired": "false"}


class Envelope(msgspec.Struct):
    """What the answer is wrapped in."""

    result: list[dict[str, Any]]


async def specify(session: aiohttp.ClientSession, venue: Venue, symbols: Collection[str]) -> Specified:
    """Ask for all futures; raise SpecificationIsMissing."""
    url = f"{venue.rest_url.rstrip('/')}{PATH}"
    body = await answer_of(session, url, PARAMETERS)
    try:
        rows = msgspec.json.decode(body, type=Envelope).result
    except msgspec.MsgspecError as error:
        raise SpecificationIsMissing(f"{url}: contracts expected, found another answer: {error}") from error
    return partial(instruments, venue.name, rows)
