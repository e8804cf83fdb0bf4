"""Order entry on both venues through unmodified ccxt and ccxt.pro."""

import asyncio
import json
from decimal import Decimal
from typing import Any
from uuid import uuid4

import aiohttp
import pytest
from ccxt.base.errors import ExchangeError, InvalidNonce, OrderNotFound

from tests.sandbox.running import COIN, MAIN, Sandbox, subscribed

WAIT_S = 60.0
WAYS = [(MAIN, "ETHUSDT", "ETH/USDT:USDT", 0.5), (COIN, "ETHUSD_PERP", "ETH/USD:ETH", 50)]
ways = pytest.mark.parametrize(("account", "name", "symbol", "amount"), WAYS, ids=["usdm", "coinm"])


def some_id() -> str:
    return f"t-{uuid4().hex[:20]}"


async def touch(exchange: Any, symbol: str) -> tuple[float, float]:
    book = await exchange.fetch_order_book(symbol, 5)
    return book["bids"][0][0], book["asks"][0][0]


async def far_bid(exchange: Any, symbol: str, amount: float, **params: Any) -> Any:
    """Place a bid two percent below the touch."""
    bid, _ = await touch(exchange, symbol)
    return await exchange.create_order(symbol, "limit", "buy", amount, round(bid * 0.98, 1), params)


@ways
async def test_a_limit_order_rests_in_the_public_book_until_it_is_canceled(
    client: Any, account: str, name: str, symbol: str, amount: float
) -> None:
    exchange, client_id = client(account), some_id()
    placed = await far_bid(exchange, symbol, amount, newClientOrderId=client_id)
    assert (placed["status"], placed["clientOrderId"], placed["filled"]) == ("open", client_id, 0)
    book = await exchange.fetch_order_book(symbol, 1000)
    assert next(size for price, size, *_ in book["bids"] if price == placed["price"]) >= amount
    by_client = await exchange.fetch_order(None, symbol, {"origClientOrderId": client_id})
    by_id = await exchange.fetch_order(placed["id"], symbol)
    assert by_client["id"] == by_id["id"] == placed["id"]
    assert placed["id"] in {each["id"] for each in await exchange.fetch_open_orders(symbol)}
    canceled = await exchange.cancel_order(None, symbol, {"origClientOrderId": client_id})
    assert canceled["status"] == "canceled"
    assert (await exchange.fetch_order(placed["id"], symbol))["status"] == "canceled"
    with pytest.raises(OrderNotFound, match="-2011"):
        await exchange.cancel_order(placed["id"], symbol)


@ways
async def test_a_market_order_is_filled_from_the_displayed_levels(
    client: Any, account: str, name: str, symbol: str, amount: float
) -> None:
    exchange = client(account)
    before = (await exchange.fetch_positions([symbol]))[0]["info"]["positionAmt"]
    done = await exchange.create_order(symbol, "market", "buy", amount, None, {"newClientOrderId": some_id()})
    assert (done["status"], done["filled"], done["remaining"]) == ("closed", amount, 0)
    trades = await exchange.fetch_my_trades(symbol, params={"orderId": done["id"]})
    assert sum(Decimal(each["info"]["qty"]) for each in trades) == Decimal(str(amount))
    assert {each["takerOrMaker"] for each in trades} == {"taker"}
    tape = exchange.fapiPublicGetTrades if account == MAIN else exchange.dapiPublicGetTrades
    public = {str(each["id"]): each for each in await tape({"symbol": name, "limit": 1000})}
    assert [public[each["id"]]["price"] for each in trades] == [each["info"]["price"] for each in trades]
    after = (await exchange.fetch_positions([symbol]))[0]["info"]["positionAmt"]
    assert Decimal(after) - Decimal(before) == Decimal(str(amount))


