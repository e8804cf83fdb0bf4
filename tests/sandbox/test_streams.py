"""The sandbox's public streams through unmodified ccxt.pro and by hand."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from itertools import pairwise
from typing import Any

import aiohttp
import pytest

from tests.sandbox.running import COIN, MAIN, Sandbox

BOOKS = [(MAIN, "ETH/USDT:USDT"), (COIN, "ETH/USD:ETH")]
WAIT_S = 60.0


def levels(rows: list[tuple[str, str]]) -> dict[str, str]:
    return dict(rows)


class Ear:
    """A subscription by hand, and what came of it so far."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self.heard: list[dict[str, Any]] = []

    async def until(self, holds: Callable[[list[dict[str, Any]]], bool]) -> list[dict[str, Any]]:
        """Collect what comes until something holds of all of it."""
        async with asyncio.timeout(WAIT_S):
            while not holds(self.heard):
                self.heard.append(await self._socket.receive_json())
        return self.heard


@asynccontextmanager
async def listening(sandbox: Sandbox, path: str, *streams: str) -> AsyncIterator[Ear]:
    """Subscribe by hand."""
    url = f"ws://127.0.0.1:{sandbox.port}{path}"
    async with aiohttp.ClientSession() as session, session.ws_connect(url) as socket:
        await socket.send_str(json.dumps({"method": "SUBSCRIBE", "params": streams, "id": 1}))
        assert await socket.receive_json(timeout=WAIT_S) == {"result": None, "id": 1}
        yield Ear(socket)


async def follow(exchange: Any, symbol: str, count: int) -> set[int]:
    """Watch a book until so many update ids were seen, and give them."""
    nonces: set[int] = set()
    while len(nonces) < count:
        book = await asyncio.wait_for(exchange.watch_order_book(symbol), WAIT_S)
        assert book["bids"][0][0] < book["asks"][0][0]
        nonces.add(book["nonce"])
    return nonces


async def test_ccxt_pro_follows_books_without_a_checksum_error(client: Any) -> None:
    for nonces in await asyncio.gather(*(follow(client(account), symbol, 30) for account, symbol in BOOKS)):
        assert len(nonces) > 10


@pytest.mark.parametrize(("account", "symbol"), BOOKS)
async def test_ccxt_pro_watches_trades_quotes_marks_and_tickers(client: Any, account: str, symbol: str) -> None:
    exchange = client(account)
    found = await asyncio.wait_for(
        asyncio.gather(
            exchange.watch_trades(symbol),
            exchange.watch_trades(symbol, params={"name": "aggTrade"}),
            exchange.watch_bids_asks([symbol]),
            exchange.watch_mark_price(symbol),
            exchange.watch_ticker(symbol),
        ),
        WAIT_S,
    )
    trades, aggregates, quotes, mark, ticker = found
    price = mark["markPrice"]
    for each in (trades[-1]["price"], aggregates[-1]["price"], quotes[symbol]["bid"], ticker["last"]):
        assert each == pytest.approx(price, rel=0.05)


async def test_diffs_are_chained_and_bridge_a_snapshot(sandbox: Sandbox) -> None:
    ways = (
        ("/usdm/public/ws/0", "fapi", "ethusdt"),
        ("/coinm/ws/0", "dapi", "ethusd_perp"),
        ("/coinm/ws", "dapi", "btcusd_perp"),
    )
    for path, api, name in ways:
        async with listening(sandbox, path, f"{name}@depth@100ms") as ear:
            await ear.until(bool)
            snapshot = await asyncio.to_thread(sandbox.get, f"/{api}/v1/depth?symbol={name.upper()}&limit=1000")
            last = snapshot["lastUpdateId"]
            diffs = await ear.until(lambda diffs, last=last: len(diffs) >= 10 and diffs[-1]["u"] > last)  # type: ignore[misc]
        for before, after in pairwise(diffs):
            assert after["pu"] == before["u"]
            assert before["u"] < after["U"] <= after["u"]
        assert any(each["U"] <= last <= each["u"] or each["pu"] == last for each in diffs)


