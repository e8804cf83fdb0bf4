"""What a venue answers about another order than it was asked about is no word, whatever it says."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from hedgeapp.core.events.orders import OrderIntended
from hedgeapp.core.reference import Account, Venue
from marketdata.queries.credentials import Keys
from portfolio.gateways.exchange import ExchangeGateway, NoWord
from portfolio.gateways.protocols import gateway_of
from tests.builders.books import LINEAR, USDM, instrument
from tests.builders.orders import NAME, VENUE_ID, intended, sent


def body(name: str = NAME, venue_order_id: str = VENUE_ID) -> dict[str, object]:
    return {
        "symbol": instrument(LINEAR).venue_symbol,
        "orderId": int(venue_order_id),
        "clientOrderId": name,
        "side": "SELL",
        "type": "LIMIT",
        "status": "FILLED",
        "price": "2990.10",
        "origQty": "5",
        "executedQty": "5",
        "avgPrice": "2999.5",
        "reduceOnly": False,
        "updateTime": 1772366400123,
    }


@asynccontextmanager
async def answering(answer: dict[str, object]) -> AsyncIterator[ExchangeGateway]:
    """Give a gateway to a venue that answers everything about orders alike."""

    async def order(_: web.Request) -> web.Response:
        return web.json_response(answer)

    app = web.Application()
    app.router.add_route("*", "/fapi/v1/order", order)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    url = f"http://{host}:{port}"
    venue = Venue(name="binance-usdm", protocol="binance-usdm", rest_url=url, ws_url=url)
    account = Account(name=USDM, venue=venue.name, label="main", instruments=("ETH-USDT-PERP",))
    gateway = gateway_of(account, venue, [instrument(LINEAR)], Keys(api_key="k", secret="s"))
    gateway._client.exchange.options["timeDifference"] = 0
    try:
        yield gateway
    finally:
        await gateway.close()
        await runner.cleanup()


ORDER: OrderIntended = intended()


async def test_its_word_on_the_order_itself_counts() -> None:
    async with answering(body()) as gateway:
        for seen in (
            await gateway.place(ORDER, sent()),
            await gateway.find(LINEAR, NAME),
            await gateway.cancel(LINEAR, client_order_id=NAME),
            await gateway.cancel(LINEAR, venue_order_id=VENUE_ID),
        ):
            assert (seen.client_order_id, seen.venue_order_id, seen.status) == (NAME, VENUE_ID, "filled")


@pytest.mark.parametrize("other", [body(name="hg" + "b" * 26), body(name="")])
async def test_its_word_on_another_order_does_not(other: dict[str, object]) -> None:
    async with answering(other) as gateway:
        with pytest.raises(NoWord, match="was asked about"):
            await gateway.place(ORDER, sent())
        with pytest.raises(NoWord, match="was asked about"):
            await gateway.find(LINEAR, NAME)
        with pytest.raises(NoWord, match="was asked about"):
            await gateway.cancel(LINEAR, client_order_id=NAME)


async def test_nor_does_its_word_on_another_order_than_is_to_be_canceled() -> None:
    async with answering(body()) as gateway:
        with pytest.raises(NoWord, match="was asked about"):
            await gateway.cancel(LINEAR, venue_order_id="1")
