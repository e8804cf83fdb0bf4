"""The WebSocket of the live screen, over a real channel layer."""

import asyncio
import os
from collections import deque
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from decimal import Decimal
from html import unescape
from importlib import import_module
from typing import Any
from urllib.parse import urlsplit

import pytest
import redis.asyncio
from asgiref.testing import ApplicationCommunicator
from channels.db import database_sync_to_async
from channels.layers import channel_layers
from django.conf import settings as configured
from django.contrib.auth.models import User
from django.test import Client

from hedgeapp import live
from hedgeapp.asgi import application
from portfolio import consumers
from portfolio.screen import latest
from portfolio.screen.publication import Screen
from tests.web.frames import Desk


@pytest.fixture(autouse=True)
async def _own_layer() -> AsyncIterator[None]:
    # A layer belongs to a loop, and each test has one of its own.
    channel_layers.backends.clear()
    yield
    channel_layers.backends.clear()


def session_of(person: User) -> str:
    client = Client()
    client.force_login(person)
    return client.cookies[configured.SESSION_COOKIE_NAME].value


class Browser(ApplicationCommunicator):
    """The browser's end of the socket."""

    def __init__(self, session: str = "", origin: str = "http://localhost", path: str = "/live/") -> None:
        headers = [(b"host", b"localhost"), (b"origin", origin.encode())]
        if session:
            headers.append((b"cookie", f"{configured.SESSION_COOKIE_NAME}={session}".encode()))
        scope = {"type": "websocket", "path": path, "query_string": b"", "headers": headers, "subprotocols": []}
        super().__init__(application, scope)  # type: ignore[no-untyped-call]

    async def answer(self) -> dict[str, Any]:
        """Return the server's next message."""
        message: dict[str, Any] = await self.receive_output(timeout=30)  # type: ignore[no-untyped-call]
        return message

    async def open(self) -> "Browser":
        """Open the socket."""
        await self.send_input({"type": "websocket.connect"})  # type: ignore[no-untyped-call]
        assert (await self.answer())["type"] == "websocket.accept"
        return self

    async def frame(self) -> str:
        """Return the next push."""
        return str((await self.answer())["text"])

    async def close_code(self) -> int:
        """Return the code with which the server closes."""
        message = await self.answer()
        assert message["type"] == "websocket.close"
        return int(message["code"])

    async def leave(self) -> None:
        """Close the socket."""
        await self.send_input({"type": "websocket.disconnect", "code": 1000})  # type: ignore[no-untyped-call]
        await self.wait(timeout=30)  # type: ignore[no-untyped-call]


@pytest.fixture
def session(transactional_db: None) -> str:
    return session_of(User.objects.create_user("desk", password="a long enough password"))


async def test_a_stranger_is_told_that_the_session_has_ended(transactional_db: None) -> None:
    assert await (await Browser().open()).close_code() == consumers.ENDED


async def test_a_page_from_elsewhere_gets_no_socket(session: str) -> None:
    browser = Browser(session, "https://elsewhere.example")
    await browser.send_input({"type": "websocket.connect"})  # type: ignore[no-untyped-call]
    assert (await browser.answer())["type"] == "websocket.close"


async def test_another_port_of_this_host_is_elsewhere(session: str) -> None:
    browser = await Browser(session, "http://localhost:9999").open()
    assert await browser.close_code() == consumers.ELSEWHERE


async def test_a_published_frame_arrives_and_is_kept(session: str, screen_store: object) -> None:
    browser = await Browser(session).open()
    await asyncio.sleep(0.2)
    frame = Desk(datetime.now(UTC)).frame(5)
    await Screen().publish(frame)
    html = await browser.frame()
    assert html.startswith('<i id="frame"')
    assert 'data-number="5" data-previous="whole"' in html
    assert 'id="section-exposure"' in html
    assert await asyncio.to_thread(latest) == frame
    await browser.leave()


async def test_the_next_frame_carries_only_what_changed(session: str, screen_store: object) -> None:
    browser, screen = await Browser(session).open(), Screen()
    await asyncio.sleep(0.2)
    await screen.publish(Desk().frame(5))
    await screen.publish(Desk(drift=Decimal("1")).frame(6))
    await browser.frame()
    html = await browser.frame()
    assert 'data-number="6" data-previous="5"' in html
    assert 'id="exposure-ETH-net"' in html
    assert "<section" not in html
    await browser.leave()


async def test_a_push_is_told_in_ascii_and_reads_the_same(session: str, screen_store: object) -> None:
    browser = await Browser(session).open()
    await asyncio.sleep(0.2)
    await live.send('<b id="net" title="≤ ½">▲ — 1.50</b>')
    told = await browser.frame()
    assert told.isascii()
    assert unescape(told) == '<b id="net" title="≤ ½">▲ — 1.50</b>'
    await browser.leave()


async def test_a_session_that_ends_closes_its_socket(session: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(consumers, "SESSION_CHECK_S", 0.2)
    browser = await Browser(session).open()
    store = import_module(configured.SESSION_ENGINE).SessionStore
    await database_sync_to_async(store(session).delete)()
    assert await browser.close_code() == consumers.ENDED


async def test_a_browser_that_takes_nothing_misses_frames_but_never_the_newest() -> None:
    consumer = consumers.LiveConsumer()
    consumer._pending, consumer._arrived = deque(maxlen=consumers.PENDING_MAX), asyncio.Event()
    for number in range(100):
        consumer.take(str(number))
    assert list(consumer._pending) == [str(number) for number in range(100 - consumers.PENDING_MAX, 100)]


async def followed_by(client: "redis.asyncio.Redis", count: int) -> None:
    """Wait until so many channels are subscribed to: those of the test before may be ending still."""
    async with asyncio.timeout(60):
        while len(await client.pubsub_channels("live*")) != count:  # noqa: ASYNC110 - Redis tells no event
            await asyncio.sleep(0.05)


async def test_everybody_here_is_behind_one_subscription_which_ends_with_the_last(
    session: str, screen_store: object
) -> None:
    first, second = await Browser(session).open(), await Browser(session).open()
    await asyncio.sleep(0.2)
    async with redis.asyncio.from_url(os.environ["REDIS_URL"]) as client:
        await followed_by(client, 2)  # the group's, and the audience's own
        await Screen().publish(Desk().frame(7))
        assert 'data-number="7"' in await first.frame()
        assert 'data-number="7"' in await second.frame()
        await first.leave()
        await Screen().publish(Desk().frame(8))
        assert 'data-number="8"' in await second.frame()
        await second.leave()
        await followed_by(client, 0)


async def test_without_redis_a_frame_is_given_up_and_the_next_compares_with_the_last_that_arrived(
    session: str, screen_store: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser, screen = await Browser(session).open(), Screen()
    await asyncio.sleep(0.2)
    await screen.publish(Desk().frame(1))
    with monkeypatch.context() as away:
        nowhere = urlsplit(os.environ["REDIS_URL"])._replace(netloc="127.0.0.1:1").geturl()
        away.setattr(screen, "_redis", redis.asyncio.from_url(nowhere))
        await screen.publish(Desk(drift=Decimal("1")).frame(2))
    await screen.publish(Desk(drift=Decimal("1")).frame(3))
    assert 'data-number="1"' in await browser.frame()
    html = await browser.frame()
    assert 'data-number="3" data-previous="1"' in html
    assert 'id="exposure-ETH-net"' in html
    await browser.leave()
