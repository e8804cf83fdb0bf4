"""Ladder stream: prices and capacity to every program that follows them, and kept for whoever asks next."""

import asyncio
import time
from typing import Any, Final

import redis
import redis.asyncio
import structlog
from django.conf import settings

from hedgeapp.audience import subscription, tell
from portfolio.screen.price_stream import TIMEOUT_S
from portfolio.screen.publication import raise_if_cancelled

PRICES: Final = "ladders.prices"  # the group of all who follow, and where the latest is kept
CAPACITY: Final = "ladders.capacity"
KEPT_S: Final = 5  # an older document is no answer
UNFOLLOWED_S: Final = 1.0  # while nobody follows, whoever asks finds a document of so long ago

log = structlog.get_logger()


class LadderStream:
    """The engine's end."""

    def __init__(self) -> None:
        self._redis: Any = redis.asyncio.from_url(
            settings.REDIS_URL, socket_timeout=TIMEOUT_S, socket_connect_timeout=TIMEOUT_S
        )
        self._is_silent = False
        self._published_at = 0.0

    async def is_due(self) -> bool:
        """Tell whether documents are wanted now: at once while somebody follows, else every `UNFOLLOWED_S`."""
        if time.monotonic() - self._published_at >= UNFOLLOWED_S:
            return True
        try:
            async with asyncio.timeout(TIMEOUT_S):
                counts = await self._redis.pubsub_numsub(*map(subscription, (PRICES, CAPACITY)))
        except (redis.RedisError, OSError, TimeoutError):
            counts = []
        raise_if_cancelled()
        return any(count for _, count in counts)

    async def publish(self, documents: dict[str, bytes]) -> None:
        """Send each document to its group and keep it; without Redis nobody hears of it, and it says so once."""
        self._published_at = time.monotonic()
        try:
            async with asyncio.timeout(TIMEOUT_S):
                for group, told in documents.items():
                    await self._redis.set(group, told, ex=KEPT_S)
                    await tell(group, told.decode())
        except (redis.RedisError, OSError, TimeoutError) as error:
            if not self._is_silent:
                log.warning("ladders.unreachable", error=repr(error))
            self._is_silent = True
        else:
            self._is_silent = False
        raise_if_cancelled()

    async def aclose(self) -> None:
        """Close the connection."""
        await self._redis.aclose()


class StoreIsAway(RuntimeError):
    """Redis, which keeps the latest documents, does not answer."""


def latest(group: str) -> bytes | None:
    """Return the document of the last seconds, None when the engine is silent; refuse with StoreIsAway."""
    try:
        with redis.from_url(settings.REDIS_URL, socket_timeout=TIMEOUT_S, socket_connect_timeout=TIMEOUT_S) as client:
            kept = client.get(group)
    except (redis.RedisError, OSError) as error:
        raise StoreIsAway("prices cannot be read now: try again in some seconds") from error
    return kept if isinstance(kept, bytes) else None
