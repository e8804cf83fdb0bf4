"""The drills of the sandbox's control page, and what a client sees of them."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import aiohttp
import pytest
from ccxt.base.errors import ChecksumError, NetworkError

from tests.sandbox.running import COIN, MAIN, RESERVE, Sandbox, subscribed

WAIT_S = 60.0
VENUE = "binance-usdm"


async def act(sandbox: Sandbox, action: str, **given: Any) -> Any:
    return await asyncio.to_thread(sandbox.control, action, **given)


async def watch_on(exchange: Any, symbol: str) -> None:
    """Watch a book for a while."""
    for _ in range(100):
        await asyncio.wait_for(exchange.watch_order_book(symbol), WAIT_S)


def test_the_page_and_its_state_are_served(sandbox: Sandbox) -> None:
    state = sandbox.get("/control/state")
    assert set(state["venues"]) == {"binance-usdm", "binance-coinm"}
    assert abs(float(state["net_delta"]["ETH"])) < 25
    assert abs(float(state["net_delta"]["BTC"])) < 60  # other tests trade BTC in these accounts
    account = sandbox.get(f"/control/accounts/{COIN}")
    assert account["positions"]["ETHUSD_PERP"]["quantity"].startswith("-")
    assert account["trades"]


async def test_a_silenced_stream_stops_without_disconnecting(sandbox: Sandbox) -> None:
    url = f"ws://127.0.0.1:{sandbox.port}/usdm/public/ws/btcusdt@bookTicker"
    async with aiohttp.ClientSession() as session, session.ws_connect(url) as socket:
        await socket.receive(timeout=WAIT_S)
        await act(sandbox, "silence", venue=VENUE, symbol="BTCUSDT", kind="bookTicker", on=True)
        while True:
            try:
                await socket.receive(timeout=0.7)
            except TimeoutError:
                break
        await act(sandbox, "silence", venue=VENUE, symbol="BTCUSDT", kind="bookTicker", on=False)
        assert (await socket.receive(timeout=WAIT_S)).type == aiohttp.WSMsgType.TEXT


async def test_a_skipped_sequence_number_is_a_checksum_error(sandbox: Sandbox, client: Any) -> None:
    exchange = client(MAIN)
    await asyncio.wait_for(exchange.watch_order_book("BTC/USDT:USDT"), WAIT_S)
    await act(sandbox, "skip-depth", venue=VENUE, symbol="BTCUSDT", count=1)
    with pytest.raises(ChecksumError):
        await watch_on(exchange, "BTC/USDT:USDT")
    book = await asyncio.wait_for(exchange.watch_order_book("BTC/USDT:USDT"), WAIT_S)
    assert book["bids"]


async def test_dropped_connections_come_back(sandbox: Sandbox, client: Any) -> None:
    exchange = client(MAIN)
    await asyncio.wait_for(exchange.watch_order_book("ETH/USDT:USDT"), WAIT_S)
    assert (await act(sandbox, "drop", venue=VENUE))["dropped"] >= 1
    # ccxt tells the loss to whoever is waiting at that moment; if nobody is, the next call dials again in silence.
    with suppress(NetworkError):
        await watch_on(exchange, "ETH/USDT:USDT")
    assert await asyncio.wait_for(exchange.watch_order_book("ETH/USDT:USDT"), WAIT_S)


async def test_a_venue_that_is_down_refuses_and_the_other_serves(sandbox: Sandbox, client: Any) -> None:
    await act(sandbox, "down", venue=VENUE, down=True)
    try:
        with pytest.raises(NetworkError):
            await client(MAIN).fapiPublicGetTime()
        with pytest.raises(aiohttp.ClientError):
            async with aiohttp.ClientSession() as session:
                await session.ws_connect(f"ws://127.0.0.1:{sandbox.port}/usdm/ws")
        assert await client(COIN).dapiPublicGetTime()
    finally:
        await act(sandbox, "down", venue=VENUE, down=False)
    assert await client(MAIN).fapiPublicGetTime()


async def test_a_malformed_frame_is_sent_to_listeners(sandbox: Sandbox) -> None:
    url = f"ws://127.0.0.1:{sandbox.port}/coinm/ws/btcusd_perp@depth@500ms"
    async with aiohttp.ClientSession() as session, session.ws_connect(url) as socket:
        done = await act(sandbox, "malformed", venue="binance-coinm", symbol="BTCUSD_PERP", kind="depth")
        assert done["streams"] == ["btcusd_perp@depth@500ms"]
        while "oops" not in await socket.receive_str(timeout=WAIT_S):
            pass


async def test_a_jump_moves_index_mark_and_book(sandbox: Sandbox) -> None:
    before = sandbox.get("/control/state")["index"]["BTC"]
    moved = await act(sandbox, "jump", coin="BTC", percent=-1)
    assert moved["index"] == pytest.approx(before * 0.99, rel=0.003)
    async with asyncio.timeout(WAIT_S):
        while True:
            market = sandbox.get("/control/state")["venues"][VENUE]["markets"]["BTCUSDT"]
            if [float(market[name]) for name in ("mark", "bid")] == [pytest.approx(moved["index"], rel=0.004)] * 2:
                break
            await asyncio.sleep(0.05)
    await act(sandbox, "jump", coin="BTC", percent=1)


@pytest.mark.parametrize(
    ("action", "given", "sentence"),
    [
        ("fill", {"account": "nobody", "symbol": "ETHUSDT", "side": "BUY", "quantity": "1"}, "expected an account"),
        ("fill", {"account": MAIN, "symbol": "ETHUSDT", "side": "HOLD", "quantity": "1"}, "BUY or SELL"),
        ("fill", {"account": MAIN, "symbol": "ETHUSDT", "side": "BUY", "quantity": "0.0001"}, "multiple of 0.001"),
        ("fill", {"account": MAIN, "symbol": "ETHUSDT", "side": "BUY", "quantity": "NaN"}, "a number"),
        ("silence", {"venue": "nowhere", "on": True}, "expected a venue"),
        ("silence", {"venue": VENUE, "on": "maybe"}, "true or false"),
        ("jump", {"coin": "ETH", "percent": 900}, "at most 50"),
        ("skip-depth", {"venue": VENUE, "symbol": "ETHUSDT", "count": 0}, "whole number"),
        ("transfer", {"account": MAIN, "asset": "DOGE", "amount": 1}, "an asset it holds"),
    ],
)
def test_an_impossible_action_is_refused_in_a_sentence(
    sandbox: Sandbox, action: str, given: dict[str, Any], sentence: str
) -> None:
    assert sentence in sandbox.control(action, **given)["error"]


async def test_a_liquidation_is_told_to_whoever_listens(start: Callable[..., Sandbox]) -> None:
    sandbox = start("--hand-every", "0")
    held = float(sandbox.get(f"/control/accounts/{RESERVE}")["balances"]["USDT"]["wallet"])
    streams = "ethusdt@forceOrder/btcusdt@forceOrder"
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(f"{sandbox.url}/usdm/market/stream?streams={streams}") as socket,
    ):
        await act(sandbox, "transfer", account=RESERVE, asset="USDT", amount=2_000 - held)
        order = (await asyncio.wait_for(socket.receive_json(), WAIT_S))["data"]
    assert order["e"] == "forceOrder"
    assert order["o"]["S"] in ("BUY", "SELL")
    assert float(order["o"]["z"]) > 0
    assert float(order["o"]["ap"]) > 0


async def test_an_account_at_its_liquidation_is_reduced_by_the_venue(start: Callable[..., Sandbox]) -> None:
    sandbox = start("--hand-every", "0")
    exchange = sandbox.client(RESERVE)
    try:
        await exchange.load_markets()
        held = (await exchange.fetch_balance())["USDT"]["total"]
        watching = asyncio.create_task(exchange.watch_orders())
        await subscribed(exchange, "orders")
        await act(sandbox, "transfer", account=RESERVE, asset="USDT", amount=2_000 - held)
        while (orders := await asyncio.wait_for(watching, WAIT_S))[-1]["status"] != "closed":
            watching = asyncio.create_task(exchange.watch_orders())
        assert orders[-1]["clientOrderId"].startswith("autoclose-")
        assert orders[-1]["info"]["o"] == "LIQUIDATION"
        left = sandbox.get(f"/control/accounts/{RESERVE}")["positions"]
        assert all(
            abs(float(left[symbol]["quantity"])) < coins for symbol, coins in (("ETHUSDT", 119), ("BTCUSDT", 0.9))
        )
        assert await exchange.fetch_my_liquidations(orders[-1]["symbol"])
    finally:
        await exchange.close()
