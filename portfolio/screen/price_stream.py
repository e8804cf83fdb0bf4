"""Price stream: the price document to everybody who follows it, and kept for whoever asks next."""

import asyncio
from typing import Any, Final

import redis
import redis.asyncio
import structlog
from django.conf import settings

from hedgeapp.audience import tell
from portfolio.core.minting import Standing
from portfolio.core.price_sheets import PriceSheet
from portfolio.screen.price_document import document

PRICES: Final = "prices"  # the group of all who follow
LATEST: Final = "prices:latest"  # the latest document
KEPT_S: Final = 10  # an older document is no answer
TIMEOUT_S: Final = 1.0  # followers that cannot be reached must not hold the engine up

log = structlog.get_logger()


class PriceStream:
    """The engine's end of the stream."""

    def __init__(self) -> None:
        self._redis: Any = redis.asyncio.from_url(
            settings.REDIS_URL, socket_timeout=TIMEOUT_S, socket_connect_timeout=TIMEOUT_S
        )
        self._is_silent = False

    async def publish(self, sheet: PriceSheet, stands: Standing) -> None:
        """Send a document to whoever follows and keep it; without Redis nobody hears of it, and it says so once."""
        told = document(sheet, stands)
        try:
            async with asyncio.timeout(TIMEOUT_S):
                await self._redis.set(LATEST, told, ex=KEPT_S)
                await tell(PRICES, told.decode())
        except (redis.RedisError, OSError, TimeoutError) as error:
            if not self._is_silent:
                log.warning("prices.unreachable", error=repr(error))
            self._is_silent = True
        else:
            self._is_silent = False
        task = asyncio.current_task()
        if task and task.cancelling():
            raise asyncio.CancelledError  # the client may have swallowed it


def latest() -> bytes | None:
    """Return the document of the last seconds; None when the engine is silent or Redis is away."""
    try:
        with redis.from_url(settings.REDIS_URL, socket_timeout=TIMEOUT_S, socket_connect_timeout=TIMEOUT_S) as client:
            kept = client.get(LATEST)
    except redis.RedisError:
        return None
    return kept if isinstance(kept, bytes) else None
