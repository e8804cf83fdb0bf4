"""Ladder stream: prices and capacity to every program that follows them, and kept for whoever asks next."""

import asyncio
from typing import Any, Final

import redis
import redis.asyncio
import structlog
from django.conf import settings

from hedgeapp.audience import tell
from portfolio.screen.price_stream import TIMEOUT_S
from portfolio.screen.publication import raise_if_cancelled

PRICES: Final = "ladders.prices"  # the group of all who follow, and where the latest is kept
CAPACITY: Final = "ladders.capacity"
KEPT_S: Final = 5  # an older document is no answer

log = structlog.get_logger()


class LadderStream:
    """The engine's end."""

    def __init__(self) -> None:
        self._redis: Any = redis.asyncio.from_url(
            settings.REDIS_URL, socket_timeout=TIMEOUT_S, socket_connect_timeout=TIMEOUT_S
        )
        self._is_silent = False

    async def publish(self, documents: dict[str, bytes]) -> None:
        """Send each document to its group and keep it; without Redis nobody hears of it, and it says so once."""
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
