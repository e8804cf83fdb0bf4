"""Asking: a venue's answer over HTTP, bounded, or in a sentence why there is none."""

from collections.abc import Mapping
from typing import Final

import aiohttp

from marketdata.feeds.public.protocol import SpecificationIsMissing
from marketdata.feeds.reasons import reason

ANSWER_BYTES_MAX: Final = 8 * 1024 * 1024
FAULTS: Final = (aiohttp.ClientError, OSError, TimeoutError)


async def answer_of(session: aiohttp.ClientSession, url: str, parameters: Mapping[str, str]) -> bytes:
    """Return what a venue says of its contracts; raise SpecificationIsMissing."""
    body = bytearray()
    try:
        async with session.get(url, params=parameters) as answer:
            async for chunk in answer.content.iter_any():
                body += chunk
                if len(body) > ANSWER_BYTES_MAX:
                    raise SpecificationIsMissing(f"{url}: at most {ANSWER_BYTES_MAX} bytes expected, found more")
            status = answer.status
    except FAULTS as error:
        if isinstance(error, SpecificationIsMissing):
            raise
        raise SpecificationIsMissing(f"{url}: contracts expected, found {reason(error)}") from error
    if status != 200:
        raise SpecificationIsMissing(f"{url}: contracts expected, found HTTP {status}: {bytes(body[:120])!r}")
    return bytes(body)
