"""The sandbox's private streams through unmodified ccxt.pro."""

import asyncio
import json
from decimal import Decimal
from typing import Any

import aiohttp
import pytest
from ccxt.base.errors import AuthenticationError

from tests.sandbox.running import COIN, MAIN, Sandbox, parameters, subscribed

WAYS = [
    (MAIN, "ETHUSDT", "ETH/USDT:USDT", "USDT", "0.5"),
    (COIN, "ETHUSD_PERP", "ETH/USD:ETH", "ETH", "120"),
]
WAIT_S = 60.0


async def listening(exchange: Any, account: str) -> None:
    """Wait until the private stream of a client is open."""
    await exchange.load_markets()
    await exchange.authenticate(parameters(account))


@pytest.mark.parametrize(("account", "name", "symbol", "asset", "quantity"), WAYS)
async def test_a_fill_reaches_trades_orders_positions_and_balance(
    sandbox: Sandbox, client: Any, account: str, name: str, symbol: str, asset: str, quantity: str
) -> None:
    exchange = client(account)
    await listening(exchange, account)
    before = (await exchange.fetch_positions([symbol], parameters(account)))[0]
    await exchange.watch_positions([symbol], params=parameters(account))  # the first call gives the snapshot
    watching = asyncio.gather(
        exchange.watch_my_trades(symbol),
        exchange.watch_orders(symbol),
        exchange.watch_positions([symbol], params=parameters(account)),
        exchange.watch_balance(parameters(account)),
    )
    await subscribed(exchange, f"myTrades:{symbol}", f"orders:{symbol}", "*:positions*", "*:balance")
    done = await asyncio.to_thread(
        sandbox.control, "fill", account=account, symbol=name, side="BUY", quantity=quantity, maker=True
    )
    trades, orders, positions, balance = await asyncio.wait_for(watching, WAIT_S)
    assert trades[-1]["order"] == str(done["order_id"]) == orders[-1]["id"]
    assert Decimal(str(trades[-1]["amount"])) == Decimal(quantity)
    assert trades[-1]["takerOrMaker"] == "maker"
    assert trades[-1]["fee"]["currency"] == asset
    after = Decimal(before["info"]["positionAmt"]) + Decimal(quantity)
    assert Decimal(positions[-1]["info"]["pa"]) == after
    booked = (await exchange.fetch_my_trades(symbol, limit=1))[-1]
    assert (booked["id"], booked["price"]) == (trades[-1]["id"], trades[-1]["price"])
    wallet = (await exchange.fetch_balance(parameters(account)))["info"]["assets"]
    assert balance[asset]["total"] == float(next(each for each in wallet if each["asset"] == asset)["walletBalance"])


async def test_funding_reaches_the_balance_and_the_income(sandbox: Sandbox, client: Any) -> None:
    exchange = client(COIN)
    await listening(exchange, COIN)
    before = len(await exchange.fetch_funding_history("BTC/USD:BTC", params=parameters(COIN)))
    watching = asyncio.create_task(exchange.watch_balance(parameters(COIN)))
    await subscribed(exchange, "*:balance")
    await asyncio.to_thread(sandbox.control, "funding", venue="binance-coinm", symbol="BTCUSD_PERP")
    balance = await asyncio.wait_for(watching, WAIT_S)
    assert balance["info"]["a"]["m"] == "FUNDING_FEE"
    paid = await exchange.fetch_funding_history("BTC/USD:BTC", params=parameters(COIN))
    assert len(paid) == before + 1
    assert balance["info"]["a"]["B"][0]["bc"] == paid[-1]["info"]["income"].rstrip("0").rstrip(".")


async def test_a_listen_key_that_ends_says_so_and_falls_silent(sandbox: Sandbox, client: Any) -> None:
    exchange = client(MAIN)
    key = (await exchange.fapiPrivatePostListenKey())["listenKey"]
    assert (await exchange.fapiPrivatePutListenKey())["listenKey"] == key
    url = f"ws://127.0.0.1:{sandbox.port}/usdm/private/ws?listenKey={key}"
    async with aiohttp.ClientSession() as session, session.ws_connect(url) as socket:
        assert await asyncio.to_thread(sandbox.control, "expire-listen-key", account=MAIN) == {"expired": True}
        message = await socket.receive_json(timeout=WAIT_S)
        assert (message["e"], message["listenKey"]) == ("listenKeyExpired", key)
        await asyncio.to_thread(
            sandbox.control, "fill", account=MAIN, symbol="ETHUSDT", side="SELL", quantity="0.5", maker=True
        )
        await socket.send_str(json.dumps({"method": "LIST_SUBSCRIPTIONS", "id": 9}))
        assert await socket.receive_json(timeout=WAIT_S) == {"result": [], "id": 9}
    with pytest.raises(Exception, match="-1125"):
        await exchange.fapiPrivatePutListenKey()


async def test_a_listen_key_needs_a_known_key(client: Any) -> None:
    with pytest.raises(AuthenticationError):
        await client(MAIN, apiKey="unknown").fapiPrivatePostListenKey()


async def test_the_events_of_an_order_come_in_the_venues_sequence(sandbox: Sandbox, client: Any) -> None:
    exchange = client(MAIN)
    key = (await exchange.fapiPrivatePostListenKey())["listenKey"]
    url = f"ws://127.0.0.1:{sandbox.port}/usdm/private/ws?listenKey={key}"
    async with aiohttp.ClientSession() as session, session.ws_connect(url) as socket:
        await asyncio.to_thread(sandbox.control, "fill", account=MAIN, symbol="BTCUSDT", side="SELL", quantity="40")
        found: list[dict[str, Any]] = []
        while not found or found[-1].get("o", {}).get("X") != "FILLED":
            found.append(await socket.receive_json(timeout=WAIT_S))
    assert found[0]["o"]["x"] == found[0]["o"]["X"] == "NEW"
    kinds = [each["e"] for each in found[1:]]
    assert kinds == ["TRADE_LITE", "ACCOUNT_UPDATE", "ORDER_TRADE_UPDATE"] * (len(kinds) // 3)
    trades = [each["o"] for each in found if each["e"] == "ORDER_TRADE_UPDATE"][1:]
    assert len(trades) > 1
    assert sum(Decimal(each["l"]) for each in trades) == Decimal(trades[-1]["z"]) == 40
    assert len({each["t"] for each in trades}) == len(trades)
