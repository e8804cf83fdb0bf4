"""The stream of prices: the document of the HTTP door, over a WebSocket, to those who are logged in."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest
from asgiref.testing import ApplicationCommunicator
from channels.layers import channel_layers
from django.conf import settings as configured
from django.contrib.auth.models import User
from django.test import Client

from hedgeapp.asgi import application
from portfolio import consumers
from portfolio.core.minting import Standing
from portfolio.core.price_sheets import sheet
from portfolio.screen.price_document import document
from portfolio.screen.price_stream import PriceStream, latest
from tests.builders.prices import market


@pytest.fixture(autouse=True)
async def _own_layer() -> AsyncIterator[None]:
    channel_layers.backends.clear()
    yield
    channel_layers.backends.clear()


class Follower(ApplicationCommunicator):
    """A program's end of the stream."""

    def __init__(self, session: str = "", origin: str = "http://localhost") -> None:
        headers = [(b"host", b"localhost"), (b"origin", origin.encode())]
        if session:
            headers.append((b"cookie", f"{configured.SESSION_COOKIE_NAME}={session}".encode()))
        path = "/api/prices/stream"
        scope = {"type": "websocket", "path": path, "query_string": b"", "headers": headers, "subprotocols": []}
        super().__init__(application, scope)  # type: ignore[no-untyped-call]

    async def answer(self) -> dict[str, Any]:
        """Return the server's next message."""
        message: dict[str, Any] = await self.receive_output(timeout=30)  # type: ignore[no-untyped-call]
        return message

    async def open(self) -> "Follower":
        """Open the socket."""
        await self.send_input({"type": "websocket.connect"})  # type: ignore[no-untyped-call]
        assert (await self.answer())["type"] == "websocket.accept"
        return self


@pytest.fixture
def session(transactional_db: None) -> str:
    client = Client()
    client.force_login(User.objects.create_user("desk", password="a long enough password"))
    return client.cookies[configured.SESSION_COOKIE_NAME].value


async def test_who_follows_gets_the_document_that_is_kept(session: str) -> None:
    follower = await Follower(session).open()
    await asyncio.sleep(0.2)
    made = sheet(market())
    await PriceStream().publish(made, Standing())
    told = (await follower.answer())["text"].encode()
    assert told == document(made, Standing()) == await asyncio.to_thread(latest)
    assert [one["asset"] for one in msgspec.json.decode(told)["assets"]] == ["ETH", "USDT", "stETH"]
    await follower.send_input({"type": "websocket.disconnect", "code": 1000})  # type: ignore[no-untyped-call]
    await follower.wait(timeout=30)  # type: ignore[no-untyped-call]


async def test_a_stranger_follows_nothing(transactional_db: None) -> None:
    message = await (await Follower().open()).answer()
    assert (message["type"], message["code"]) == ("websocket.close", consumers.ENDED)
