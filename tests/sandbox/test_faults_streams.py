"""The faults of the venues' streams: cut, gapped, late, silent, and fills that are lost or told twice."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from typing import Any

import aiohttp
import pytest
from ccxt.base.errors import ChecksumError

from tests.sandbox.running import MAIN, RESERVE, Sandbox

USDM = "binance-usdm"
WAIT_S = 60.0
Arm = Callable[..., Awaitable[Any]]


@pytest.fixture
async def arm(sandbox: Sandbox) -> AsyncIterator[Arm]:
    """Arm faults that are cleared after the test."""

    async def begin(kind: str, **given: Any) -> Any:
        armed = await asyncio.to_thread(sandbox.control, "faults", kind=kind, **{"venue": USDM, **given})
        assert "error" not in armed, armed
        return armed

    yield begin
    await asyncio.to_thread(sandbox.control, "faults/clear")


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as opened:
        yield opened


async def private(sandbox: Sandbox, client: Any, session: aiohttp.ClientSession, account: str = RESERVE) -> Any:
    """Open the private stream of an account."""
    key = (await client(account).fapiPrivatePostListenKey())["listenKey"]
    return await session.ws_connect(f"ws://127.0.0.1:{sandbox.port}/usdm/private/ws?listenKey={key}")


async def fill(sandbox: Sandbox, account: str = RESERVE, symbol: str = "ETHUSDT") -> int:
    """Fill a small order and give its id."""
    given = {"account": account, "symbol": symbol, "side": "SELL", "quantity": "0.05", "maker": True}
    return int((await asyncio.to_thread(sandbox.control, "fill", **given))["order_id"])


async def heard(socket: Any, order_id: int) -> list[str]:
    """Collect the kinds of private messages up to the last one of an order's fill."""
    kinds: list[str] = []
    while True:
        message = await socket.receive_json(timeout=WAIT_S)
        order = message.get("o", {})
        kinds.append(f"{message['e']} {order.get('x', '')}".strip())
        if order.get("i") == order_id and order.get("x") == "TRADE":
            return kinds


FILL = ["ORDER_TRADE_UPDATE NEW", "TRADE_LITE", "ACCOUNT_UPDATE", "ORDER_TRADE_UPDATE TRADE"]


async def test_a_dropped_fill_is_known_only_to_rest(
    sandbox: Sandbox, client: Any, session: aiohttp.ClientSession, arm: Arm
) -> None:
    socket = await private(sandbox, client, session)
    await arm("drop_fill", account=RESERVE, symbol="ETHUSDT")
    lost = await fill(sandbox)
    told = await fill(sandbox)
    assert await heard(socket, told) == [FILL[0], *FILL]
    trades = await client(RESERVE).fapiPrivateGetUserTrades({"symbol": "ETHUSDT", "orderId": lost})
    assert [int(each["orderId"]) for each in trades] == [lost]


async def test_a_duplicated_fill_is_told_twice_and_booked_once(
    sandbox: Sandbox, client: Any, session: aiohttp.ClientSession, arm: Arm
) -> None:
    socket = await private(sandbox, client, session)
    await arm("duplicate_fill", account=RESERVE)
    order_id = await fill(sandbox)
    assert await heard(socket, order_id) == FILL
    assert await heard(socket, order_id) == FILL[1:]
    trades = await client(RESERVE).fapiPrivateGetUserTrades({"symbol": "ETHUSDT", "orderId": order_id})
    assert len(trades) == 1


async def test_a_fill_of_another_contract_passes_an_armed_drop(
    sandbox: Sandbox, client: Any, session: aiohttp.ClientSession, arm: Arm
) -> None:
    socket = await private(sandbox, client, session)
    await arm("drop_fill", symbol="BTCUSDT")
    assert await heard(socket, await fill(sandbox)) == FILL


async def test_dropped_connections_can_be_the_private_ones_alone_and_stay_shut(
    sandbox: Sandbox, client: Any, session: aiohttp.ClientSession, arm: Arm
) -> None:
    user = await private(sandbox, client, session)
    public = await session.ws_connect(f"ws://127.0.0.1:{sandbox.port}/usdm/public/ws/ethusdt@bookTicker")
    assert (await arm("drop_connections", connections="private", duration_s=60))["dropped"] >= 1
    assert (await user.receive(timeout=WAIT_S)).type in (aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.ERROR)
    assert (await public.receive(timeout=WAIT_S)).type == aiohttp.WSMsgType.TEXT
    with pytest.raises(aiohttp.ClientError):
        await private(sandbox, client, session)
    await asyncio.to_thread(sandbox.control, "faults/clear")
    assert await private(sandbox, client, session)


async def test_a_swallowed_diff_is_a_gap_that_ccxt_sees(client: Any, arm: Arm) -> None:
    exchange = client(MAIN)
    await asyncio.wait_for(exchange.watch_order_book("ETH/USDT:USDT"), WAIT_S)
    await arm("skip_sequence", symbol="ETHUSDT", times=2)
    with pytest.raises(ChecksumError):
        await watch_on(exchange)
    assert (await asyncio.wait_for(exchange.watch_order_book("ETH/USDT:USDT"), WAIT_S))["bids"]


async def test_a_delayed_stream_keeps_its_order_and_comes_late(
    sandbox: Sandbox, session: aiohttp.ClientSession, arm: Arm
) -> None:
    async with session.ws_connect(f"ws://127.0.0.1:{sandbox.port}/usdm/public/ws/ethusdt@bookTicker") as socket:
        await arm("delay_stream", symbol="ETHUSDT", delay_ms=800)
        await drained(socket)
        found = [await socket.receive_json(timeout=WAIT_S) for _ in range(20)]
        await asyncio.to_thread(sandbox.control, "faults/clear")
        found += [await socket.receive_json(timeout=WAIT_S) for _ in range(300)]
    assert [each["u"] for each in found] == sorted(each["u"] for each in found)


async def watch_on(exchange: Any) -> None:
    """Watch a book for a while."""
    for _ in range(100):
        await asyncio.wait_for(exchange.watch_order_book("ETH/USDT:USDT"), WAIT_S)


async def drained(socket: Any) -> None:
    """Read until the stream pauses."""
    with suppress(TimeoutError):
        while True:
            await socket.receive(timeout=0.4)


async def test_a_stale_private_stream_is_silent_and_answers_still(
    sandbox: Sandbox, client: Any, session: aiohttp.ClientSession, arm: Arm
) -> None:
    socket = await private(sandbox, client, session)
    await arm("stale", account=RESERVE)
    await fill(sandbox)
    await socket.send_str('{"method":"LIST_SUBSCRIPTIONS","id":5}')
    assert await socket.receive_json(timeout=WAIT_S) == {"result": [], "id": 5}
    await asyncio.to_thread(sandbox.control, "faults/clear")
    assert await heard(socket, await fill(sandbox)) == FILL


async def test_a_stale_kind_of_stream_leaves_the_others_speaking(
    sandbox: Sandbox, session: aiohttp.ClientSession, arm: Arm
) -> None:
    streams = "btcusdt@bookTicker/btcusdt@aggTrade"
    async with session.ws_connect(f"ws://127.0.0.1:{sandbox.port}/usdm/stream?streams={streams}") as socket:
        await arm("stale", symbol="BTCUSDT", stream="bookTicker")
        kinds = [(await socket.receive_json(timeout=WAIT_S))["data"]["e"] for _ in range(150)]
    assert set(kinds[100:]) == {"aggTrade"}
