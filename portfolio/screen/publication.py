"""Publication: show a frame on every open dashboard, and keep it for those that open next."""

import asyncio
from collections.abc import Mapping
from typing import Any, Final
from weakref import WeakKeyDictionary

import msgspec
import redis
import redis.asyncio
import structlog
from django.conf import settings
from django.template.loader import render_to_string

from hedgeapp import live
from portfolio.core.frames import Frame
from portfolio.screen import hedges, overview, status
from portfolio.screen.page import Section

FRAME_KEY: Final = "screen:frame"  # the latest frame, for pages that are opened
FRAME_AGE_S_MAX: Final = 24 * 3600  # a frame older than this is no longer worth showing
TIMEOUT_S: Final = 1.0  # a screen that cannot be reached must not hold the engine up

log = structlog.get_logger()


class Screen:
    """What all open dashboards show by now, so that only what changed is sent."""

    def __init__(self) -> None:
        self._frame: Frame | None = None
        self._picture: live.Picture | None = None
        self._redis: Any = redis.asyncio.from_url(
            settings.REDIS_URL, socket_timeout=TIMEOUT_S, socket_connect_timeout=TIMEOUT_S
        )
        self._is_silent = False
        self._flashes = live.Flashes()

    async def publish(self, frame: Frame, encoded: bytes | None = None) -> None:
        """Send what differs from the frame before and keep the whole; without Redis, the screen waits and says so.

        `encoded` is the frame as it was given over, where it was: it need not be written again.
        """
        encoded = encoded or msgspec.json.encode(frame)
        shown = overview.sections(frame)
        said = _spoken(self._frame, frame) if self._frame else ""
        picture = overview.picture(frame, shown, said)
        html = live.push(self._picture, picture, lambda name: fragment(name, shown, picture), self._flashes)
        try:
            async with asyncio.timeout(TIMEOUT_S):
                # Kept first: a page that is opened between the two is one frame ahead, not one behind.
                await self._redis.set(FRAME_KEY, encoded, ex=FRAME_AGE_S_MAX)
                await live.send(html)
        except (redis.RedisError, OSError, TimeoutError) as error:
            # The next frame is again compared with the last one that arrived.
            if not self._is_silent:
                log.warning("screen.unreachable", error=repr(error))
            self._is_silent = True
            raise_if_cancelled()
            return
        if self._is_silent:
            log.info("screen.reachable_again")
        self._is_silent = False
        self._frame, self._picture = frame, picture
        raise_if_cancelled()


def _spoken(before: Frame, now: Frame) -> str:
    """Return what a screen reader says of what changed."""
    told = hedges.spoken(before.proposals, now.proposals), status.spoken(before.feeds, now.feeds)
    return ". ".join(one for one in told if one)


def raise_if_cancelled() -> None:
    """Raise the cancel that Redis' client may have swallowed while it closed a connection, or no loop would end."""
    task = asyncio.current_task()
    if task and task.cancelling():
        raise asyncio.CancelledError


_screens: "WeakKeyDictionary[asyncio.AbstractEventLoop, Screen]" = WeakKeyDictionary()


async def publish(frame: Frame, encoded: bytes | None = None) -> None:
    """Show a frame on every open dashboard; `encoded` is the frame as it was given over, where it was."""
    loop = asyncio.get_running_loop()
    if (screen := _screens.get(loop)) is None:
        screen = _screens[loop] = Screen()
    await screen.publish(frame, encoded)


def fragment(name: str, shown: Mapping[str, Section], picture: live.Picture) -> str:
    """Return one fragment of the Overview, to be pushed."""
    return render_to_string(
        overview.FRAGMENTS[name], {"rows": shown[name], "now": picture.at, "is_pushed": True, "fragment": name}
    )


def latest() -> Frame | None:
    """Return the frame that was published last; None when there is none or Redis is away."""
    try:
        with redis.from_url(settings.REDIS_URL, socket_timeout=TIMEOUT_S, socket_connect_timeout=TIMEOUT_S) as client:
            kept = client.get(FRAME_KEY)
    except redis.RedisError:
        return None
    try:
        return msgspec.json.decode(kept, type=Frame) if isinstance(kept, bytes) else None
    except msgspec.ValidationError:
        return None  # written by another version of this program; the next one comes in a moment