async def test_a_book_built_from_diffs_equals_the_next_snapshot(sandbox: Sandbox) -> None:
    async with listening(sandbox, "/usdm/public/ws/0", "ethusdt@depth@0ms") as ear:
        await ear.until(bool)
        first = await asyncio.to_thread(sandbox.get, "/fapi/v1/depth?symbol=ETHUSDT&limit=1000")
        await ear.until(lambda diffs: sum(each["u"] > first["lastUpdateId"] for each in diffs) >= 10)
        second = await asyncio.to_thread(sandbox.get, "/fapi/v1/depth?symbol=ETHUSDT&limit=1000")
        diffs = await ear.until(lambda diffs: diffs[-1]["u"] >= second["lastUpdateId"])
    bids, asks = levels(first["bids"]), levels(first["asks"])
    for diff in diffs:
        if first["lastUpdateId"] <= diff["u"] <= second["lastUpdateId"]:
            bids |= levels(diff["b"])
            asks |= levels(diff["a"])
    assert {price: size for price, size in bids.items() if float(size)} == levels(second["bids"])
    assert {price: size for price, size in asks.items() if float(size)} == levels(second["asks"])


async def test_an_ether_contract_sends_two_hundred_messages_a_second(sandbox: Sandbox) -> None:
    ways = (("/usdm/public/ws/0", "ethusdt"), ("/coinm/ws/0", "ethusd_perp"))
    kinds = ("bookTicker", "aggTrade", "trade", "depth@100ms")
    for path, name in ways:
        async with listening(sandbox, path, *(f"{name}@{kind}" for kind in kinds)) as ear:
            # In some two seconds of the venue's: what else the machine has to do may take others from it.
            found = await ear.until(lambda found: len(found) >= 400 and found[-1]["E"] - found[-400]["E"] <= 2_000)
        touches = [each for each in found if each["e"] == "bookTicker"]
        assert all(float(each["b"]) < float(each["a"]) for each in touches)
        assert all(after["u"] > before["u"] for before, after in pairwise(touches))


async def test_combined_streams_are_wrapped(sandbox: Sandbox) -> None:
    url = f"ws://127.0.0.1:{sandbox.port}/usdm/stream?streams=ethusdt@bookTicker/ethusdt@depth5@100ms"
    async with aiohttp.ClientSession() as session, session.ws_connect(url) as socket:
        found: dict[str, Any] = {}
        while len(found) < 2:
            message = await socket.receive_json(timeout=WAIT_S)
            found[message["stream"]] = message["data"]
    assert len(found["ethusdt@depth5@100ms"]["b"]) == 5
    assert found["ethusdt@bookTicker"]["s"] == "ETHUSDT"


async def test_requests_on_a_socket_are_answered_as_the_venue_does(sandbox: Sandbox) -> None:
    url = f"ws://127.0.0.1:{sandbox.port}/usdm/ws"
    asked: list[tuple[str, Any]] = [
        ('{"method":"SUBSCRIBE","params":["ethusdt@markPrice@1s"],"id":1}', {"result": None, "id": 1}),
        ('{"method":"LIST_SUBSCRIPTIONS","id":2}', {"result": ["ethusdt@markPrice@1s"], "id": 2}),
        ('{"method":"UNSUBSCRIBE","params":["ethusdt@markPrice@1s"],"id":3}', {"result": None, "id": 3}),
        ('{"method":"LIST_SUBSCRIPTIONS","id":4}', {"result": [], "id": 4}),
    ]
    async with aiohttp.ClientSession() as session, session.ws_connect(url) as socket:
        for text, answer in asked:
            await socket.send_str(text)
            received = await socket.receive_json(timeout=WAIT_S)
            while "e" in received:
                received = await socket.receive_json(timeout=WAIT_S)
            assert received == answer
        for text in ('{"method":"DANCE","id":5}', '{"method":"SUBSCRIBE","params":["x"],"id":6}', "{oops"):
            await socket.send_str(text)
            assert (await socket.receive_json(timeout=WAIT_S))["error"]["code"] in (2, 3)
