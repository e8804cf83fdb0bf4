"""Audience: everybody in this process who follows a group, behind one subscription of the channel layer.

Each socket would otherwise have a subscription of its own and be handed every message through the layer's queue: with a
hundred dashboards that is most of what a frame costs.
"""

import asyncio
from collections.abc import Callable
from typing import Any
from weakref import WeakKeyDictionary

from channels.layers import get_channel_layer
from django.conf import settings

from hedgeapp.ending import end

Taker = Callable[[str], None]


class Audience:
    """Those who follow one group on one loop; each is handed every text, in the order in which it was told."""

    def __init__(self, group: str) -> None:
        self._group = group
        self._takers: set[Taker] = set()
        self._turn = asyncio.Lock()
        self._following: asyncio.Task[None] | None = None

    async def join(self, take: Taker) -> None:
        """Hand each text told from now on to `take`, which must not wait."""
        async with self._turn:
            if self._following is None:
                layer = get_channel_layer()
                channel = await layer.new_channel()
                await layer.group_add(self._group, channel)
                self._following = asyncio.create_task(self._follow(layer, channel), name=f"audience of {self._group}")
            self._takers.add(take)

    async def leave(self, take: Taker) -> None:
        """Hand nothing more to `take`."""
        self._takers.discard(take)
        async with self._turn:
            if self._following is not None and not self._takers:
                following, self._following = self._following, None
                await end({following})

    async def _follow(self, layer: Any, channel: str) -> None:
        try:
            while True:
                text = (await layer.receive(channel))["text"]
                for take in tuple(self._takers):
                    take(text)
        finally:
            await layer.group_discard(self._group, channel)


_audiences: "WeakKeyDictionary[asyncio.AbstractEventLoop, dict[str, Audience]]" = WeakKeyDictionary()


def audience(group: str) -> Audience:
    """Return the audience of a group on the running loop."""
    groups = _audiences.setdefault(asyncio.get_running_loop(), {})
    return groups.setdefault(group, Audience(group))


def subscription(group: str) -> str:
    """Return the Redis channel behind a group, which every process that has an audience of it subscribes."""
    return f"{settings.LIVE_PREFIX}__group__{group}"


async def tell(group: str, text: str) -> None:
    """Tell a text to everybody who follows a group, in every process."""
    await get_channel_layer().group_send(group, {"type": "told", "text": text})
