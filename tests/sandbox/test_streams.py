"""The sandbox's public streams through unmodified ccxt.pro and by hand."""

import asyncio
import json
from itertools import pairwise
from typing import Any

import aiohttp
import pytest

from tests.sandbox.running import COIN, MAIN, Sandbox

BOOKS = [(MAIN, "ETH/USDT:USDT"), (COIN, "ETH/USD:ETH")]
WAIT_S = 60.0


def levels(rows: list[tuple[str, str]]) -> dict[str, str]:
    return dict(rows)


async def listen(sandbox: Sandbox, path: str, streams: list[str], seconds: float) -> list[dict[str, Any]]:
    """Subscribe by hand and collect what comes."""
    found: list[dict[str, Any]] = []
    url = f"ws://127.0.0.1:{sandbox.port}{path}"
    async with aiohttp.ClientSession() as session, session.ws_connect(url) as socket:
        await socket.send_str(json.dumps({"method": "SUBSCRIBE", "params": streams, "id": 1}))
        assert await socket.receive_json(timeout=WAIT_S) == {"result": None, "id": 1}
        end = asyncio.get_running_loop().time() + seconds
        while (left := end - asyncio.get_running_loop().time()) > 0:
            try:
                found.append(await socket.receive_json(timeout=left))
            except TimeoutError:
                break
    return found


async def follow(exchange: Any, symbol: str, seconds: float) -> set[int]:
    """Watch a book for some seconds and give the update ids seen."""
    nonces = set()
    end = asyncio.get_running_loop().time() + seconds
    while asyncio.get_running_loop().time() < end:
        book = await asyncio.wait_for(exchange.watch_order_book(symbol), WAIT_S)
        assert book["bids"][0][0] < book["asks"][0][0]
        nonces.add(book["nonce"])
    return nonces


async def test_ccxt_pro_follows_books_without_a_checksum_error(client: Any) -> None:
    for nonces in await asyncio.gather(*(follow(client(account), symbol, 2.0) for account, symbol in BOOKS)):
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
    task = asyncio.gather(*(listen(sandbox, path, [f"{name}@depth@100ms"], 2.0) for path, _, name in ways))
    await asyncio.sleep(1.0)
    paths = [f"/{api}/v1/depth?symbol={name.upper()}&limit=1000" for _, api, name in ways]
    snapshots = [await asyncio.to_thread(sandbox.get, path) for path in paths]
    for snapshot, diffs in zip(snapshots, await task, strict=True):
        assert len(diffs) >= 10
        for before, after in pairwise(diffs):
            assert after["pu"] == before["u"]
            assert before["u"] < after["U"] <= after["u"]
        last = snapshot["lastUpdateId"]
        assert any(each["U"] <= last <= each["u"] or each["pu"] == last for each in diffs)


async def test_a_book_built_from_diffs_equals_the_next_snapshot(sandbox: Sandbox) -> None:
    task = asyncio.create_task(listen(sandbox, "/usdm/public/ws/0", ["ethusdt@depth@0ms"], 1.8))
    await asyncio.sleep(0.5)
    first = await asyncio.to_thread(sandbox.get, "/fapi/v1/depth?symbol=ETHUSDT&limit=1000")
    await asyncio.sleep(0.5)
    second = await asyncio.to_thread(sandbox.get, "/fapi/v1/depth?symbol=ETHUSDT&limit=1000")
    bids, asks = levels(first["bids"]), levels(first["asks"])
    for diff in await task:
        if first["lastUpdateId"] <= diff["u"] <= second["lastUpdateId"]:
            bids |= levels(diff["b"])
            asks |= levels(diff["a"])
    assert {price: size for price, size in bids.items() if float(size)} == levels(second["bids"])
    assert {price: size for price, size in asks.items() if float(size)} == levels(second["asks"])


async def test_an_ether_contract_sends_two_hundred_messages_a_second(sandbox: Sandbox) -> None:
    ways = (("/usdm/public/ws/0", "ethusdt"), ("/coinm/ws/0", "ethusd_perp"))
    kinds = ("bookTicker", "aggTrade", "trade", "depth@100ms")
    for found in await asyncio.gather(
        *(listen(sandbox, path, [f"{name}@{kind}" for kind in kinds], 2.0) for path, name in ways)
    ):
        assert len(found) / 2.0 >= 200
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
