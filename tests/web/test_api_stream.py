"""The stream of ladders: by key, the latest of each kind alone, at once and as it changes."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
import redis
from asgiref.testing import ApplicationCommunicator
from channels.db import database_sync_to_async
from channels.layers import channel_layers
from django.conf import settings as configured

from hedgeapp.access.api_keys import revoke
from hedgeapp.asgi import application
from portfolio import consumers
from portfolio.screen import ladder_stream
from portfolio.screen.ladder_stream import CAPACITY, PRICES, LadderStream
from tests.builders.api_keys import key, key_id

PATIENCE_S = 60


@pytest.fixture(autouse=True)
async def _own_layer(transactional_db: None) -> AsyncIterator[None]:
    channel_layers.backends.clear()
    consumers.LaddersConsumer._streams.clear()
    yield
    channel_layers.backends.clear()
    with redis.from_url(configured.REDIS_URL) as store:
        store.delete(PRICES, CAPACITY)


class Program(ApplicationCommunicator):
    """A program's end of the stream: no origin, no cookie, a key."""

    def __init__(self, token: str = "") -> None:
        headers = [(b"host", b"localhost")]
        if token:
            headers.append((b"authorization", f"Bearer {token}".encode()))
        path = "/api/v1/stream"
        scope = {"type": "websocket", "path": path, "query_string": b"", "headers": headers, "subprotocols": []}
        super().__init__(application, scope)  # type: ignore[no-untyped-call]

    async def answer(self) -> dict[str, Any]:
        """Return the server's next message."""
        message: dict[str, Any] = await self.receive_output(timeout=PATIENCE_S)  # type: ignore[no-untyped-call]
        return message

    async def told(self) -> dict[str, Any]:
        """Return the next document."""
        found: dict[str, Any] = msgspec.json.decode((await self.answer())["text"])
        return found

    async def open(self) -> "Program":
        """Open the socket."""
        await self.send_input({"type": "websocket.connect"})  # type: ignore[no-untyped-call]
        assert (await self.answer())["type"] == "websocket.accept"
        return self

    async def leave(self) -> None:
        """Close the socket."""
        await self.send_input({"type": "websocket.disconnect", "code": 1000})  # type: ignore[no-untyped-call]
        await self.wait(timeout=PATIENCE_S)  # type: ignore[no-untyped-call]


def made(kind: str, number: int) -> bytes:
    return msgspec.json.encode({"type": kind, "number": number})


async def tokens(*scopes: str, per_minute: int = 6_000) -> str:
    found: str = await database_sync_to_async(key)(*scopes, per_minute=per_minute)
    return found


async def test_what_is_kept_comes_at_once_and_then_what_is_published() -> None:
    stream = LadderStream()
    await stream.publish({PRICES: made("prices", 1), CAPACITY: made("capacity", 1)})
    program = await Program(await tokens()).open()
    assert [await program.told(), await program.told()] == [
        {"type": "prices", "number": 1},
        {"type": "capacity", "number": 1},
    ]
    await stream.publish({PRICES: made("prices", 2)})
    assert await program.told() == {"type": "prices", "number": 2}
    await program.leave()
    await stream.aclose()


async def test_a_key_is_sent_only_what_its_scopes_are_for() -> None:
    stream = LadderStream()
    await stream.publish({PRICES: made("prices", 1), CAPACITY: made("capacity", 1)})
    program = await Program(await tokens("capacity:read")).open()
    assert await program.told() == {"type": "capacity", "number": 1}
    await stream.publish({PRICES: made("prices", 2), CAPACITY: made("capacity", 2)})
    assert await program.told() == {"type": "capacity", "number": 2}
    await program.leave()
    await stream.aclose()


async def test_documents_are_wanted_at_once_while_somebody_follows_and_else_once_in_a_while(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ladder_stream, "UNFOLLOWED_S", 3_600.0)
    stream = LadderStream()
    assert await stream.is_due()
    await stream.publish({PRICES: made("prices", 1)})
    assert not await stream.is_due()
    program = await Program(await tokens("prices:read")).open()
    assert (await program.told())["number"] == 1
    assert await stream.is_due()
    await program.leave()
    assert not await stream.is_due()
    monkeypatch.setattr(ladder_stream, "UNFOLLOWED_S", 0.0)
    assert await stream.is_due()
    await stream.aclose()


def test_of_each_kind_the_latest_alone_waits_for_a_slow_reader() -> None:
    async def waiting() -> list[str]:
        slow = consumers.LaddersConsumer()
        slow._pending, slow._arrived = deque(maxlen=consumers.PENDING_MAX), asyncio.Event()
        for number in range(1_000):
            slow.take(made("prices", number).decode())
            slow.take(made("capacity", number).decode())
        return list(slow._pending)

    assert asyncio.run(waiting()) == [made("prices", 999).decode(), made("capacity", 999).decode()]


@pytest.mark.parametrize("token", ["", "hk_0123456789ab_" + "x" * 43])
async def test_without_a_key_in_force_nothing_is_followed(token: str) -> None:
    message = await (await Program(token).open()).answer()
    assert (message["type"], message["code"]) == ("websocket.close", consumers.ENDED)


async def test_a_stream_ends_when_its_key_is_revoked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(consumers, "SESSION_CHECK_S", 0.2)
    token = await tokens()
    program = await Program(token).open()
    await database_sync_to_async(revoke)(key_id(token), by="ann", reason="lost", at=datetime.now(UTC))
    message = await program.answer()
    assert (message["type"], message["code"]) == ("websocket.close", consumers.ENDED)


async def test_a_key_has_a_bound_on_its_streams(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(consumers, "STREAMS_MAX", 1)
    token = await tokens()
    first = await Program(token).open()
    message = await (await Program(token).open()).answer()
    assert (message["type"], message["code"]) == ("websocket.close", consumers.TOO_MANY)
    await first.leave()
    again = await Program(token).open()  # whoever left makes room
    await again.leave()