@ways
async def test_what_an_ioc_does_not_fill_expires(
    client: Any, account: str, name: str, symbol: str, amount: float
) -> None:
    exchange = client(account)
    bid, _ = await touch(exchange, symbol)
    missed = await exchange.create_order(
        symbol, "limit", "buy", amount, round(bid * 0.99, 1), {"timeInForce": "IOC", "newOrderRespType": "RESULT"}
    )
    assert (missed["status"], missed["filled"]) == ("expired", 0)
    bid, ask = await touch(exchange, symbol)
    caught = await exchange.create_order(
        symbol, "limit", "buy", amount, round(ask * 1.01, 1), {"timeInForce": "IOC", "newOrderRespType": "RESULT"}
    )
    assert (caught["status"], caught["filled"]) == ("closed", amount)
    assert caught["average"] < caught["price"]


@ways
async def test_a_fok_fills_whole_or_expires(client: Any, account: str, name: str, symbol: str, amount: float) -> None:
    exchange = client(account)
    _, ask = await touch(exchange, symbol)
    given = {"timeInForce": "FOK", "newOrderRespType": "RESULT"}
    whole = await exchange.create_order(symbol, "limit", "buy", amount, round(ask * 1.01, 1), given)
    assert (whole["status"], whole["filled"]) == ("closed", amount)
    _, ask = await touch(exchange, symbol)
    large = await exchange.create_order(symbol, "limit", "buy", 4_000 * amount / 0.5, round(ask, 2), given)
    assert (large["status"], large["filled"]) == ("expired", 0)


@ways
async def test_a_post_only_order_that_would_take_is_refused_and_not_recorded(
    client: Any, account: str, name: str, symbol: str, amount: float
) -> None:
    exchange, client_id = client(account), some_id()
    _, ask = await touch(exchange, symbol)
    with pytest.raises(ExchangeError, match="-5022"):
        await exchange.create_order(
            symbol, "limit", "buy", amount, round(ask * 1.01, 1), {"postOnly": True, "newClientOrderId": client_id}
        )
    with pytest.raises(OrderNotFound, match="-2013"):
        await exchange.fetch_order(None, symbol, {"origClientOrderId": client_id})
    rested = await far_bid(exchange, symbol, amount, postOnly=True)
    assert (rested["timeInForce"], rested["status"]) == ("PO", "open")
    await exchange.cancel_order(rested["id"], symbol)


@ways
async def test_an_amended_order_keeps_its_ids_and_takes_its_new_terms(
    client: Any, account: str, name: str, symbol: str, amount: float
) -> None:
    exchange, client_id = client(account), some_id()
    placed = await far_bid(exchange, symbol, amount, newClientOrderId=client_id)
    changed = await exchange.edit_order(placed["id"], symbol, "limit", "buy", amount * 2, placed["price"] - 1)
    assert (changed["id"], changed["clientOrderId"], changed["amount"]) == (placed["id"], client_id, amount * 2)
    assert changed["price"] == placed["price"] - 1
    with pytest.raises(ExchangeError, match="-5027"):
        await exchange.edit_order(placed["id"], symbol, "limit", "buy", amount * 2, placed["price"] - 1)
    _, ask = await touch(exchange, symbol)
    taken = await exchange.edit_order(placed["id"], symbol, "limit", "buy", amount * 2, round(ask * 1.01, 1))
    assert (taken["status"], taken["filled"]) == ("closed", amount * 2)


@ways
async def test_all_or_some_orders_are_canceled_at_once(
    client: Any, account: str, name: str, symbol: str, amount: float
) -> None:
    exchange = client(account)
    placed = [await far_bid(exchange, symbol, amount, newClientOrderId=some_id()) for _ in range(5)]
    done = await exchange.cancel_orders([each["id"] for each in placed[:2]], symbol)
    assert [each["status"] for each in done] == ["canceled", "canceled"]
    done = await exchange.cancel_orders([], symbol, {"origClientOrderIdList": [placed[2]["clientOrderId"]]})
    assert [each["status"] for each in done] == ["canceled"]
    await exchange.cancel_all_orders(symbol)
    assert await exchange.fetch_open_orders(symbol) == []
    found = {each["id"]: each["status"] for each in await exchange.fetch_orders(symbol, limit=1000)}
    assert {found[each["id"]] for each in placed} == {"canceled"}


