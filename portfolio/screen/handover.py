"""Handover: frames on their way from the engine, which measures, to the presenter, who draws."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any, Final

import msgspec
import redis.asyncio
import structlog
from django.conf import settings
from redis import RedisError

from portfolio.core.frames import Frame
from portfolio.screen.publication import raise_if_cancelled

CHANNEL: Final = "screen:frames"
TIMEOUT_S: Final = 1.0  # a screen that cannot be reached must not hold the engine up
QUIET_S_MAX: Final = 5.0  # silence after which the connection is asked whether it lives
PAUSE_S: Final = 0.5  # before it is opened anew

AWAY: Final = (RedisError, OSError, TimeoutError)

_decode: Final = msgspec.json.Decoder(Frame).decode
_encode: Final = msgspec.json.Encoder().encode

log = structlog.get_logger()


class Handover:
    """The engine's end."""

    def __init__(self) -> None:
        self._redis: Any = redis.asyncio.from_url(
            settings.REDIS_URL,
            socket_timeout=TIMEOUT_S,
            socket_connect_timeout=TIMEOUT_S,
            single_connection_client=True,  # written at once: a pool would let everything else of the loop go first
        )
        self._is_away = False

    async def give(self, frame: Frame) -> None:
        """Give a frame over; without Redis it is let go, which is said once."""
        try:
            async with asyncio.timeout(TIMEOUT_S):
                await self._redis.publish(CHANNEL, _encode(frame))
        except AWAY as error:
            if not self._is_away:
                log.warning("screen.unreachable", error=repr(error))
            self._is_away = True
        else:
            if self._is_away:
                log.info("screen.reachable_again")
            self._is_away = False
        raise_if_cancelled()

    async def aclose(self) -> None:
        """Close the connection."""
        await self._redis.aclose()


async def frames() -> AsyncIterator[tuple[Frame, bytes]]:
    """Yield each frame that is given over, and as it came; after a lost connection it goes on with what comes then."""
    while True:
        try:
            async with (
                # By the third protocol the client would write each message into a log that nobody reads.
                redis.asyncio.from_url(settings.REDIS_URL, socket_connect_timeout=TIMEOUT_S, protocol=2) as client,
                client.pubsub(ignore_subscribe_messages=True) as given,
            ):
                await given.subscribe(CHANNEL)
                async for heard in _heard(given):
                    yield heard
        except AWAY as error:
            log.warning("frames.away", error=repr(error))
            await asyncio.sleep(PAUSE_S)


async def _heard(given: Any) -> AsyncIterator[tuple[Frame, bytes]]:
    is_asked = False
    while True:
        message = await given.get_message(timeout=QUIET_S_MAX)
        if message is None and is_asked:
            raise TimeoutError(f"expected an answer within {QUIET_S_MAX:g} s, found silence")
        if message is None:
            await given.ping()
        elif message["type"] == "message":
            try:
                yield _decode(message["data"]), message["data"]
            except msgspec.MsgspecError as error:
                log.warning("frames.unreadable", error=str(error))  # of another version of this program
        is_asked = message is None
