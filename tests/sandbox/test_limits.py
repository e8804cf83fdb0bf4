"""What the sandbox bounds: request weight, and subscribers that do not read."""

import asyncio
import json
from http.client import HTTPConnection

import aiohttp
import pytest

from sandbox.binance.errors import RequestRefused
from sandbox.binance.weights import Weights, weight_of
from sandbox.sockets import QUEUE_MESSAGES_MAX, Connection
from tests.sandbox.running import Sandbox

WAIT_S = 60.0


def test_the_weight_above_the_limit_is_refused_until_the_minute_ends() -> None:
    weights = Weights(limit=10)
    assert weights.use("a", 6, 60.0) == 6
    with pytest.raises(RequestRefused) as refused:
        weights.use("a", 5, 90.0)
    assert (refused.value.status, refused.value.code) == (429, -1003)
    assert refused.value.headers["Retry-After"] == "31"
    assert weights.use("b", 5, 90.0) == 5
    assert weights.use("a", 5, 120.0) == 5


@pytest.mark.parametrize(("limit", "weight"), [("5", 2), ("100", 5), ("500", 10), ("1000", 20), ("", 10)])
def test_the_weight_of_a_book_grows_with_its_limit(limit: str, weight: int) -> None:
    assert weight_of("depth", {"limit": limit} if limit else {}) == weight


async def test_a_subscriber_that_falls_behind_is_dropped() -> None:
    connection = Connection(aiohttp.web.WebSocketResponse(), wrapped=False)
    for _ in range(QUEUE_MESSAGES_MAX + 1):
        connection.send(b"{}")
    assert connection.dropped
    assert not connection.queue


async def test_a_subscriber_that_falls_behind_in_bytes_is_dropped() -> None:
    connection = Connection(aiohttp.web.WebSocketResponse(), wrapped=False)
    for _ in range(10):
        connection.send(b"x" * 1024 * 1024)
    assert connection.dropped


async def test_a_client_that_never_reads_does_not_disturb_the_others(sandbox: Sandbox) -> None:
    _, writer = await asyncio.open_connection("127.0.0.1", sandbox.port, limit=1024)
    writer.write(
        b"GET /usdm/ws/ethusdt@depth@0ms HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
    await writer.drain()
    url = f"ws://127.0.0.1:{sandbox.port}/usdm/ws/ethusdt@bookTicker"
    async with aiohttp.ClientSession() as session, session.ws_connect(url) as socket:
        for _ in range(100):
            assert (await socket.receive_json(timeout=WAIT_S))["s"] == "ETHUSDT"
    writer.close()


def test_a_request_body_of_another_page_is_refused(sandbox: Sandbox) -> None:
    connection = HTTPConnection("127.0.0.1", sandbox.port, timeout=30)
    headers = {"Origin": "http://elsewhere.example"}
    connection.request("POST", "/control/jump", body=json.dumps({"coin": "ETH", "percent": 1}), headers=headers)
    assert connection.getresponse().status == 403
    connection.close()