@ways
async def test_a_client_id_is_unique_among_open_orders_only(
    client: Any, account: str, name: str, symbol: str, amount: float
) -> None:
    exchange, client_id = client(account), some_id()
    first = await far_bid(exchange, symbol, amount, newClientOrderId=client_id)
    with pytest.raises(ExchangeError, match="-4116"):
        await far_bid(exchange, symbol, amount, newClientOrderId=client_id)
    await exchange.cancel_order(first["id"], symbol)
    second = await far_bid(exchange, symbol, amount, newClientOrderId=client_id)
    assert (await exchange.fetch_order(None, symbol, {"origClientOrderId": client_id}))["id"] == second["id"]
    await exchange.cancel_order(second["id"], symbol)


@ways
async def test_the_private_stream_tells_the_life_of_an_order(
    sandbox: Sandbox, client: Any, account: str, name: str, symbol: str, amount: float
) -> None:
    exchange, client_id = client(account), some_id()
    root = "usdm/private" if account == MAIN else "coinm"
    open_key = exchange.fapiPrivatePostListenKey if account == MAIN else exchange.dapiPrivatePostListenKey
    key = (await open_key())["listenKey"]
    url = f"ws://127.0.0.1:{sandbox.port}/{root}/ws/{key}"
    async with aiohttp.ClientSession() as session, session.ws_connect(url) as socket:
        placed = await far_bid(exchange, symbol, amount, newClientOrderId=client_id)
        await exchange.edit_order(placed["id"], symbol, "limit", "buy", amount, placed["price"] - 1)
        await exchange.cancel_order(placed["id"], symbol)
        _, ask = await touch(exchange, symbol)
        given = {"timeInForce": "IOC", "newClientOrderId": client_id}
        await exchange.create_order(symbol, "limit", "buy", amount, round(ask * 1.01, 1), given)
        await exchange.create_order(symbol, "limit", "buy", amount, round(ask * 0.97, 1), given)
        found: list[tuple[str, str]] = []
        while found[-1:] != [("EXPIRED", "EXPIRED")]:
            text = json.loads((await socket.receive(timeout=WAIT_S)).data)
            if text["e"] == "ORDER_TRADE_UPDATE" and text["o"]["c"] == client_id:
                found.append((text["o"]["x"], text["o"]["X"]))
    assert found[:4] == [("NEW", "NEW"), ("AMENDMENT", "NEW"), ("CANCELED", "CANCELED"), ("NEW", "NEW")]
    assert ("TRADE", "FILLED") in found
    assert found[-2:] == [("NEW", "NEW"), ("EXPIRED", "EXPIRED")]


@ways
async def test_ccxt_pro_hears_of_its_orders_and_trades(
    client: Any, account: str, name: str, symbol: str, amount: float
) -> None:
    exchange, client_id = client(account), some_id()
    await exchange.load_markets()
    await exchange.authenticate({"type": "delivery", "subType": "inverse"} if account == COIN else {})
    watching = asyncio.gather(exchange.watch_my_trades(symbol), exchange.watch_orders(symbol))
    await subscribed(exchange, f"myTrades:{symbol}", f"orders:{symbol}")
    done = await exchange.create_order(symbol, "market", "sell", amount, None, {"newClientOrderId": client_id})
    trades, orders = await asyncio.wait_for(watching, WAIT_S)
    assert trades[-1]["order"] == orders[-1]["id"] == done["id"]
    assert orders[-1]["clientOrderId"] == client_id


@ways
async def test_a_request_that_comes_late_is_refused(
    client: Any, account: str, name: str, symbol: str, amount: float
) -> None:
    exchange = client(account)
    await exchange.load_markets()
    now = exchange.milliseconds
    exchange.nonce = lambda: now() - 10_500  # ccxt sends a window of 10 s
    client_id = some_id()
    with pytest.raises(InvalidNonce, match="-1021"):
        await exchange.create_order(symbol, "market", "buy", amount, None, {"newClientOrderId": client_id})
    exchange.nonce = now
    with pytest.raises(OrderNotFound, match="-2013"):
        await exchange.fetch_order(None, symbol, {"origClientOrderId": client_id})
